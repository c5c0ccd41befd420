//! Every command line that the documents show can be read: flags that are not there any more, or never were, fail here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::parse;

/// README.md and the pages of docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::fs::read_dir(root.join("docs")).unwrap();
    let mut pages: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages.push(root.join("README.md"));
    pages
}

/// The words that a shell makes of a line, up to a pipe, a redirection or `&&`: quotes and backslashes at the end of a line are all that
/// the documents use.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => (quote, begun) = (Some(letter), true),
            (_, Some(open)) if letter == open => quote = None,
            (' ', None) => words.extend(std::mem::take(&mut begun).then(|| std::mem::take(&mut word))),
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    words.extend(begun.then_some(word));
    let end = words
        .iter()
        .position(|word| ["|", ">", ">>", "<", "2>", "&&", "||", ";", "#", "&"].contains(&word.as_str()));
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// The command lines of this program that a page shows: in blocks of `console`, `sh`, `bash` and in those without a language.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in joined.lines() {
        let line = line.trim_start().trim_start_matches("$ ");
        if line.starts_with("image-syncer ") {
            commands.push(line.to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_documents_can_be_read() {
    let (mut read, mut wrong) = (0, Vec::new());
    for page in pages() {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            // A page may keep a host in a variable of the shell.
            let command = command.replace("$host", "registry.example.com");
            let line = words(&command).into_iter().map(OsString::from);
            match parse(line) {
                Ok(_) => read += 1,
                Err(_) => wrong.push(format!("{}: {command}", page.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 30, "{read}");
}
