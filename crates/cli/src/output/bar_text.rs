//! What stands beside the bars: as much as the terminal has room for, and what is wanted most in any case.

use std::time::Duration;

use indicatif::HumanDuration;

use super::progress::{Row, View};
use super::size;

/// A name of which less than this would be seen is left out.
const LEAST_OF_NAME: usize = 8;

/// Images, bytes, speed, how long it took so far, and how long the bytes that are known still take.
pub(super) fn run_text(view: &View, elapsed: Duration, columns: usize) -> String {
    let View { ended, planned, sent, total, is_partial, .. } = view;
    let at_least = if *is_partial { "at least " } else { "" };
    let images = match planned {
        0 if *is_partial => "looking for images".to_owned(),
        _ => format!("{ended}/{at_least}{planned} images"),
    };
    let bytes = (*total > 0).then(|| format!("{} of {at_least}{}", size(Some(*sent)), size(Some(*total))));
    let speed = view.per_second.filter(|_| *total > 0).map(|speed| format!("{}/s", size(Some(speed))));
    let began = elapsed >= Duration::from_secs(1);
    let left = |form: fn(Duration) -> String| {
        let about = if *is_partial { "at least" } else { "about" };
        view.left.map(|left| format!("{about} {} left", form(left)))
    };
    let images = Some(images);
    let texts = [
        [images.clone(), bytes.clone(), speed.clone(), began.then(|| long(elapsed)), left(long)],
        [images.clone(), bytes.clone(), speed.clone(), began.then(|| short(elapsed)), left(short)],
        [images.clone(), bytes.clone(), speed, None, left(short)],
        [images.clone(), bytes, None, None, left(short)],
        [images, None, None, None, left(short)],
    ];
    fitting(texts.map(|parts| parts.into_iter().flatten().collect::<Vec<_>>().join("  ")), columns)
}

/// How far a blob is, and for which image it moves: of a long name its end, which tells more.
pub(super) fn row_text(row: &Row, columns: usize) -> String {
    let amount = format!("{} of {}", size(Some(row.sent)), size(row.size));
    let name = row.image.target_name();
    let path = name.split_once('/').map_or(name.as_str(), |(_, path)| path);
    let room = columns.saturating_sub(width(&amount) + 3);
    let end: String = path.chars().skip(path.chars().count().saturating_sub(room)).collect();
    let cut = if room < LEAST_OF_NAME { amount.clone() } else { format!("{amount}  …{end}") };
    let texts = [
        format!("{amount}  {}  {name}", row.digest.short()),
        format!("{amount}  {name}"),
        format!("{amount}  {path}"),
        cut,
    ];
    fitting(texts, columns)
}

/// The first text that has room, or else the last one, which the terminal cuts.
fn fitting<const N: usize>(texts: [String; N], columns: usize) -> String {
    let mut texts = texts.into_iter().peekable();
    while let Some(text) = texts.next() {
        if width(&text) <= columns || texts.peek().is_none() {
            return text;
        }
    }
    String::new()
}

/// Names and numbers are all of characters that take one column.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn long(time: Duration) -> String {
    HumanDuration(time).to_string()
}

fn short(time: Duration) -> String {
    format!("{:#}", HumanDuration(time))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sync::Image;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn view(is_partial: bool, total: u64, left: Option<u64>) -> View {
        View {
            ended: 1,
            planned: 3,
            sent: 0,
            total,
            is_partial,
            per_second: left.map(|_| 1024),
            left: left.map(Duration::from_secs),
            fraction: 0.0,
            rows: Vec::new(),
        }
    }

    #[test]
    fn c2_what_is_not_known_yet_is_said_to_be_so() {
        for (view, text) in [
            (View { planned: 0, ended: 0, ..view(true, 0, None) }, "looking for images  5 seconds"),
            (view(true, 0, None), "1/at least 3 images  5 seconds"),
            (view(false, 0, None), "1/3 images  5 seconds"),
            (view(false, 2048, None), "1/3 images  0 B of 2.00 KiB  5 seconds"),
            (
                view(true, 2048, Some(2)),
                "1/at least 3 images  0 B of at least 2.00 KiB  1.00 KiB/s  5 seconds  at least 2 seconds left",
            ),
            (
                view(false, 2048, Some(2)),
                "1/3 images  0 B of 2.00 KiB  1.00 KiB/s  5 seconds  about 2 seconds left",
            ),
        ] {
            assert_eq!(run_text(&view, Duration::from_secs(5), 160), text);
        }
        let text = run_text(&view(false, 2048, None), Duration::from_millis(900), 160);
        assert_eq!(text, "1/3 images  0 B of 2.00 KiB", "no time has passed that is worth a word");
    }

    #[test]
    fn c2_a_narrow_terminal_shows_the_time_that_is_left() {
        let view = View { per_second: Some(54 * MIB), sent: 130 * MIB, ..view(false, 480 * MIB, Some(7)) };
        for (columns, text) in [
            (133, "1/3 images  130.00 MiB of 480.00 MiB  54.00 MiB/s  5 seconds  about 7 seconds left"),
            (70, "1/3 images  130.00 MiB of 480.00 MiB  54.00 MiB/s  5s  about 7s left"),
            (65, "1/3 images  130.00 MiB of 480.00 MiB  54.00 MiB/s  about 7s left"),
            (60, "1/3 images  130.00 MiB of 480.00 MiB  about 7s left"),
            (29, "1/3 images  about 7s left"),
            (3, "1/3 images  about 7s left"),
        ] {
            assert_eq!(run_text(&view, Duration::from_secs(5), columns), text, "{columns}");
        }
    }

    #[test]
    fn c2_a_narrow_terminal_shows_the_end_of_an_images_name() {
        let name = oci::TagOrDigest::Tag("v1.0.0".parse().unwrap());
        let image = Image {
            source: "q.io/a".into(),
            source_reference: name.clone(),
            target: "registry.example.com/team/app".into(),
            target_reference: name,
        };
        let digest = oci::Digest::sha256(b"layer");
        let row = Row { image: Arc::new(image), sent: 23 * MIB, size: Some(60 * MIB), digest };
        let whole =
            format!("23.00 MiB of 60.00 MiB  {}  registry.example.com/team/app:v1.0.0", row.digest.short());
        for (columns, text) in [
            (133, whole.as_str()),
            (65, "23.00 MiB of 60.00 MiB  registry.example.com/team/app:v1.0.0"),
            (45, "23.00 MiB of 60.00 MiB  team/app:v1.0.0"),
            (35, "23.00 MiB of 60.00 MiB  …app:v1.0.0"),
            (29, "23.00 MiB of 60.00 MiB"),
            (0, "23.00 MiB of 60.00 MiB"),
        ] {
            assert_eq!(row_text(&row, columns), text, "{columns}");
        }
    }
}
