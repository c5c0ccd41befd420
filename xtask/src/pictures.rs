//! The pictures of the documents, made from real runs: `docs/pictures/`.

mod report;
mod terminal;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Where they go.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program that is shown; without it, one is built
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// The folder for the pictures
    #[arg(long, value_name = "FOLDER", default_value = "docs/pictures")]
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => built()?,
    };
    std::fs::create_dir_all(&arguments.folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let program = program.canonicalize()?;
    runtime.block_on(async {
        terminal::picture(&program, &arguments.folder.join("run.svg")).await?;
        report::picture(&program, &arguments.folder.join("report.png")).await
    })
}

fn built() -> Result<PathBuf> {
    let status = std::process::Command::new("cargo").args(["build", "--package", "image-syncer"]).status()?;
    ensure!(status.success(), "image-syncer cannot be built");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let program = folder.join("debug/image-syncer");
    ensure!(Path::new(&program).is_file(), "{} is not there", program.display());
    program.canonicalize().context("no program")
}
