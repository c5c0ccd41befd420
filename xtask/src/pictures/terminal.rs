//! A picture of a run in a terminal: a real run in a pseudo-terminal, as an animated SVG with a few frames.

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use vt100::{Cell, Color, Screen};

use crate::say;

const COLUMNS: u16 = 104;
const ROWS: u16 = 22;
/// A letter's width and a line's height.
const LETTER: f32 = 8.4;
const LINE: f32 = 19.0;
/// The number of frames, including the end.
const MOMENTS: usize = 7;
/// How long one frame is shown, and how many times as long the end is.
const SECONDS_EACH: usize = 1;
const END_TIMES: usize = 6;

/// The terminal's output, with times.
type Recording = Vec<(Duration, Vec<u8>)>;

/// The registries' names in the picture: as long as their addresses on this machine, so that the layout stays.
const NAMES: [&str; 2] = ["harbor.corp.net", "mirror.corp.net"];

/// Repositories with the sizes of their images' own layers, in megabytes.
const REPOSITORIES: [(&str, &[u64]); 6] = [
    ("library/api-gateway", &[9, 11, 12]),
    ("library/billing", &[14, 15]),
    ("library/catalog", &[6, 7, 7, 8]),
    ("library/identity", &[21]),
    ("library/orders", &[10, 12, 12]),
    ("tools/report-runner", &[33, 4]),
];

/// Runs a mirror of some repositories, and draws it.
pub(super) async fn picture(program: &Path, svg: &Path) -> Result<()> {
    let source = EmbeddedRegistry::builder().latency(Duration::from_millis(8)).start().await?;
    let target = EmbeddedRegistry::builder().latency(Duration::from_millis(12)).start().await?;
    fill(&source);
    let folder = tempfile::tempdir()?;
    let hosts = [source.host(), target.host()];
    let auth = hosts.each_ref().map(|host| format!("  {host}: {{insecure: true}}\n")).concat();
    let rule = format!("sync:\n  - {{name: apps, from: {}/**, to: {}/mirror}}\n", hosts[0], hosts[1]);
    std::fs::write(folder.path().join("mirror.yaml"), format!("auth:\n{auth}{rule}"))?;
    let arguments = "sync --config mirror.yaml --bandwidth 22MB/s";
    let recording = record(&format!("{} {arguments} --no-state", program.display()), folder.path()).await?;
    let names: Vec<_> = hosts.into_iter().zip(NAMES).collect();
    std::fs::write(svg, draw(&moments(&recording, &format!("image-syncer {arguments}")), &names))?;
    say(&format!("{} is made", svg.display()));
    Ok(())
}

fn fill(source: &EmbeddedRegistry) {
    let mut number = 0;
    for (repository, images) in REPOSITORIES {
        for (tag, megabytes) in images.iter().enumerate() {
            number += 1;
            let own = usize::try_from(*megabytes).unwrap_or_default() * 1_000_000;
            let layers = [sample::layer(1, 5_000_000), sample::layer(100 + number, own)];
            let name = format!("v1.{tag}");
            sample::image(source.store(), repository, Some(&name), Flavour::Oci, &layers, "amd64");
        }
    }
}

/// `script`, of Debian's bsdutils, gives the program a terminal of its own.
async fn record(command: &str, folder: &Path) -> Result<Recording> {
    let inside = format!("stty cols {COLUMNS} rows {ROWS}; {command}");
    let mut script = Command::new("script");
    script.args(["-qefc", &inside, "/dev/null"]).current_dir(folder);
    script.env("HOME", folder).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    script.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = script.spawn().context("script: apt-get install bsdutils")?;
    let mut output = child.stdout.take().context("no output")?;
    let (begun, mut recording, mut piece) = (Instant::now(), Recording::new(), vec![0; 1 << 16]);
    loop {
        let length = output.read(&mut piece).await?;
        if length == 0 {
            break;
        }
        recording.push((begun.elapsed(), piece[..length].to_vec()));
    }
    child.wait().await?;
    ensure!(recording.len() > MOMENTS, "nothing was drawn");
    Ok(recording)
}

/// The screen at evenly spread times, and at the end.
fn moments(recording: &Recording, shown_command: &str) -> Vec<Screen> {
    let size = |length| NonZero::new(length).unwrap_or(NonZero::<u16>::MIN);
    let mut parser = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
    parser.process(format!("\x1b[32m$\x1b[0m {shown_command}\r\n").as_bytes());
    let length = recording.last().map_or(Duration::ZERO, |(time, _)| *time);
    let steps = u32::try_from(MOMENTS).unwrap_or(1);
    let mut moments = Vec::new();
    let mut due = (1..steps).map(|number| length * number / steps).peekable();
    for (time, bytes) in recording {
        while due.next_if(|due| due < time).is_some() {
            moments.push(parser.screen().clone());
        }
        parser.process(bytes);
    }
    moments.push(parser.screen().clone());
    moments
}

fn draw(moments: &[Screen], names: &[(String, &str)]) -> String {
    let (width, height) = (f32::from(COLUMNS) * LETTER + 40.0, f32::from(ROWS) * LINE + 62.0);
    let all = (moments.len() - 1 + END_TIMES) * SECONDS_EACH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"A run of image-syncer on a terminal\">\n<style>\n\
         text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#d7dde5}}\n\
         .b{{font-weight:700}}.d{{opacity:.6}}\n.m{{opacity:0}}.m:last-of-type{{opacity:1}}\n"
    );
    let _ = writeln!(svg, "@media(prefers-reduced-motion:no-preference){{.m,.m:last-of-type{{opacity:0}}");
    for number in 0..moments.len() {
        let last = number + 1 == moments.len();
        let share = |seconds: usize| seconds * SECONDS_EACH * 10_000 / all;
        let (from, to) = (share(number), if last { 10_000 } else { share(number + 1) });
        let percent = |share: usize| format!("{}.{:02}%", share / 100, share % 100);
        let before =
            if number == 0 { String::new() } else { format!("0%,{}{{opacity:0}}", percent(from - 1)) };
        let after = if last { String::new() } else { format!("{},100%{{opacity:0}}", percent(to + 1)) };
        let _ = writeln!(
            svg,
            "@keyframes k{number}{{{before}{}{{opacity:1}}{}{{opacity:1}}{after}}}.k{number}{{animation:k{number} {all}s linear infinite!important}}",
            percent(from),
            percent(to),
        );
    }
    let _ = write!(
        svg,
        "}}\n</style>\n<rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"#12171f\"/>\n\
         <g fill=\"#3a4452\"><circle cx=\"22\" cy=\"20\" r=\"5.5\"/><circle cx=\"40\" cy=\"20\" r=\"5.5\"/><circle cx=\"58\" cy=\"20\" r=\"5.5\"/></g>\n"
    );
    for (number, screen) in moments.iter().enumerate() {
        let _ = writeln!(svg, "<g class=\"m k{number}\">");
        for row in 0..ROWS {
            line(&mut svg, screen, row, names);
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// One line of the screen: a `text` with a `tspan` for each stretch with the same style.
fn line(svg: &mut String, screen: &Screen, row: u16, names: &[(String, &str)]) {
    let cells: Vec<&Cell> = (0..COLUMNS).filter_map(|column| screen.cell(row, column)).collect();
    let mut stretches: Vec<(String, String)> = Vec::new();
    for cell in cells {
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match stretches.last_mut() {
            Some((look, stretch)) if *look == look_of(cell) => stretch.push_str(text),
            _ => stretches.push((look_of(cell), text.to_owned())),
        }
    }
    if stretches.iter().all(|(_, text)| text.trim().is_empty()) {
        return;
    }
    let y = 54.0 + f32::from(row) * LINE;
    let _ = write!(svg, "<text x=\"20\" y=\"{y}\" xml:space=\"preserve\">");
    for (look, text) in stretches {
        let mut text = text.replace('&', "&amp;").replace('<', "&lt;");
        for (host, name) in names {
            text = text.replace(host, name);
        }
        let _ =
            if look.is_empty() { write!(svg, "{text}") } else { write!(svg, "<tspan{look}>{text}</tspan>") };
    }
    svg.push_str("</text>\n");
}

/// The style attributes of a cell.
fn look_of(cell: &Cell) -> String {
    let mut look = String::new();
    let fill = match cell.fgcolor() {
        Color::Idx(1 | 9) => Some("#ff7b72"),
        Color::Idx(2 | 10) => Some("#56d364"),
        Color::Idx(3 | 11) => Some("#e3b341"),
        Color::Idx(4 | 12) => Some("#79a8ff"),
        Color::Idx(5 | 13) => Some("#d2a8ff"),
        Color::Idx(6 | 14) => Some("#56d4dd"),
        Color::Idx(8) => Some("#7d8794"),
        _ => None,
    };
    if let Some(fill) = fill {
        let _ = write!(look, " style=\"fill:{fill}\"");
    }
    match (cell.bold(), cell.dim()) {
        (true, _) => look.push_str(" class=\"b\""),
        (_, true) => look.push_str(" class=\"d\""),
        _ => {}
    }
    look
}
