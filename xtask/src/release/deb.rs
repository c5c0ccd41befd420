//! The package for Debian, Ubuntu and their derivatives, packed by Debian's own `dpkg-deb`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::entry::gzip;
use super::program::Program;
use super::workspace::{Workspace, output};

/// Makes systemd load the units; the administrator starts the timer.
const AFTER_INSTALL: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
";
const BEFORE_REMOVAL: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now image-syncer.timer image-syncer.service || true
fi
";
const CONFIG: &str = "etc/image-syncer/image-syncer.yaml";

/// The file name in Debian's form.
pub(crate) fn file_name(workspace: &Workspace) -> String {
    format!("image-syncer_{}_amd64.deb", workspace.version)
}

/// Writes the files into a folder and packs them.
pub(crate) fn make(workspace: &Workspace, program: &Program, licences: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    let documents = "usr/share/doc/image-syncer";
    let put = |path: &str, bytes: &[u8], mode| put(&root, path, bytes, mode);
    put("usr/bin/image-syncer", &program.binary, 0o755)?;
    for (name, text) in &program.pages {
        put(&format!("usr/share/man/man1/{name}.gz"), &gzip(text)?, 0o644)?;
    }
    for (shell, name, text) in &program.completions {
        put(&completion(shell, name), text, 0o644)?;
    }
    for unit in ["image-syncer.service", "image-syncer.timer"] {
        let text = workspace.file(&format!("deploy/systemd/{unit}"))?;
        put(&format!("usr/lib/systemd/system/{unit}"), &text, 0o644)?;
    }
    // It will contain logins.
    put(CONFIG, &workspace.file("deploy/systemd/image-syncer.yaml")?, 0o600)?;
    put(&format!("{documents}/README.md"), &workspace.file("README.md")?, 0o644)?;
    put(&format!("{documents}/copyright"), &workspace.file("LICENSE")?, 0o644)?;
    put(&format!("{documents}/third-party-licences.gz"), &gzip(licences.as_bytes())?, 0o644)?;
    put("DEBIAN/control", control(workspace, size_in_kib(&root)?).as_bytes(), 0o644)?;
    put("DEBIAN/conffiles", format!("/{CONFIG}\n").as_bytes(), 0o644)?;
    put("DEBIAN/postinst", AFTER_INSTALL.as_bytes(), 0o755)?;
    put("DEBIAN/prerm", BEFORE_REMOVAL.as_bytes(), 0o755)?;
    let package = folder.path().join("image-syncer.deb");
    // One thread: the number of threads must not change the bytes.
    let pack = ["--root-owner-group", "-Zxz", "--threads-max=1", "--build"];
    output(
        Command::new("dpkg-deb")
            .args(pack)
            .args([&root, &package])
            .env("SOURCE_DATE_EPOCH", workspace.epoch.to_string()),
    )?;
    std::fs::read(&package).context("dpkg-deb wrote nothing")
}

fn completion(shell: &str, name: &str) -> String {
    match shell {
        "bash" => "usr/share/bash-completion/completions/image-syncer".to_owned(),
        "zsh" => format!("usr/share/zsh/vendor-completions/{name}"),
        _ => format!("usr/share/fish/vendor_completions.d/{name}"),
    }
}

fn control(workspace: &Workspace, kib: u64) -> String {
    format!(
        "Package: image-syncer
Version: {}
Section: net
Priority: optional
Architecture: amd64
Maintainer: The image-syncer authors <maintainers@image-syncer.invalid>
Installed-Size: {kib}
Recommends: ca-certificates
Description: copy container images between registries
 Carries container images from registries to registries, once as a migration or
 every hour as a mirror: bit for bit, and only what is missing.
 .
 The binary is static. A systemd timer comes with it and is off until
 enabled; its configuration is /etc/image-syncer/image-syncer.yaml.
",
        workspace.version
    )
}

fn put(root: &Path, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
    let file = root.join(path);
    let folder = file.parent().context("every file is in a folder")?;
    std::fs::create_dir_all(folder)?;
    // The user's umask must not change the package.
    for folder in folder.ancestors().take_while(|folder| folder.starts_with(root)) {
        std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    std::fs::write(&file, bytes)?;
    std::fs::set_permissions(&file, Permissions::from_mode(mode)).context("cannot set rights")
}

/// Debian's size: each file and folder in whole KiB.
fn size_in_kib(folder: &Path) -> Result<u64> {
    let mut sum = 1;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size_in_kib(&entry.path())? } else { about.len().div_ceil(1024) };
    }
    Ok(sum)
}
