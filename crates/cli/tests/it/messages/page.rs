//! `docs/messages.md`, generated from the table and the binary's actual output.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};

use super::Message;
use super::shown::Shown;

const HEAD: &str = "\
# What it says, and what to do

The messages that people meet first. Each was said by the program itself: a test brings it about and writes this page
(`UPDATE_DOCS=1 cargo test -p image-syncer --test it messages`). `harbor.example.com` is the source here,
`registry.example.cn` the target.

A failure has three parts: what failed (the image, and at which side and step), why (in the registry's own words, with the
status), and what to do next. `--report FILE` has the same parts for programs, and `--log FILE --log-level debug` has
every request. `image-syncer check` finds most of these before anything is copied.
";

/// Fails unless the page equals the generated one.
pub(crate) fn compare(groups: &[(&str, Vec<(&Message, Shown)>)]) -> Result<()> {
    let page = page(groups);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messages.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page)?;
        return Ok(());
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(there.lines()).find(|(now, before)| now != before);
    ensure!(page == there, "run UPDATE_DOCS=1 cargo test -p image-syncer --test it messages: {differs:?}");
    Ok(())
}

fn page(groups: &[(&str, Vec<(&Message, Shown)>)]) -> String {
    let mut page = HEAD.to_owned();
    for (heading, messages) in groups {
        let _ = writeln!(page, "\n## {heading}");
        for (message, shown) in messages {
            let Message { title, cause, what_to_do, .. } = message;
            let _ = writeln!(page, "\n### {title}\n\n```text\n{}\n```\n", shown.text.trim_end());
            let _ = writeln!(page, "**Cause.** {cause}\n\n**What to do.** {what_to_do}");
        }
    }
    page
}
