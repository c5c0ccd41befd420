//! Detects two names of one file: an output would overwrite an input, or another output.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::args::NamedFile;

/// The list of failures may be input and output: it shrinks with each run.
const GOES_ON: (&str, &str) = ("--retry-failed", "--output-failed-images");

/// A problem for each of `outputs` that is one of `inputs`, or an earlier output.
pub(super) fn same_files(inputs: &[NamedFile], outputs: &[NamedFile]) -> Vec<String> {
    let place = |file: &NamedFile| place(&file.path);
    let read: Vec<_> = inputs.iter().map(|input| (place(input), input.name)).collect();
    let mut written: Vec<(PathBuf, &str)> = Vec::new();
    let mut problems = Vec::new();
    for output in outputs {
        let Some(own) = place(output) else { continue };
        let (name, shown) = (output.name, output.path.display());
        let is_lost = |input: &str| (input, name) != GOES_ON;
        let input = read.iter().find(|(place, input)| place.as_ref() == Some(&own) && is_lost(input));
        if let Some((_, input)) = input {
            problems
                .push(format!("{name}: {shown} is what {input} names, and would be lost: name another file"));
        } else if let Some((_, other)) = written.iter().find(|(place, _)| *place == own) {
            problems
                .push(format!("{name}: {shown} is the file of {other}, too: give each a file of its own"));
        }
        written.push((own, name));
    }
    problems
}

/// The canonical path of a file; `None` for what is not a regular file, such as a device or a pipe, and for this process's own streams.
fn place(path: &Path) -> Option<PathBuf> {
    if path.as_os_str() == "-" || path.starts_with("/dev") || path.starts_with("/proc") {
        return None;
    }
    if let Ok(found) = path.metadata() {
        return found.is_file().then(|| path.canonicalize().ok())?;
    }
    // Writing through a dangling link creates the file that it points to.
    let folder = |path: &Path| match path.parent() {
        Some(folder) if folder.as_os_str() != OsStr::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let path = path.read_link().map_or_else(|_| path.to_owned(), |to| folder(path).join(to));
    Some(folder(&path).canonicalize().ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_by_whichever_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &'static str, path: &str| NamedFile { name, path: folder.path().join(path) };
        std::fs::write(folder.path().join("c.yaml"), "").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for (link, to) in [("link", "c.yaml"), ("ahead", "later.json")] {
            std::os::unix::fs::symlink(to, folder.path().join(link)).unwrap();
        }
        std::fs::write(folder.path().join("failed"), "").unwrap();
        let inputs = [file("--config", "c.yaml"), file("--retry-failed", "failed")];
        for (outputs, problems) in [
            (vec![file("--out", "p.json"), file("--report", "r.json")], 0),
            (vec![file("--out", "sub/../c.yaml")], 1),
            (vec![file("--report", "link"), file("--out", "p.json")], 1),
            (vec![file("--out", "p.json"), file("--report", "sub/../p.json")], 1),
            (vec![file("--out", "later.json"), file("--log", "ahead")], 1),
            (vec![file("--report", "/dev/null"), file("--log", "/dev/null")], 0),
            (vec![file("--report", "none/a"), file("--log", "none/a")], 0),
            (vec![file("--output-failed-images", "failed")], 0),
            (vec![file("--output-success-images", "failed")], 1),
        ] {
            let told = same_files(&inputs, &outputs);
            assert_eq!(told.len(), problems, "{outputs:?}: {told:?}");
        }
    }
}
