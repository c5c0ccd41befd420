//! A page of the book, parsed: commands in blocks, commands in sentences, links, names of files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page, by its path below the root.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) text: &'a str,
}

/// A typed line, and the answer that the page shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: String,
    pub(crate) shown: String,
}

/// All pages with commands: the book, and the files at the root.
pub(crate) fn pages() -> Result<Vec<Page>> {
    let mut paths: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned).to_vec();
    for entry in std::fs::read_dir(root().join("docs"))? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths.sort();
    paths.into_iter().map(|path| Page::read(&path)).collect()
}

impl Page {
    pub(crate) fn read(path: &str) -> Result<Self> {
        let text = std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// The commands of all blocks, in the order of the page.
    pub(crate) fn commands(&self) -> Vec<Command> {
        blocks(&self.text).iter().flat_map(commands).collect()
    }

    /// The code spans outside of blocks.
    pub(crate) fn spans(&self) -> Vec<String> {
        let prose = prose(&self.text);
        let words = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        prose.split("\n\n").flat_map(|text| text.split('`').skip(1).step_by(2).map(words)).collect()
    }

    /// The targets of links.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = prose(&self.text);
        let behind = prose.split("](").skip(1);
        behind.filter_map(|text| text.split_once(')')).map(|(link, _)| link.to_owned()).collect()
    }

    /// The anchors of its headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let heading = |line: &&str| line.starts_with('#');
        prose(&self.text).lines().filter(heading).map(anchor).collect()
    }
}

/// GitHub's anchor for a heading.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}

/// The fenced blocks of a text.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("\n```") {
        let Some((language, body)) = behind.split_once('\n') else { break };
        let (text, behind) = body.split_once("\n```").unwrap_or((body, ""));
        found.push(Block { language, text });
        rest = behind;
    }
    found
}

/// The text without its blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        let fence = line.starts_with("```");
        inside ^= fence;
        if !inside && !fence {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn commands(block: &Block<'_>) -> Vec<Command> {
    let typed = |line: &str| Command { line: line.trim().to_owned(), shown: String::new() };
    let lines = block.text.lines();
    match block.language {
        "console" => console(block.text),
        "sh" | "" => lines.filter(|line| !line.starts_with('#') && !line.is_empty()).map(typed).collect(),
        // The first five fields are the schedule.
        "cron" => lines.filter_map(|line| line.splitn(6, ' ').nth(5)).map(typed).collect(),
        "yaml" => pipeline(block.text),
        _ => Vec::new(),
    }
}

/// Commands after `$`, with the lines of their answers.
fn console(text: &str) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("$ ") {
            found.push(Command { line: line.to_owned(), shown: String::new() });
        } else if let Some(last) = found.last_mut() {
            last.shown.push_str(line);
            last.shown.push('\n');
        }
    }
    found
}

/// The commands of a pipeline's jobs: `script: COMMAND`, and `run: >` with a folded command below it.
fn pipeline(text: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let command = line.trim_start().trim_start_matches("- ");
        let mut words: Vec<&str> = Vec::new();
        if let Some(script) = command.strip_prefix("script: ") {
            words.push(script);
        } else if command == "run: >" {
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                words.push(line.trim());
            }
        } else {
            continue;
        }
        found.push(Command { line: words.join(" "), shown: String::new() });
    }
    found
}

#[test]
fn a_page_is_read_as_a_reader_does() {
    let text = "\
# One `a b`

See [that](other.md#two-words) and `image-syncer
check`.

```console
$ cat f
{}
$ image-syncer plan
```

## Two words, `too`

```cron
7 * * * *  . key && image-syncer
```

```yaml
copy:
  script: image-syncer sync
  steps:
  - run: >
      image-syncer sync
      --json
  - uses: x
```
";
    let page = Page { path: "p.md".into(), text: text.into() };
    let typed = |line: &str, shown: &str| Command { line: line.into(), shown: shown.into() };
    let expected = [
        typed("cat f", "{}\n"),
        typed("image-syncer plan", ""),
        typed(". key && image-syncer", ""),
        typed("image-syncer sync", ""),
        typed("image-syncer sync --json", ""),
    ];
    assert_eq!(page.commands(), expected);
    assert_eq!(page.spans(), ["a b", "image-syncer check", "too"]);
    assert_eq!(page.links(), ["other.md#two-words"]);
    assert_eq!(page.anchors(), ["one-a-b", "two-words-too"]);
}
