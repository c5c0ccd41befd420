//! The licences of all dependencies in the binary, as their authors wrote them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::dependencies::Dependencies;

/// The beginnings of licence files' names.
const NAMES: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];
/// Debian's copyright file of glibc, which is linked in; it is in Debian's package libc6.
const GLIBC: &str = "/usr/share/doc/libc6/copyright";

/// One text: each licence once, below the names of the dependencies that use it.
pub(crate) fn texts(dependencies: &Dependencies) -> Result<String> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for one in dependencies.0.values().filter(|one| !one.is_own) {
        writeln!(list, "  {} {}: {}", one.name, one.version, one.licence)?;
        for text in texts_in(&one.folder)? {
            users.entry(text).or_default().push(format!("{} {}", one.name, one.version));
        }
    }
    let glibc = std::fs::read_to_string(GLIBC).with_context(|| format!("cannot read {GLIBC}"))?;
    users.entry(glibc.trim().to_owned()).or_default().push("GNU C Library".to_owned());
    let mut whole = format!(
        "image-syncer contains the following crates and the GNU C Library. The texts of their licences follow.\n\n{list}"
    );
    let rule = "-".repeat(80);
    let mut texts: Vec<_> = users.into_iter().map(|(text, users)| (users.join(", "), text)).collect();
    texts.sort();
    for (users, text) in texts {
        writeln!(whole, "\n{rule}\n{users}\n{rule}\n\n{text}")?;
    }
    Ok(whole)
}

fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for file in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let file = file?;
        let name = file.file_name().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && file.path().is_file() {
            let text = std::fs::read(file.path())?;
            texts.push(String::from_utf8_lossy(&text).replace("\r\n", "\n").trim().to_owned());
        }
    }
    texts.sort();
    Ok(texts)
}
