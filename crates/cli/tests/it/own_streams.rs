//! Logs and reports to stdout or stderr: nothing is lost, no line is broken, and programs that read lines get lines.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use serde_json::Value;

use crate::process::Workplace;

/// Two registries; the second lacks all images of the first.
struct World {
    _source: EmbeddedRegistry,
    _target: EmbeddedRegistry,
    workplace: Workplace,
}

const RUN: &str = "sync --auth auth.json --images images.json --no-state";

impl World {
    async fn start(images: usize) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        for number in 0..images {
            let (tag, layers) = (format!("v{number}"), [sample::layer(number as u64, 100)]);
            sample::image(source.store(), "app", Some(&tag), Flavour::Oci, &layers, "amd64");
        }
        let (from, to, workplace) = (source.host(), target.host(), Workplace::new()?);
        let auth = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        workplace.write("images.json", &format!(r#"{{"{from}/app": "{to}/app"}}"#))?;
        Ok(Self { _source: source, _target: target, workplace })
    }

    /// The content of the file that is a run's stderr.
    fn stderr(&self, flags: &str) -> Result<String> {
        let file = File::create(self.workplace.path().join("said"))?;
        let status = self.workplace.command(&format!("{RUN} {flags}")).stderr(file).status()?;
        let said = self.workplace.read("said")?;
        ensure!(status.code() == Some(0), "{status}: {said}");
        Ok(said)
    }

    /// The output of a run whose streams are one pipe.
    fn piped(&self, flags: &str) -> Result<String> {
        let (mut reader, writer) = std::io::pipe()?;
        let mut command = self.workplace.command(&format!("{RUN} {flags}"));
        let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        drop(command);
        let mut said = String::new();
        reader.read_to_string(&mut said)?;
        ensure!(child.wait()?.code() == Some(0), "{said}");
        Ok(said)
    }
}

fn log_lines(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("time=\"")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_stderr_loses_no_line_where_that_is_a_file() -> Result<()> {
    for flags in ["-v --log /dev/stderr", "-v --log /proc/self/fd/2", "-v --log said"] {
        let (alone, world) = (World::start(30).await?, World::start(30).await?);
        alone.stderr("-v --log log")?;
        let (wanted, said) = (log_lines(&alone.workplace.read("log")?), world.stderr(flags)?);
        ensure!(log_lines(&said) == wanted, "{flags}: {} of {wanted}:\n{said}", log_lines(&said));
        let copied = said.lines().filter(|line| line.starts_with("copied 127.0.0.1:")).count();
        ensure!(copied == 30 && said.contains("copied          30 images"), "{flags}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_stderr_leaves_what_was_said_there() -> Result<()> {
    let world = World::start(2).await?;
    for (flags, part) in [
        ("--report /dev/stderr", "\"schema\": \"image-syncer/report/1\""),
        ("--summary-markdown /dev/fd/2", "### \u{2705} image-syncer sync"),
    ] {
        let said = world.stderr(&format!("-v {flags}"))?;
        let images =
            said.lines().filter(|line| line.starts_with(['c', 'u']) && line.contains("app:v")).count();
        ensure!(images == 2 && said.contains("images\n") && said.contains(part), "{flags}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_two_streams_in_one_pipe_stay_whole() -> Result<()> {
    let world = World::start(300).await?;
    let said = world.piped("-v --log - --log-level debug")?;
    let is_whole = |line: &str| {
        let is_log = line.starts_with("time=\"") && line.matches(" level=").count() == 1;
        is_log || line.starts_with("copied ") || line.starts_with("selected ")
    };
    let (lines, summary) = said.split_once("\n\n").context("no summary")?;
    ensure!(lines.lines().count() > 1500, "or this shows little");
    for line in lines.lines() {
        ensure!(is_whole(line), "{line}");
    }
    ensure!(summary.contains("copied         300 images"), "{summary}");

    let world = World::start(100).await?;
    let said = world.piped("-v --progress json --log /dev/stderr --log-format json --log-level debug")?;
    for line in said.lines() {
        let read: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        ensure!(read["type"].is_string() || read["level"].is_string(), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn text_among_lines_of_json_is_refused() -> Result<()> {
    let world = World::start(1).await?;
    let told = ["`--progress json` writes: name another file, or add `--log-format json`"];
    world.workplace.run(&format!("{RUN} --progress json --log /dev/stderr"))?.expect_code(2)?.says(&told)?;
    world.workplace.run(&format!("{RUN} --progress json --log log"))?.expect_code(0)?;
    Ok(())
}

/// The last lines for programs, and the reports.
#[tokio::test(flavor = "multi_thread")]
async fn c6_every_document_has_the_status_that_the_program_ends_with() -> Result<()> {
    let world = World::start(1).await?;
    let full = File::options().write(true).open("/dev/full")?;
    let mut command = world.workplace.command(&format!("{RUN} --json --progress json --report report.json"));
    let ended = command.stdout(full).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8(ended.stderr)?;
    ensure!(ended.status.code() == Some(1), "{}: {said}", ended.status);
    ensure!(said.matches("stdout cannot be written").count() == 1, "{said}");
    let last: Value = serde_json::from_str(said.lines().last().context("nothing is said")?)?;
    ensure!(last["type"] == "summary" && last["exitCode"] == 1, "{said}");
    let report = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&world.workplace.read(name)?)?) };
    ensure!(report("report.json")?["exitCode"] == 1);

    for flags in [
        "--report /dev/full --report ok.json",
        "--report ok.json --report /dev/full",
        "--report ok.json --output-success-images /dev/full",
    ] {
        let ran = world.workplace.run(&format!("{RUN} {flags}"))?.expect_code(1)?;
        ran.says(&["/dev/full cannot be written"])?;
        ensure!(report("ok.json")?["exitCode"] == 1, "{flags}");
    }
    world.workplace.run(&format!("{RUN} --report ok.json"))?.expect_code(0)?;
    ensure!(report("ok.json")?["exitCode"] == 0);
    Ok(())
}
