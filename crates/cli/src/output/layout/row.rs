//! The row of an image in work.

use std::time::Duration;

use super::fit::{cut_middle, fitting, width};
use super::room::Room;
use crate::output::amount_text::{bytes, part, time};
use crate::output::progress::{Blobs, Moving, Row, Wait, ratio};

/// Names get two fifths of the width, within these limits.
const NAME: std::ops::RangeInclusive<usize> = 14..=64;
/// The cells of an image's bar, if one fits.
const CELLS: usize = 8;
const ROOM_FOR_BAR: usize = 100;

/// Name, progress, the largest blob, and the blobs that need not be sent.
pub(super) fn row(row: &Row, room: Room) -> String {
    let columns = (room.width() * 2 / 5).clamp(*NAME.start(), *NAME.end());
    let name = name(row, columns, room);
    let gap = " ".repeat(columns - width(&name));
    let rest = room.width().saturating_sub(columns + 4);
    let front = format!("  {name}{gap}  ");
    if let Some(wait) = &row.wait {
        let texts = [waits(wait, row), short_wait(wait, row)];
        return front + &room.paint.yellow(&fitting(texts, rest));
    }
    let Some(total) = row.total else { return front + "looking" };
    let bar = (room.columns >= ROOM_FOR_BAR && total > 0).then(|| {
        let fraction = ratio(row.sent, total);
        room.symbols.bar(fraction, CELLS, room.paint) + "  "
    });
    let rest = rest.saturating_sub(bar.as_ref().map_or(0, |_| CELLS + 2));
    front + &bar.unwrap_or_default() + &fitting(texts(row, total), rest)
}

/// The whole name, or its path, or both ends of the path.
fn name(row: &Row, columns: usize, room: Room) -> String {
    let name = row.image.target_name();
    if width(&name) <= columns {
        return name;
    }
    let path = name.split_once('/').map_or(name.as_str(), |(_, path)| path);
    cut_middle(path, columns, room.symbols)
}

fn texts(row: &Row, total: u64) -> [String; 5] {
    let amount = (total > 0).then(|| part(row.sent, total, ""));
    let largest = row.largest.as_ref();
    let stands = || {
        let word = match (row.known, row.sent < total) {
            (Blobs::SoFar, _) => "looking further",
            (Blobs::All, true) => "waiting",
            (Blobs::All, false) => "finishing",
        };
        Some(word.to_owned()).filter(|_| total > 0)
    };
    let (long, short) = (largest.map(with_digest).or_else(stands), largest.map(amount_of).or_else(stands));
    let spared = spared(row);
    let join = |parts: [Option<String>; 3]| parts.into_iter().flatten().collect::<Vec<_>>().join("  ");
    [
        join([amount.clone(), long, spared.clone()]),
        join([amount.clone(), short.clone(), spared.clone()]),
        join([amount.clone(), short, None]),
        join([amount.clone(), None, spared.clone()]),
        join([amount, None, None]),
    ]
}

fn amount_of(moving: &Moving) -> String {
    match moving.size {
        Some(size) => format!("largest {}", part(moving.sent, size, "")),
        None => format!("largest {}", bytes(moving.sent)),
    }
}

fn with_digest(moving: &Moving) -> String {
    format!("{} ({})", amount_of(moving), moving.digest.short())
}

/// Blobs that were mounted or present.
fn spared(row: &Row) -> Option<String> {
    let parts = [(row.mounted, "mounted"), (row.present, "present")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts.map(|(number, word)| format!("{number} {word}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn waits(wait: &Wait, row: &Row) -> String {
    match row.again {
        Some(left) => format!("{} {}: again in {}", wait.host, wait.why, soon(left)),
        None => format!("{} {}", wait.host, wait.why),
    }
}

fn short_wait(wait: &Wait, row: &Row) -> String {
    match row.again {
        Some(left) => format!("again in {}", soon(left)),
        None => wait.why.to_owned(),
    }
}

/// At least a second: it is still awaited.
fn soon(left: Duration) -> String {
    time(left.max(Duration::from_secs(1)))
}

/// The row with full names.
pub(super) fn status(row: &Row) -> String {
    let what = match (&row.wait, row.total) {
        (Some(wait), _) => waits(wait, row),
        (None, None) => "looking".to_owned(),
        (None, Some(total)) => texts(row, total)[0].clone(),
    };
    let what = if what.is_empty() { "nothing to send so far".to_owned() } else { what };
    format!("{}: {what}, for {}", row.image, time(row.took))
}
