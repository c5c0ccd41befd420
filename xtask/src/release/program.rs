//! The binary, and the pages that it generates.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::workspace::output;

/// Shells, with the names of their completion files.
const SHELLS: [(&str, &str); 3] =
    [("bash", "image-syncer.bash"), ("zsh", "_image-syncer"), ("fish", "image-syncer.fish")];

/// The binary, its manual pages and completions.
pub(crate) struct Program {
    pub(crate) binary: Vec<u8>,
    /// `image-syncer-sync.1` and its text, sorted.
    pub(crate) pages: Vec<(String, Vec<u8>)>,
    /// Shell, file name and text.
    pub(crate) completions: Vec<(&'static str, &'static str, Vec<u8>)>,
}

impl Program {
    /// Lets the binary generate them.
    pub(crate) fn read(binary: &Path) -> Result<Self> {
        let bytes = std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
        let folder = tempfile::tempdir()?;
        let binary = binary.canonicalize()?;
        output(Command::new(&binary).args(["man", "--dir"]).arg(folder.path()))?;
        let mut pages = Vec::new();
        for page in std::fs::read_dir(folder.path())? {
            let page = page?;
            pages.push((page.file_name().to_string_lossy().into_owned(), std::fs::read(page.path())?));
        }
        pages.sort();
        ensure!(!pages.is_empty(), "{} man wrote no page", binary.display());
        let completions = SHELLS.map(|(shell, name)| {
            let text = output(Command::new(&binary).args(["completions", shell]))?;
            Ok((shell, name, text.into_bytes()))
        });
        let completions = completions.into_iter().collect::<Result<_>>()?;
        Ok(Self { binary: bytes, pages, completions })
    }
}
