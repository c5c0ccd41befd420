//! The output files of a run: opened before it begins, written completely, and reported if they are lost.

use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::command_line::Pair;
use crate::process::Ran;

#[tokio::test(flavor = "multi_thread")]
async fn c6_files_that_cannot_be_written_are_all_told_before_anything_is_asked() -> Result<()> {
    let pair = Pair::start().await?;
    let files =
        "--report /no/folder/r.json --output-success-images /no/folder/s.yaml --output-failed-images .";
    let ran = pair.workplace.run(&format!("--config c.json {files}"))?.expect_code(2)?;
    ran.says(&[
        "--report: /no/folder/r.json cannot be written",
        "--output-success-images: /no/folder/s.yaml cannot be written",
        "--output-failed-images: . cannot be written",
    ])?;
    ensure!(!pair.was_asked());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_what_was_there_stays_until_all_is_written() -> Result<()> {
    let pair = Pair::start().await?;
    pair.workplace.write("report.json", "an older report")?;
    let command = "--config c.json --report report.json --output-success-images /dev/full";
    pair.workplace.run(command)?.expect_code(1)?.says(&["/dev/full cannot be written: "])?;
    let report: serde_json::Value = serde_json::from_str(&pair.workplace.read("report.json")?)?;
    ensure!(report["images"][0]["outcome"] == "copied", "the other file is written all the same: {report}");
    let left = std::fs::read_dir(pair.workplace.path())?.filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".image-syncer-"));
    ensure!(left.count() == 0, "no temporary file is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_named_pipe_gets_the_report() -> Result<()> {
    let pair = Pair::start().await?;
    let pipe = pair.workplace.path().join("pipe");
    ensure!(Command::new("mkfifo").arg(&pipe).status()?.success());
    let mut command = pair.workplace.command("--config c.json --report pipe");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let report = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::fs::File::open(pipe)?.read_to_string(&mut text).map(|_| text)
    });
    let report: serde_json::Value = serde_json::from_str(&report.await??)?;
    ensure!(report["images"][0]["outcome"] == "copied", "{report}");
    Ran::of(child.wait_with_output()?)?.expect_code(0)?;
    // The pipe has no reader: the run still finishes, and reports it.
    pair.workplace.run("--config c.json --report pipe")?.expect_code(1)?.says(&["pipe cannot be written"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_a_report_goes_to_stdout_alone() -> Result<()> {
    let pair = Pair::start().await?;
    for command in ["--config c.json --report -", "--config c.json --report /dev/stdout", "sync --report -"] {
        let ran = pair.workplace.run(command)?.expect_code(0)?;
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).context(ran.all())?;
        ensure!(report["images"].is_array(), "{report}");
    }
    ensure!(!pair.workplace.path().join("-").exists());
    let ran = pair.workplace.run("--config c.json --output-success-images - --output-images-format json")?;
    ensure!(ran.expect_code(0)?.stdout == "{}\n");
    for two in ["sync --json --report -", "--config c.json --report - --output-failed-images -"] {
        pair.workplace.run(two)?.expect_code(2)?.says(&["stdout takes one document"])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_what_a_file_argument_cannot_be_is_refused() -> Result<()> {
    let pair = Pair::start().await?;
    for (command, told) in [
        ("--config c.json --report none/r.html", "none/r.html cannot be written"),
        ("sync --json --config c.json --report r.html --report -", "stdout takes one document"),
        ("--config c.json --state -", "it must be a file"),
        ("sync --json --config c.json --log -", "stdout takes one document"),
        ("--config c.json --log - --report -", "stdout takes one document"),
    ] {
        pair.workplace.run(command)?.expect_code(2)?.says(&[told])?;
    }
    ensure!(!pair.was_asked());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_a_log_goes_to_stdout_alone() -> Result<()> {
    let pair = Pair::start().await?;
    let ran = pair.workplace.run("--config c.json --log - --log-format json")?.expect_code(0)?;
    for line in ran.stdout.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).context(line.to_owned())?;
        ensure!(entry["level"].is_string());
    }
    ensure!(
        ran.stdout.contains("Finished, 0 sync tasks failed") && !pair.workplace.path().join("-").exists()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_a_log_is_added_to() -> Result<()> {
    let pair = Pair::start().await?;
    pair.workplace.write("log", "an older line\n")?;
    for _ in 0..2 {
        pair.workplace.run("--config c.json --log log")?.expect_code(0)?;
    }
    let log = pair.workplace.read("log")?;
    ensure!(log.starts_with("an older line\ntime="), "{log}");
    ensure!(log.matches("Finished, 0 sync tasks failed").count() == 2, "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_a_log_that_is_lost_is_told_once() -> Result<()> {
    let pair = Pair::start().await?;
    let ran = pair.workplace.run("--config c.json --log /dev/full")?.expect_code(0)?;
    ensure!(ran.stderr.matches("the log /dev/full is not written any more").count() == 1, "{}", ran.stderr);
    let ran = pair.workplace.run("--config c.json --log /no/such/folder/log")?.expect_code(0)?;
    ran.says(&["warning: Failed to log to file"])?;
    let ran = pair.workplace.run("--config c.json --log=")?.expect_code(0)?;
    ensure!(
        !ran.stderr.contains("Failed to log"),
        "b12: missed only where one was asked for: {}",
        ran.stderr
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_takes_the_place_of_an_input_or_of_another_output() -> Result<()> {
    let pair = Pair::start().await?;
    let workplace = &pair.workplace;
    let config = workplace.read("c.json")?;
    workplace.run("plan --config c.json --out p.json")?.expect_code(0)?;
    let plan = workplace.read("p.json")?;
    std::os::unix::fs::symlink("c.json", workplace.path().join("link"))?;
    pair.source.clear_requests();
    pair.target.clear_requests();
    for (command, told) in [
        ("plan --config c.json --out c.json", "--out: c.json is what --config names"),
        ("plan --config c.json --out link", "--out: link is what --config names"),
        ("apply p.json --config c.json --report p.json", "--report: p.json is what PLAN names"),
        ("verify --config c.json --report ./c.json", "--report: ./c.json is what --config names"),
        ("sync --config c.json --log c.json", "--log: c.json is what --config names"),
        (
            "--config c.json --output-failed-images c.json",
            "--output-failed-images: c.json is what --config names",
        ),
        (
            "sync --config c.json --summary-markdown c.json",
            "--summary-markdown: c.json is what --config names",
        ),
        ("plan --config c.json --out p.json --report p.json", "--report: p.json is the file of --out, too"),
        ("sync --config c.json --report r.json --log r.json", "--report: r.json is the file of --log, too"),
        ("sync --config c.json --report r.json --output-success-images r.json", "r.json is the file of"),
        ("report show p.json --html p.json", "--html: p.json is what FILE names"),
    ] {
        let ran = workplace.run(command)?;
        ran.expect_code(2)?.says(&[told])?;
    }
    ensure!(!pair.was_asked() && workplace.read("c.json")? == config && workplace.read("p.json")? == plan);
    workplace.run("sync --config c.json --report /dev/null --log /dev/null")?.expect_code(0)?;
    Ok(())
}
