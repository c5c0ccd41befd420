//! The output during a run, for people on a real terminal, and for programs.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::Value;

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};
use crate::terminal::Terminal;

/// A source that serves its layers slowly, and a target.
struct Slow {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

const MIB: usize = 1 << 20;

impl Slow {
    /// `images` images in one repository, each with a layer of `size` bytes.
    async fn start(images: usize, size: usize) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        for number in 0..images {
            let (layers, tag) = ([sample::layer(number as u64, size)], format!("v{number}"));
            sample::image(source.store(), REPOSITORY, Some(&tag), Flavour::Oci, &layers, "amd64");
        }
        let auth = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        workplace.write("images.json", &format!(r#"{{"{from}/{REPOSITORY}": "{to}/{REPOSITORY}"}}"#))?;
        Ok(Self { source, target, workplace })
    }

    /// Serves layers in pieces, so slowly that a run can be observed.
    fn trickle(&self, bytes: usize) {
        let effect = Effect::Trickle { bytes, pause: Duration::from_millis(100) };
        self.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    }

    fn terminal(&self, size: (u16, u16), variables: &str, flags: &str) -> Result<Terminal> {
        Terminal::start(&self.workplace, size, variables, &format!("{COMMAND} {flags}"))
    }

    /// The screen without texts that vary between runs.
    fn constant(&self, screen: &str) -> String {
        let screen = screen.replace(&self.source.host(), "SOURCE").replace(&self.target.host(), "TARGET");
        let lines = screen.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }
}

const REPOSITORY: &str = "platform/team/gateway-service";
const COMMAND: &str = "--auth auth.json --images images.json --no-state";

fn has_ended(screen: &str) -> bool {
    screen.contains("status ")
}

/// Fails if a wide line does not fit, or a part of a picture is left.
fn ensure_clean(screen: &str) -> Result<()> {
    for part in ["━", "─", " so far", "in work", "looking"] {
        ensure!(!screen.contains(part), "{part:?} has stayed:\n{screen}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_at_three_widths_and_the_summary_is_all_that_stays() -> Result<()> {
    let took = regex::Regex::new(r"in <?[0-9.]+ s with [0-9]+ requests?(, [0-9.]+ MiB/s)?")?;
    for columns in [40, 80, 200] {
        let slow = Slow::start(1, 4 * MIB).await?;
        slow.trickle(200_000);
        let terminal = slow.terminal((columns, 24), "", "")?;
        let screen = terminal.until(|screen| screen.contains("/s") || screen.contains("left")).await?;
        let lines: Vec<_> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
        ensure!(lines.len() == 3, "run, images and the one that is in work:\n{screen}");
        ensure!(lines[0].starts_with('━') || lines[0].starts_with('─'), "{screen}");
        ensure!(lines[1].starts_with("0 of 1 image done"), "{screen}");
        ensure!(lines[2].contains("MiB") && lines[2].contains(":v0"), "{screen}");
        let screen = terminal.until(has_ended).await?;
        ensure_clean(&screen)?;
        let screen = slow.constant(&screen);
        let wanted = "  copied           1 image\n  unchanged        0 images\n  failed           0 images\n  moved      4.00 MiB TOOK\nFinished, 0 sync tasks failed, 0 tasks generate failed\nstatus 0";
        // Text that does not fit continues in the next row.
        let joined = |text: &str| text.split_whitespace().collect::<String>();
        let found = took.replace(&unwrapped(&screen, columns.into()), "TOOK").into_owned();
        ensure!(joined(&found) == joined(wanted), "at {columns}:\n{found}\ninstead of\n{wanted}");
        ensure!(columns == 40 || found == wanted, "at {columns}:\n{found}\ninstead of\n{wanted}");
    }
    Ok(())
}

/// The lines before a terminal of this width wrapped them.
fn unwrapped(screen: &str, columns: usize) -> String {
    let mut text = String::new();
    for line in screen.lines() {
        text.push_str(line);
        if line.chars().count() < columns {
            text.push('\n');
        }
    }
    text.trim_end().to_owned()
}

/// Whether the picture at the end of the screen is complete. Rows that a narrower window pushed off the top cannot be erased.
fn is_whole_at_end(screen: &str, columns: usize) -> bool {
    let lines: Vec<_> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
    if columns < 40 {
        return lines.last().is_some_and(|line| line.ends_with("/10 images"));
    }
    let Some(run) = lines.iter().rposition(|line| line.starts_with(['━', '─'])) else { return false };
    let fits = lines[run..].iter().all(|line| line.chars().count() < columns);
    fits && lines.get(run + 1).is_some_and(|line| line.contains("of 10 images done"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_images_while_the_window_is_resized_stay_a_whole_picture() -> Result<()> {
    let slow = Slow::start(10, 4 * MIB).await?;
    slow.trickle(100_000);
    let terminal = slow.terminal((120, 60), "", "-v")?;
    terminal.until(|screen| screen.contains(" left")).await?;
    for (columns, rows) in [(60, 60), (40, 10), (200, 5), (30, 60), (90, 8), (41, 30), (140, 60)] {
        terminal.resize(columns, rows)?;
        terminal.until_seen(|screen| is_whole_at_end(screen, columns.into())).await?;
    }
    let screen = terminal.until(has_ended).await?;
    let copied = screen.lines().filter(|line| line.starts_with("copied ")).count();
    ensure!(copied == 10, "{copied} lines:\n{screen}");
    let end = screen.rsplit("\ncopied ").next().unwrap_or_default();
    ensure!(end.contains("copied          10 images"), "{screen}");
    ensure_clean(end)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_images_at_three_widths_are_a_whole_picture() -> Result<()> {
    for columns in [40, 80, 200] {
        let slow = Slow::start(10, MIB).await?;
        slow.trickle(60_000);
        let terminal = slow.terminal((columns, 24), "", "")?;
        let is_shown = |screen: &str| screen.contains(" left") && is_whole_at_end(screen, columns.into());
        let screen = terminal.until_seen(is_shown).await?;
        ensure!(screen.lines().filter(|line| line.contains(":v")).count() > 1, "rows of images:\n{screen}");
        ensure_clean(&terminal.until(has_ended).await?)?;
    }
    Ok(())
}

/// Fewer rows than the picture needs: no part of it may scroll off the top, where it could not be erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_lower_than_the_picture_keeps_nothing_of_it() -> Result<()> {
    for rows in [3, 5] {
        let slow = Slow::start(6, MIB).await?;
        slow.trickle(60_000);
        // tmux needs a row for itself.
        let terminal = slow.terminal((80, rows), "", "")?;
        terminal.until(|screen| screen.contains('%')).await?;
        let screen = terminal.until(has_ended).await?;
        ensure!(screen.contains("copied           6 images"), "{screen}");
        ensure_clean(&screen)?;
    }
    Ok(())
}

/// The bytes that the program sends to a terminal of this width.
fn sent_to_terminal(slow: &Slow, variables: &str, columns: u16, arguments: &str) -> Result<Vec<u8>> {
    let program = env!("CARGO_BIN_EXE_image-syncer");
    // tmux keeps some 2,000 lines, and does not pass on all codes: `script` records everything.
    let line = format!("env {variables} COLUMNS={columns} LINES=24 TERM=xterm {program} {arguments}");
    let script = std::process::Command::new("script")
        .args(["-qec", &line, "typescript"])
        .current_dir(slow.workplace.path())
        .env_clear()
        .env("HOME", slow.workplace.path())
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    ensure!(script.code().is_some_and(|code| code < 2), "{script}");
    let taken_down = std::fs::read(slow.workplace.path().join("typescript"))?;
    // The first line is `script`'s own.
    let begin = taken_down.iter().position(|byte| *byte == b'\n').context("nothing was taken down")? + 1;
    Ok(taken_down[begin..].to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_images_with_failures_in_between_tear_no_line() -> Result<()> {
    for columns in [40, 200] {
        let slow = Slow::start(3000, 10).await?;
        for number in [1007, 1500, 2999] {
            let when = Match::put(&format!("/manifests/v{number}"));
            let effect = Effect::refuse(403, "DENIED", "no right");
            slow.target.misbehave(Fault { when, times: Times::Always, effect });
        }
        let sent = sent_to_terminal(&slow, "", columns, &format!("{COMMAND} -v"))?;
        ensure!(String::from_utf8_lossy(&sent).contains('━'), "or this shows nothing");
        // A terminal in which everything fits.
        let size = |number: u16| std::num::NonZero::new(number).context("no room");
        let rows = 3000 * (200 / columns + 1) + 300;
        let mut parser = vt100::Parser::new(size(rows)?, size(columns)?, 0);
        parser.process(&sent);
        let screen = parser.screen().contents();
        ensure_clean(&screen)?;
        let screen = slow.constant(&screen);
        let lines: std::collections::HashSet<_> = screen.lines().map(without_digest).collect();
        for number in 0..3000 {
            let image = format!("SOURCE/{REPOSITORY}:v{number} -> TARGET/{REPOSITORY}:v{number}");
            let is_there = if [1007, 1500, 2999].contains(&number) {
                let failed = format!("failed {image}: target TARGET");
                lines
                    .iter()
                    .any(|line| line.starts_with(&failed) && line.contains("(DENIED: no right), request id"))
            } else {
                lines.contains(&format!("copied {image} ()"))
            };
            let near: Vec<_> = lines.iter().filter(|line| line.contains(&format!(":v{number}"))).collect();
            ensure!(is_there, "at {columns}, {image} is not whole: {near:#?}");
        }
        for wanted in
            ["copied        2997 images", "failed           3 images", "also:  2 more images for the same"]
        {
            ensure!(screen.contains(wanted), "no {wanted:?}:\n{screen}");
        }
    }
    Ok(())
}

fn without_digest(line: &str) -> String {
    match line.split_once("(sha256:") {
        Some((before, rest)) if rest.len() == 65 => format!("{before}({}", &rest[64..]),
        _ => line.to_owned(),
    }
}

/// A user who starts a run with `&` keeps using the terminal, so the run must not draw there.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_the_background_draws_nothing_until_it_is_in_front() -> Result<()> {
    let slow = Slow::start(2, 2 * MIB).await?;
    slow.trickle(40_000);
    let terminal = Terminal::start_behind(&slow.workplace, (80, 24), COMMAND)?;
    let typed = (1..=8).map(|number| format!("typed {number}")).collect::<Vec<_>>().join("\n") + "\n";
    let screen = terminal.until(|screen| screen.contains("typed 8")).await?;
    ensure!(screen.starts_with(&typed), "{screen}");
    ensure!(!slow.target.requests().is_empty(), "it runs meanwhile");
    let screen = terminal.until(|screen| screen.contains("of 2 images done")).await?;
    ensure!(screen.starts_with(&typed), "{screen}");
    let screen = terminal.until(has_ended).await?;
    ensure!(screen.starts_with(&typed) && screen.contains("copied           2 images"), "{screen}");
    ensure_clean(&screen)
}

#[tokio::test(flavor = "multi_thread")]
async fn dumb_terminals_and_those_without_colour_get_plain_text() -> Result<()> {
    let slow = Slow::start(3, MIB).await?;
    slow.trickle(100_000);
    let terminal = slow.terminal((80, 24), "TERM=dumb", "-v")?;
    let screen = terminal.until(|screen| screen.contains("copied ") || has_ended(screen)).await?;
    ensure_clean(&screen)?;
    let colours = {
        terminal.until(has_ended).await?;
        terminal.colours()?
    };
    ensure!(!colours.contains('\u{1b}'), "{colours:?}");

    let slow = Slow::start(3, MIB).await?;
    slow.trickle(100_000);
    let terminal = slow.terminal((80, 24), "NO_COLOR=1", "-v")?;
    terminal.until(|screen| screen.contains('─')).await?;
    let colours = terminal.colours()?;
    ensure!(!colours.contains("\u{1b}[3"), "{colours:?}");
    terminal.until(has_ended).await?;
    let plain = slow.terminal((80, 24), "", "-v")?;
    plain.until(has_ended).await?;
    ensure!(plain.colours()?.contains("\u{1b}["), "or this shows nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_and_throttled_hosts_are_named() -> Result<()> {
    let slow = Slow::start(3, MIB).await?;
    let effect = Effect::too_many_requests("600");
    slow.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    let terminal = slow.terminal((120, 24), "", "--drain 1")?;
    let asked = format!("{} asked to wait: 9 min", slow.source.host());
    let again = format!("{} has too many requests: again in ", slow.source.host());
    let screen = terminal.until(|screen| screen.contains(&asked) && screen.contains(&again)).await?;
    ensure!(screen.contains("3 in work"), "{screen}");
    // The run gets its time to finish, and then ends.
    terminal.press("C-c")?;
    let screen = terminal.until(has_ended).await?;
    ensure!(!screen.contains('─') && screen.contains("not done         3 images"), "{screen}");
    ensure!(screen.contains("status 130"), "{screen}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_leaves_a_clean_screen() -> Result<()> {
    let slow = Slow::start(2, MIB).await?;
    let effect = Effect::StallBodyAfter(MIB / 2);
    slow.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    let terminal = slow.terminal((80, 24), "", "--drain 3600")?;
    terminal.until(|screen| screen.contains("2 in work")).await?;
    terminal.press("C-c")?;
    let screen = terminal.until(|screen| screen.contains("once more to end at once")).await?;
    ensure!(screen.contains("2 in work"), "it goes on:\n{screen}");
    // Within 100 ms it would count as the same signal.
    tokio::time::sleep(Duration::from_millis(200)).await;
    terminal.press("C-c")?;
    let screen = terminal.until(has_ended).await?;
    ensure!(!screen.contains("in work;") && !screen.contains('─'), "{screen}");
    ensure!(screen.contains("status 130"), "{screen}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_interrupt_it_is_said_that_the_same_command_goes_on() -> Result<()> {
    let slow = Slow::start(2, MIB).await?;
    let effect = Effect::StallBodyAfter(MIB / 2);
    let layers = [sample::layer(9, 100_000)];
    sample::image(slow.source.store(), REPOSITORY, Some("first"), Flavour::Oci, &layers, "amd64");
    slow.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    let terminal = slow.terminal((100, 24), "", "--drain 1")?;
    terminal.until(|screen| screen.contains("1 of 3 images done") && screen.contains("2 in work")).await?;
    terminal.press("C-c")?;
    let screen = terminal.until(has_ended).await?;
    ensure!(screen.contains("  next       the same command goes on: at least 9"), "{screen}");
    ensure!(screen.contains("not done         2 images") && screen.contains("status 130"), "{screen}");
    Ok(())
}

fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_lines_that_fit_their_schema() -> Result<()> {
    let slow = Slow::start(4, MIB).await?;
    slow.trickle(60_000);
    slow.target.misbehave(Fault {
        when: Match::put("/manifests/v2"),
        times: Times::Always,
        effect: Effect::refuse(403, "DENIED", "no right"),
    });
    slow.target.misbehave(Fault {
        when: Match::put("/manifests/v3"),
        times: Times::First(1),
        effect: Effect::Status { code: 503, body: String::new(), headers: Vec::new() },
    });
    let schema = slow.workplace.run("schema progress")?.expect_code(0)?;
    let schema: Value = serde_json::from_str(&schema.stdout)?;
    let ran = slow.workplace.run(&format!("{COMMAND} -v --progress json --records odd"))?.expect_code(1)?;
    ensure!(ran.stdout == "Finished, 1 sync tasks failed, 0 tasks generate failed\n", "{}", ran.stdout);
    let lines = lines(&ran.stderr)?;
    for line in &lines {
        conforms(&schema, line)?;
    }
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    ensure!(of("image").len() == 4 && of("summary").len() == 1, "{}", ran.stderr);
    ensure!(
        of("warning")
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|text| text.contains("--records")))
    );
    let (failed, again): (Vec<_>, Vec<_>) =
        of("error").into_iter().partition(|line| line["secondsUntilRetry"].is_null());
    ensure!(failed.len() == 1 && failed[0]["error"]["code"] == "DENIED", "{}", ran.stderr);
    ensure!(!again.is_empty(), "the second try is told:\n{}", ran.stderr);
    let summary = lines.last().context("no line")?;
    ensure!(summary["type"] == "summary" && summary["exitCode"] == 1, "{summary}");
    ensure!(summary["totals"]["copied"] == 3 && summary["totals"]["failed"] == 1, "{summary}");
    let statuses = of("status");
    let last = statuses.last().context("no status")?;
    ensure!(
        last["imagesTotal"] == 4 && last["listing"] == false && last["bytesDone"].as_u64() > Some(0),
        "{last}"
    );

    // With -q, only failures and the end are printed.
    let slow = Slow::start(2, 10).await?;
    let ran = slow.workplace.run(&format!("{COMMAND} --progress json -q"))?.expect_code(0)?;
    ensure!(ran.stderr.lines().count() == 1 && ran.stderr.contains(r#""type":"summary""#), "{}", ran.stderr);
    // Errors of a config have the same form.
    slow.workplace.write("images.json", r#"{"a/b": 7}"#)?;
    let ran = slow.workplace.run(&format!("{COMMAND} --progress json"))?.expect_code(2)?;
    for line in self::lines(&ran.stderr)? {
        conforms(&schema, &line)?;
    }
    Ok(())
}

/// A retry is no failure: to see each retry, use -v or the log.
#[tokio::test(flavor = "multi_thread")]
async fn retries_fill_no_log_of_a_ci_system() -> Result<()> {
    for (flags, least, most) in [("lines", 1, 1), ("none", 0, 0), ("lines -v", 8, 99), ("lines -q", 0, 0)] {
        let slow = Slow::start(8, 10).await?;
        for number in 0..8 {
            let when = Match::get(&format!("/manifests/v{number}"));
            let effect = Effect::Status { code: 503, body: String::new(), headers: Vec::new() };
            slow.source.misbehave(Fault { when, times: Times::First(1), effect });
        }
        let ran = slow.workplace.run(&format!("{COMMAND} --progress {flags}"))?.expect_code(0)?;
        let told = ran.stderr.lines().filter(|line| line.starts_with("again ")).count();
        ensure!((least..=most).contains(&told), "{flags}: {told} lines:\n{}", ran.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_whoever_asks_gets_a_status_in_every_form_and_never_on_stdout() -> Result<()> {
    for form in ["auto", "lines", "json", "none", "none -q"] {
        let slow = Slow::start(1, 4 * MIB).await?;
        slow.trickle(200_000);
        let command = format!("{COMMAND} --progress {form} --log log");
        let child = slow.workplace.command(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        while slow.target.requests().iter().all(|request| request.received_bytes == 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let asked = std::process::Command::new("kill").args(["-USR1", &child.id().to_string()]).status()?;
        ensure!(asked.success());
        let ran = Ran::of(tokio::task::block_in_place(|| child.wait_with_output())?)?.expect_code(0)?;
        let told = if form == "json" { r#""inWork":[{"source":""# } else { "status after " };
        ensure!(ran.stderr.contains(told), "{form}: {}", ran.stderr);
        ensure!(ran.stdout == "Finished, 0 sync tasks failed, 0 tasks generate failed\n", "{}", ran.stdout);
        ensure!(slow.workplace.read("log")?.contains("0 of 1 image done, 1 in work"), "{form}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_stderr_is_no_reason_to_fail() -> Result<()> {
    for form in ["bars", "lines", "json", "none"] {
        let slow = Slow::start(2, 1000).await?;
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = slow.workplace.command(&format!("{COMMAND} -v --progress {form}"));
        let output = command.stdout(Stdio::piped()).stderr(writer).output()?;
        ensure!(output.status.code() == Some(0), "{form}: {}", output.status);
        ensure!(slow.target.store().tags(REPOSITORY).len() == 2, "{form}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_chooses_the_form_while_the_flag_does_not() -> Result<()> {
    let mut slow = Slow::start(1, 10).await?;
    slow.workplace.variable("IMAGE_SYNCER_PROGRESS", "json");
    let ran = slow.workplace.run(COMMAND)?.expect_code(0)?;
    ensure!(ran.stderr.contains(r#""type":"summary""#), "{}", ran.stderr);
    let ran = slow.workplace.run(&format!("{COMMAND} --progress lines"))?.expect_code(0)?;
    ensure!(
        !ran.stderr.contains(r#""type""#) && ran.stderr.contains("unchanged        1 image"),
        "{}",
        ran.stderr
    );
    slow.workplace.variable("IMAGE_SYNCER_PROGRESS", "tty");
    slow.workplace
        .run(COMMAND)?
        .expect_code(0)?
        .says(&["IMAGE_SYNCER_PROGRESS is `tty`, which is none of auto,"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_taskbar_is_told_where_the_terminal_is_known_to_take_it() -> Result<()> {
    for (variables, is_told) in [("WT_SESSION=1", true), ("", false)] {
        let slow = Slow::start(2, MIB).await?;
        slow.trickle(100_000);
        let sent = String::from_utf8(sent_to_terminal(&slow, variables, 80, &format!("{COMMAND} -v"))?)?;
        ensure!(sent.contains("\u{1b}]9;4;1;") == is_told, "{sent:?}");
        ensure!(sent.contains("\u{1b}]9;4;0\u{1b}\\") == is_told, "{sent:?}");
        ensure!(sent.rfind("\u{1b}]9;4;0") >= sent.rfind("\u{1b}]9;4;1"), "it is taken away: {sent:?}");
    }
    Ok(())
}
