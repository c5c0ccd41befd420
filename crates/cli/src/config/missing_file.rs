//! The advice for a missing file: most likely its name is misspelt, or it is in another folder.

use std::path::Path;

use crate::nearest::nearest;

/// The most names of a folder that are compared.
const MOST_COMPARED: usize = 1000;

/// The advice.
pub(super) fn help(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("its folder `{}` is not there either: check the whole path", folder.display());
    };
    let names =
        entries.take(MOST_COMPARED).flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let typed = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match nearest(&typed, &known) {
        Some(meant) => format!("did you mean `{}`?", path.with_file_name(meant).display()),
        None => "check the name; a relative path begins at the folder that the command runs in".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_with_the_file_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mirror.yaml"), "").unwrap();
        let told = |name: &str| help(&folder.path().join(name));
        assert!(told("mirro.yaml").ends_with("/mirror.yaml`?"), "{}", told("mirro.yaml"));
        assert!(told("mirror.yml").ends_with("/mirror.yaml`?"));
        assert!(told("another").contains("the folder that the command runs in"));
        assert!(told("none/mirror.yaml").contains("is not there either"));
    }
}
