//! `release` and `image`: everything that users install, built reproducibly: two runs give the same bytes.

mod build;
mod copyright;
mod deb;
mod dependencies;
mod entry;
mod image;
mod program;
mod sbom;
mod tarball;
mod workspace;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use self::dependencies::Dependencies;
use self::program::Program;
use self::workspace::Workspace;
use crate::say::say;

/// Where from, where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Take this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Write into this folder
    #[arg(long, value_name = "FOLDER", default_value = "target/release-artefacts")]
    out: PathBuf,
}

/// Makes the archive, the Debian package, the image, and the files that belong to them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (workspace, program) = prepare(arguments)?;
    let name = format!("image-syncer-{}", workspace.version);
    let dependencies = Dependencies::read()?;
    let licences = copyright::texts(&dependencies)?;
    let sbom = sbom::document(&workspace, &dependencies)?;
    let platform = format!("{name}-linux-amd64");
    let made = [
        (format!("{platform}.tar.gz"), tarball::make(&workspace, &program, &licences, &platform)?),
        (deb::file_name(&workspace), deb::make(&workspace, &program, &licences)?),
        (format!("{platform}-oci.tar"), image::make(&workspace, &program, &licences)?),
        (format!("{name}.cdx.json"), sbom),
        (format!("{name}-third-party-licences.txt"), licences.into_bytes()),
    ];
    let mut sums = String::new();
    for (name, bytes) in &made {
        write(&arguments.out, name, bytes)?;
        writeln!(sums, "{}  {name}", testkit::digest_of(bytes).trim_start_matches("sha256:"))?;
    }
    write(&arguments.out, "SHA256SUMS", sums.as_bytes())
}

/// Makes only the image, as an archive of an OCI layout.
pub(crate) fn run_image(arguments: &Arguments) -> Result<()> {
    let (workspace, program) = prepare(arguments)?;
    let licences = copyright::texts(&Dependencies::read()?)?;
    let name = format!("image-syncer-{}-linux-amd64-oci.tar", workspace.version);
    write(&arguments.out, &name, &image::make(&workspace, &program, &licences)?)
}

fn prepare(arguments: &Arguments) -> Result<(Workspace, Program)> {
    let workspace = Workspace::read()?;
    let binary = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build::build(&workspace)?,
    };
    std::fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    Ok((workspace, Program::read(&binary)?))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(name);
    std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!("{:>11} bytes  {}", bytes.len(), file.display()));
    Ok(())
}
