//! The content of the image's file system.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::release::entry::Entry;
use crate::release::program::Program;
use crate::release::workspace::Workspace;

/// The file of Debian's package ca-certificates.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The folder of Debian's package tzdata.
const ZONES: &str = "/usr/share/zoneinfo";
const USERS: &str =
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUPS: &str = "root:x:0:\nnonroot:x:65532:\n";

/// The trusted authorities.
pub(super) fn certificates() -> Result<Vec<Entry>> {
    let bytes = std::fs::read(AUTHORITIES)
        .with_context(|| format!("cannot read {AUTHORITIES}: install ca-certificates"))?;
    Ok(vec![
        Entry::folder("etc"),
        Entry::folder("etc/ssl"),
        Entry::folder("etc/ssl/certs"),
        Entry::file(AUTHORITIES.trim_start_matches('/'), bytes),
    ])
}

/// For `TZ=Asia/Shanghai` in the log's times.
pub(super) fn zones() -> Result<Vec<Entry>> {
    let mut entries = vec![Entry::folder("usr"), Entry::folder("usr/share")];
    add_zones(Path::new(ZONES), &mut entries).context("cannot read time zones: install tzdata")?;
    Ok(entries)
}

fn add_zones(folder: &Path, entries: &mut Vec<Entry>) -> Result<()> {
    let place = |path: &Path| path.to_string_lossy().trim_start_matches('/').to_owned();
    entries.push(Entry::folder(place(folder)));
    for found in std::fs::read_dir(folder)? {
        let path = found?.path();
        let about = path.symlink_metadata()?;
        if about.is_symlink() {
            let to = std::fs::read_link(&path)?;
            // Other links lead out of the folder, to this machine's own settings.
            if to.is_relative() && path.is_file() {
                entries.push(Entry::link(place(&path), to.to_string_lossy()));
            }
        } else if about.is_dir() {
            // Copies of all zones, with leap seconds or without.
            if !path.ends_with("right") && !path.ends_with("posix") {
                add_zones(&path, entries)?;
            }
        } else {
            let bytes = std::fs::read(&path)?;
            if bytes.starts_with(b"TZif") {
                entries.push(Entry::file(place(&path), bytes));
            }
        }
    }
    Ok(())
}

/// The program and the folders that it needs.
pub(super) fn own_files(workspace: &Workspace, program: &Program, licences: &str) -> Result<Vec<Entry>> {
    let mut entries: Vec<_> = [
        "bin",
        "etc",
        "etc/image-syncer",
        "home",
        "usr",
        "usr/local",
        "usr/local/bin",
        "usr/share",
        "usr/share/doc",
    ]
    .map(Entry::folder)
    .into();
    let documents = "usr/share/doc/image-syncer";
    entries.extend([
        Entry::folder("tmp").mode(0o1777),
        Entry::folder("home/nonroot").mode(0o777),
        Entry::file("etc/passwd", USERS),
        Entry::file("etc/group", GROUPS),
        Entry::program("usr/local/bin/image-syncer", program.binary.clone()),
        Entry::folder(documents),
        Entry::file(format!("{documents}/LICENSE"), workspace.file("LICENSE")?),
        Entry::file(format!("{documents}/THIRD-PARTY-LICENCES.txt"), licences),
    ]);
    Ok(entries)
}
