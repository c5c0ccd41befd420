//! Checks the book: its commands run as written, the things it names exist, and its links are valid.

pub(crate) mod page;
mod stage;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::Workplace;
use page::{Command, Page, blocks, pages, root};
use stage::Stage;

/// Commands that need more than this machine's loopback, and the reason why they need not be run here.
const NOT_RUN: [(&str, &str); 18] = [
    ("cargo build", "this test runs what a build has made"),
    ("cargo test ", "it runs this test, or its neighbours"),
    ("scripts/test", "it runs this test"),
    ("cargo xtask bench ", "it measures for minutes, beside whatever else is installed"),
    ("sha256sum ", "a release's files: scripts/test --packages"),
    ("tar -xzf ", "a release's files: scripts/test --packages"),
    ("sudo install ", "a release's files: scripts/test --packages"),
    ("sudo apt ", "a release's files: scripts/test --packages"),
    ("sudoedit ", "an editor"),
    ("nats-server -c ", "a certificate: the fleet's tests start NATS with these users"),
    ("image-syncer worker --fleet tls:", "a NATS with a certificate: the page has the same without"),
    (
        "image-syncer sync --config mirror.yaml --fleet tls:",
        "a NATS with a certificate: the page has the same without",
    ),
    ("sudo systemctl ", "systemd: scripts/test --packages looks at the units"),
    (
        "curl --fail --header \"PRIVATE-TOKEN",
        "a GitLab: scripts/test --packages runs the jobs of the template",
    ),
    ("skopeo copy oci-archive:", "a release's files: scripts/test --packages"),
    ("docker run ", "a container engine: scripts/test --packages runs the image in a chroot"),
    ("kubectl ", "a cluster: scripts/test --packages looks at the manifests"),
    ("helm ", "a cluster: scripts/test --packages renders the chart"),
];

/// Files that a page's commands read: page, file name, the page with its text, and the language and index of its block.
const FILES: [(&str, &str, &str, &str, usize); 9] = [
    ("docs/start.md", "image-syncer.yaml", "docs/start.md", "yaml", 0),
    ("docs/install.md", "image-syncer.yaml", "docs/start.md", "yaml", 0),
    ("docs/harbor-to-acr.md", "harbor-to-acr.json", "docs/harbor-to-acr.md", "json", 0),
    ("docs/migration-checklist.md", "harbor-to-acr.json", "docs/harbor-to-acr.md", "json", 0),
    ("docs/prune.md", "image-syncer.yaml", "docs/prune.md", "yaml", 0),
    ("docs/report.md", "image-syncer.yaml", "docs/start.md", "yaml", 0),
    ("docs/report.md", "mirror.yaml", "docs/start.md", "yaml", 0),
    ("docs/scale.md", "mirror.yaml", "docs/start.md", "yaml", 0),
    ("docs/verbs.md", "c.yaml", "docs/start.md", "yaml", 0),
];

/// Commands that a page implies or describes in words: the page, the beginning of the command that they precede ("" for the page's
/// beginning), and the command.
const IN_WORDS: [(&str, &str, &str); 9] = [
    ("README.md", "cat ", PREPARE),
    ("docs/harbor-to-acr.md", "image-syncer acr setup", PREPARE),
    // The command of the service.
    (
        "docs/install.md",
        "sudo image-syncer plan",
        "image-syncer sync --config image-syncer.yaml --state state --report report.json --quiet",
    ),
    ("docs/migration-checklist.md", "", PREPARE),
    ("docs/prune.md", "", "image-syncer sync"),
    ("docs/report.md", "", "image-syncer sync --config mirror.yaml --shard 1/2 --report shard-1.json"),
    ("docs/report.md", "", "image-syncer sync --config mirror.yaml --shard 2/2 --report shard-2.json"),
    // A rule that fails at first, and succeeds later.
    (
        "docs/verbs.md",
        "",
        "echo '  - {from: docker.io/library/late:1, to: registry.example.com/late}' >>c.yaml",
    ),
    (
        "docs/verbs.md",
        "image-syncer --config c.yaml --output-failed-images",
        "image-syncer copy docker.io/library/alpine:3.20 docker.io/library/late:1",
    ),
];

const PREPARE: &str =
    "image-syncer acr setup my-registry.cn-shanghai.cr.aliyuncs.com --namespace image-syncer --apply";

/// The end of a command, unless it ends by itself with status 0.
enum End {
    Status(i32),
    /// It runs until it is stopped.
    WithThePage,
}

const ENDS: [(&str, &str, End); 2] = [
    ("docs/verbs.md", "image-syncer --config c.yaml --output-failed-images failed.yaml", End::Status(1)),
    ("docs/scale.md", "image-syncer worker ", End::WithThePage),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_book_runs_or_is_listed_with_the_reason() -> Result<()> {
    let (mut not_run, mut wrong) = (Vec::new(), Vec::new());
    for page in pages()? {
        let commands = page.commands();
        if commands.is_empty() {
            continue;
        }
        match try_page(&page, &commands).await {
            Ok(left) => not_run.extend(left),
            Err(error) => wrong.push(format!("{}: {error:#}", page.path)),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (index, (prefix, _)) in NOT_RUN.iter().enumerate() {
        ensure!(not_run.contains(&index), "no page has `{prefix}` any more: take it out of the list");
    }
    Ok(())
}

/// Runs the commands of a page one by one; returns the entries of [`NOT_RUN`] that it has.
async fn try_page(page: &Page, commands: &[Command]) -> Result<Vec<usize>> {
    let in_words = |after: &'static str| {
        let of_page = IN_WORDS.iter().filter(|(path, ..)| *path == page.path);
        of_page.filter(move |(_, before, _)| *before == after).map(|(.., line)| *line)
    };
    let mut files = Vec::new();
    for (_, name, from, language, nth) in FILES.iter().filter(|(path, ..)| *path == page.path) {
        files.push((*name, block(from, language, *nth)?));
    }
    let texts =
        files.iter().map(|(_, text)| text.as_str()).chain(commands.iter().map(|each| each.line.as_str()));
    let texts = texts.chain(commands.iter().map(|each| each.shown.as_str()));
    let texts = texts.chain(IN_WORDS.iter().filter(|(path, ..)| *path == page.path).map(|(.., line)| *line));
    let mut stage = Stage::set(&texts.collect::<Vec<_>>().join("\n")).await?;
    for (name, text) in &files {
        stage.workplace.write(name, &stage.translate(text))?;
    }
    let (mut left, mut going) = (Vec::new(), Vec::new());
    for line in in_words("") {
        stage.run(line)?.expect_code(0).with_context(|| line.to_owned())?;
    }
    for command in commands {
        if let Some(index) = NOT_RUN.iter().position(|(prefix, _)| command.line.starts_with(prefix)) {
            left.push(index);
            continue;
        }
        going.extend(type_in(&mut stage, page, command).with_context(|| command.line.clone())?);
        let after = IN_WORDS.iter().map(|(_, after, _)| *after).filter(|after| !after.is_empty());
        let mut after: Vec<_> = after.filter(|after| command.line.starts_with(after)).collect();
        after.dedup();
        for line in after.into_iter().flat_map(in_words) {
            stage.run(line)?.expect_code(0).with_context(|| line.to_owned())?;
        }
    }
    going.into_iter().try_for_each(stop)?;
    Ok(left)
}

/// Runs one command, and checks that it ends and answers as its page says; returns the process if it keeps running.
fn type_in(stage: &mut Stage, page: &Page, command: &Command) -> Result<Option<Child>> {
    if let Some(file) = command.line.strip_prefix("cat ") {
        stage.workplace.write(file, &stage.translate(&command.shown))?;
    }
    let end = ENDS.iter().find(|(path, prefix, _)| *path == page.path && command.line.starts_with(prefix));
    let status = match end {
        None => 0,
        Some((.., End::Status(status))) => *status,
        Some((.., End::WithThePage)) => {
            let mut shell = stage.shell(&format!("exec {}", stage.translate(&command.line)));
            return Ok(Some(shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?));
        }
    };
    let ran = stage.run(&command.line)?.expect_code(status)?;
    let shown = stage.translate(&command.shown);
    ensure!(shown.is_empty() || ran.stdout == shown, "the page shows:\n{shown}\nit says:\n{}", ran.stdout);
    Ok(None)
}

/// Stops the process as a service manager does.
fn stop(mut going: Child) -> Result<()> {
    if let Some(status) = going.try_wait()? {
        bail!("it ended by itself: {status}");
    }
    std::process::Command::new("kill").args(["-TERM", &going.id().to_string()]).status()?;
    let ended = going.wait_with_output()?;
    ensure!(ended.status.code() == Some(143), "{ended:?}");
    Ok(())
}

fn block(path: &str, language: &str, nth: usize) -> Result<String> {
    let page = Page::read(path)?;
    let mut of_language = blocks(&page.text).into_iter().filter(|block| block.language == language);
    Ok(of_language.nth(nth).with_context(|| format!("{path} has no such {language} block"))?.text.to_owned()
        + "\n")
}

#[test]
fn no_command_stands_where_nobody_looks_for_it() -> Result<()> {
    for page in pages()? {
        for block in blocks(&page.text) {
            let reads = matches!(block.language, "console" | "sh" | "" | "cron" | "yaml" | "json" | "text");
            ensure!(reads, "{}: a block in `{}`:\n{}", page.path, block.language, block.text);
            let is_command = |line: &str| line.starts_with("$ ") || line.starts_with("image-syncer ");
            let hidden = block.language == "text" && block.text.lines().any(is_command);
            ensure!(!hidden, "{}: write ```console:\n{}", page.path, block.text);
        }
    }
    Ok(())
}

/// Substitutes for placeholders in sentences, where the binary does not accept every word.
const FILLED_IN: [(&str, &str); 10] = [
    ("schema NAME", "schema config"),
    ("completions SHELL", "completions bash"),
    ("VERB", "sync"),
    ("--instance ID", "--instance cri-abc123"),
    ("--namespace NAME", "--namespace mirror"),
    ("URL", "nats://127.0.0.1:4222"),
    ("TIME", "5m"),
    ("P%", "5%"),
    ("I/", "1/"),
    ("--max-delete N", "--max-delete 5"),
];

/// A command of a sentence as typed: with the first of alternatives, optional parts, and examples for placeholders.
fn filled_in(span: &str) -> String {
    let first = |word: &str| word.split("\\|").next().unwrap_or_default().to_owned();
    let plain = span.replace(['[', ']'], "").replace("...", "");
    let plain: Vec<_> = plain.split(' ').map(first).collect();
    FILLED_IN.iter().fold(plain.join(" "), |line, (word, example)| line.replace(word, example))
}

#[test]
fn every_command_in_a_sentence_can_be_typed() -> Result<()> {
    let workplace = Workplace::new()?;
    let chores = std::fs::read_to_string(root().join("xtask/src/main.rs"))?.to_lowercase();
    let (mut typed, mut wrong) = (BTreeSet::new(), Vec::new());
    for page in pages()? {
        for span in page.spans() {
            let place = || format!("{}: `{span}`", page.path);
            if let Some(arguments) = span.strip_prefix("image-syncer ") {
                let arguments = filled_in(arguments);
                if typed.insert(arguments.clone()) {
                    // `--help` comes last, so the program must know all words before it.
                    let ran = workplace.run(&format!("{arguments} --help"))?.expect_code(0);
                    wrong.extend(ran.err().map(|error| format!("{}: {error}", place())));
                }
            } else if let Some(chore) = span.strip_prefix("cargo xtask ") {
                let name = chore.split(' ').next().unwrap_or_default();
                if !chores.contains(&format!("chore::{name}")) {
                    wrong.push(place());
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(typed.len() > 30, "{typed:?}");
    Ok(())
}

#[test]
fn links_and_names_of_files_lead_somewhere() -> Result<()> {
    let files = files_of_the_repository()?;
    let mut wrong = Vec::new();
    for page in pages()? {
        let broken = page.links().into_iter().filter(|link| !leads_somewhere(&page, link));
        wrong.extend(broken.map(|link| format!("{}: ({link})", page.path)));
        for span in page.spans() {
            let is_name = is_rust(&span) && !span.contains([' ', '*', '{']);
            let ending = format!("/{span}");
            let is_it = |file: &String| file.ends_with(&ending) || without_src(file).ends_with(&ending);
            if is_name && !files.iter().any(is_it) {
                wrong.push(format!("{}: `{span}`", page.path));
            }
        }
    }
    ensure!(wrong.is_empty(), "there is no\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn tests_that_the_book_names_are_there() -> Result<()> {
    let mut functions = BTreeSet::new();
    for file in files_of_the_repository()?.iter().filter(|file| is_rust(file)) {
        let text = std::fs::read_to_string(root().join(&file[1..]))?;
        let names = text.split("fn ").skip(1).filter_map(|behind| behind.split(['(', '<']).next());
        functions.extend(names.map(str::to_owned));
    }
    let mut wrong = Vec::new();
    for span in Page::read("docs/reliability.md")?.spans() {
        let is_word = span.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        // Words with fewer underscores are fields and settings.
        if is_word && span.matches('_').count() > 2 && !functions.contains(&span) {
            wrong.push(span);
        }
    }
    ensure!(wrong.is_empty(), "there is no {wrong:?}");
    Ok(())
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

/// Whether a link's page exists, with the heading that it names. External links are not checked.
fn leads_somewhere(page: &Page, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.path.clone() } else { format!("{folder}/{path}") };
    let target = target.trim_start_matches('/');
    let has_heading =
        || Page::read(target).is_ok_and(|page| page.anchors().iter().any(|each| each == anchor));
    root().join(target).exists() && (anchor.is_empty() || has_heading())
}

/// The documents write `cli/main.rs` for `crates/cli/src/main.rs`.
fn without_src(file: &str) -> String {
    file.replace("/src/", "/")
}

/// All paths below `crates`, `xtask`, `fuzz` and `scripts`, which begin with `/`.
fn files_of_the_repository() -> Result<Vec<String>> {
    let mut folders: Vec<_> = ["crates", "xtask", "fuzz"].map(|name| root().join(name)).to_vec();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                if entry.file_name() != "target" {
                    folders.push(entry.path());
                }
            } else {
                files.push(format!("/{}", entry.path().strip_prefix(root())?.display()));
            }
        }
    }
    Ok(files)
}
