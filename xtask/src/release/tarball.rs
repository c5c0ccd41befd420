//! The archive for every Linux.

use anyhow::Result;

use super::entry::{Entry, gzip, tar};
use super::program::Program;
use super::workspace::Workspace;

/// One folder with everything in it.
pub(crate) fn make(
    workspace: &Workspace,
    program: &Program,
    licences: &str,
    folder: &str,
) -> Result<Vec<u8>> {
    let place = |name: &str| format!("{folder}/{name}");
    let mut entries = vec![
        Entry::folder(folder),
        Entry::program(place("image-syncer"), program.binary.clone()),
        Entry::file(place("README.md"), workspace.file("README.md")?),
        Entry::file(place("LICENSE"), workspace.file("LICENSE")?),
        Entry::file(place("THIRD-PARTY-LICENCES.txt"), licences),
        Entry::folder(place("man")),
        Entry::folder(place("completions")),
    ];
    let pages = program.pages.iter();
    entries.extend(pages.map(|(name, text)| Entry::file(place(&format!("man/{name}")), text.clone())));
    let completions = program.completions.iter();
    entries.extend(
        completions.map(|(_, name, text)| Entry::file(place(&format!("completions/{name}")), text.clone())),
    );
    gzip(&tar(workspace, entries)?)
}
