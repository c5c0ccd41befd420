//! The live view as lines of text for a width. Decides; draws nothing.

mod fit;
mod room;
mod row;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::amount_text::{bytes, left, part, time};
use super::hosts::SlowHost;
use super::progress::{Known, View};
use super::remainder::and_more;
use fit::{cut_end, fitting};
use row::row;

pub(super) use fit::Symbols;
pub(super) use room::Room;

/// Narrower terminals get a count only.
const NARROWEST: usize = 40;
/// The most waits for hosts and lists to show.
const MOST_WAITS: usize = 3;

/// The whole picture: the run, what delays it, and a line for each shown image in work.
pub(super) fn picture(view: &View, slow: &[SlowHost], room: Room) -> Vec<String> {
    if room.columns < NARROWEST {
        return lowered(vec![cut_end(&shortest(view), room.width(), room.symbols)], room);
    }
    let mut lines = vec![run_line(view, room), image_line(view, room)];
    lines.extend(waits(view, slow).into_iter().map(|wait| {
        room.paint.yellow(&format!("  {}", cut_end(&wait, room.width().saturating_sub(2), room.symbols)))
    }));
    lines.extend(view.rows.iter().map(|shown| row(shown, room)));
    if !view.rows.is_empty() {
        lines.extend(not_shown(view).map(|more| format!("  {more} in work")));
    }
    lowered(lines, room)
}

/// The number of images in work without a row.
fn not_shown(view: &View) -> Option<String> {
    and_more(view.in_work.saturating_sub(view.rows.len()) as u64)
}

/// The lines that fit above the cursor: lines that scroll off the screen cannot be erased.
fn lowered(mut lines: Vec<String>, room: Room) -> Vec<String> {
    lines.truncate(room.rows.saturating_sub(1));
    lines
}

/// Bar, bytes, speed, and remaining time.
fn run_line(view: &View, room: Room) -> String {
    let cells = match room.columns {
        ..60 => 10,
        60..100 => 16,
        _ => 24,
    };
    let percent = Some(format!("{:>2} %", percent(view)));
    let (amount, speed, left) = (amount(view), speed(view), left(view.remaining));
    let texts = [
        [percent.clone(), amount.clone(), speed.clone(), left.clone()],
        [percent.clone(), amount.clone(), None, left.clone()],
        [percent.clone(), None, speed, left.clone()],
        [percent.clone(), None, None, left],
        [percent, None, None, None],
    ];
    let texts = texts.map(|parts| parts.into_iter().flatten().collect::<Vec<_>>().join("  "));
    let text = fitting(texts, room.width().saturating_sub(cells + 2));
    format!("{}  {text}", room.symbols.bar(view.fraction, cells, room.paint))
}

/// Rounded down: 100 only at the end.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
pub(super) fn percent(view: &View) -> u64 {
    (view.fraction.clamp(0.0, 1.0) * 100.0) as u64
}

fn amount(view: &View) -> Option<String> {
    let (total, word) = match view.known {
        Known::All => (view.total, ""),
        Known::Likely(total) => (total, "about "),
        Known::Some => (view.total, "at least "),
    };
    // How much more will come is unknown.
    if view.known == Known::Some && view.sent == total {
        return (total > 0).then(|| format!("{} so far", bytes(total)));
    }
    (total > 0).then(|| part(view.sent, total, word))
}

fn speed(view: &View) -> Option<String> {
    view.per_second.filter(|_| view.total > 0).map(|speed| format!("{}/s", bytes(speed)))
}

/// The number of images, and their results.
fn image_line(view: &View, room: Room) -> String {
    let (count, ended, in_work) = (count(view), ended(view), in_work(view));
    let elapsed = time(view.elapsed);
    let with = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
        if parts.is_empty() { count.clone() } else { format!("{count}: {}", parts.join(", ")) }
    };
    let failed = failed(view);
    let texts = [
        format!("{}; {elapsed} so far", with(&[&ended, &in_work])),
        with(&[&ended, &in_work]),
        with(&[&ended]),
        with(&[&failed]),
        shortest(view),
    ];
    let text = fitting(texts, room.width());
    if failed.is_empty() { text } else { text.replacen(&failed, &room.paint.red(&failed), 1) }
}

fn count(view: &View) -> String {
    match (view.images.planned, view.lists) {
        (0, true) => "looking for images".to_owned(),
        (planned, true) => format!("{} of {planned} {} done, listing", view.images.ended(), images(planned)),
        (planned, false) => format!("{} of {planned} {} done", view.images.ended(), images(planned)),
    }
}

/// The form for the narrowest terminals.
fn shortest(view: &View) -> String {
    let planned = view.images.planned;
    format!("{}/{planned} {}", view.images.ended(), images(planned))
}

fn images(number: u64) -> &'static str {
    if number == 1 { "image" } else { "images" }
}

/// The results of the images so far.
fn ended(view: &View) -> String {
    let images = view.images;
    let parts = [
        (images.copied, "copied"),
        (images.would_copy, "to copy"),
        (images.whole, "whole"),
        (images.unchanged, "unchanged"),
        (images.skipped, "skipped"),
        (images.not_done, "not done"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts = parts.map(|(number, word)| format!("{number} {word}"));
    let failed = Some(failed(view)).filter(|failed| !failed.is_empty());
    parts.chain(failed).collect::<Vec<_>>().join(", ")
}

fn failed(view: &View) -> String {
    match view.images.failed {
        0 => String::new(),
        number => format!("{number} failed"),
    }
}

fn in_work(view: &View) -> String {
    if view.in_work == 0 { String::new() } else { format!("{} in work", view.in_work) }
}

/// Delays that are not about single images: throttled hosts, and lists that will be retried.
fn waits(view: &View, slow: &[SlowHost]) -> Vec<String> {
    let hosts = slow.iter().map(ToString::to_string);
    let lists = view
        .lists_again
        .iter()
        .map(|(source, wait)| format!("the list of {source} is asked for again: {} {}", wait.host, wait.why));
    hosts.chain(lists).take(MOST_WAITS).collect()
}

/// The view on one line, for logs of other programs.
pub(super) fn status_line(view: &View, slow: &[SlowHost]) -> String {
    let speed = speed(view);
    let parts = [
        Some(count(view)),
        Some(ended(view)),
        Some(in_work(view)),
        amount(view),
        speed,
        left(view.remaining),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let mut line = parts.join(", ");
    for wait in waits(view, slow) {
        line.push_str("; ");
        line.push_str(&wait);
    }
    line
}

/// The answer to SIGUSR1: the status line, and each image in work.
pub(super) fn status_block(view: &View, slow: &[SlowHost]) -> String {
    let mut text = format!("status after {}: {}", time(view.elapsed), status_line(view, slow));
    for shown in &view.rows {
        text.push_str("\n  ");
        text.push_str(&row::status(shown));
    }
    if let Some(more) = not_shown(view) {
        let _ = write!(text, "\n  {more}");
    }
    text
}
