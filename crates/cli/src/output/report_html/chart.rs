//! The speed over time, and the ends of images, as SVG paths.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::output::amount_text;
use crate::output::report_json::timeline::Point;
use crate::output::report_words::counted;
use crate::output::size;

/// In the picture's own units; it is stretched to the page's width.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 120.0;
/// The height of the strip with images.
const STRIP: f64 = 24.0;

#[derive(Serialize)]
pub(super) struct Chart {
    /// The area below the curve, and its upper edge.
    area: String,
    edge: String,
    images: String,
    /// The labels of the highest point, and of both ends of the time axis.
    top: String,
    end: String,
    half: String,
    /// Texts for hovering.
    stretches: Vec<Stretch>,
}

#[derive(Serialize)]
struct Stretch {
    x: String,
    width: String,
    text: String,
}

/// `None` if there is no visible curve.
pub(super) fn chart(points: &[Point]) -> Option<Chart> {
    let end = points.last()?.seconds;
    let is_in_order = points.windows(2).all(|pair| pair[0].seconds <= pair[1].seconds);
    let moved = points.iter().any(|point| point.bytes > 0);
    if points.len() < 4 || !end.is_finite() || end <= 0.0 || !is_in_order || !moved {
        return None;
    }
    let stretches = stretches(points);
    let fastest = stretches.iter().map(|stretch| stretch.speed).fold(1.0, f64::max);
    let most = stretches.iter().map(|stretch| amount(stretch.images)).fold(1.0, f64::max);
    let x = |seconds: f64| number(seconds / end * WIDTH);
    let (mut edge, mut images) = (String::new(), String::new());
    for (index, stretch) in stretches.iter().enumerate() {
        let (from, to) = (x(stretch.from), x(stretch.to));
        let y = number(HEIGHT - stretch.speed / fastest * (HEIGHT - 4.0));
        let _ = write!(edge, "{}{from},{y}H{to}", if index == 0 { "M" } else { "L" });
        if stretch.images > 0 {
            let y = number(STRIP - (amount(stretch.images) / most).sqrt() * STRIP);
            let _ = write!(images, "M{from},{STRIP}V{y}H{to}V{STRIP}Z");
        }
    }
    let shown = |stretch: &Speeds| Stretch {
        x: x(stretch.from),
        width: number((stretch.to - stretch.from) / end * WIDTH),
        text: format!(
            "{}: {}/s, {}",
            between(stretch.from, stretch.to),
            bytes(stretch.speed),
            counted(stretch.images, "image ended", "images ended"),
        ),
    };
    Some(Chart {
        area: format!("{edge}V{HEIGHT}H0Z"),
        edge,
        images,
        top: format!("{}/s", bytes(fastest)),
        half: time(end / 2.0),
        end: time(end),
        stretches: stretches.iter().map(shown).collect(),
    })
}

struct Speeds {
    from: f64,
    to: f64,
    /// Bytes per second.
    speed: f64,
    images: u64,
}

fn stretches(points: &[Point]) -> Vec<Speeds> {
    let mut from = 0.0;
    let stretch = |point: &Point| {
        let (begun, to) = (from, point.seconds);
        from = to;
        let width = to - begun;
        let speed = if width > 0.0 { amount(point.bytes) / width } else { 0.0 };
        Speeds { from: begun, to, speed, images: point.images }
    };
    points.iter().map(stretch).collect()
}

/// For a path, a tenth of a pixel is precise enough.
fn number(value: f64) -> String {
    format!("{value:.1}")
}

fn time(seconds: f64) -> String {
    amount_text::took(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The two times of a range: with tenths of seconds if both would read the same without.
fn between(from: f64, to: f64) -> String {
    let (begun, ended) = (time(from), time(to));
    if begun == ended { format!("{} to {}", clock(from), clock(to)) } else { format!("{begun} to {ended}") }
}

fn clock(seconds: f64) -> String {
    let tenths = Duration::try_from_secs_f64(seconds + 0.05).unwrap_or_default().as_millis() / 100;
    let (hours, minutes, seconds) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60);
    format!("{hours}:{minutes:02}:{seconds:02}.{}", tenths % 10)
}

#[expect(clippy::cast_precision_loss, reason = "a picture shows three digits")]
fn amount(amount: u64) -> f64 {
    amount as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "speeds are positive, and shown")]
fn bytes(amount: f64) -> String {
    size(Some(amount as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_drawn_and_a_dot_is_not() {
        let point = |number: u32, bytes| Point { seconds: f64::from(number), bytes, images: 1 };
        let points: Vec<_> = (1..=10).map(|number| point(number, u64::from(number) * 1024)).collect();
        let chart = chart(&points).unwrap();
        assert_eq!(
            (chart.top.as_str(), chart.end.as_str(), chart.half.as_str()),
            ("10.0 KiB/s", "10 s", "5.0 s")
        );
        assert!(
            chart.edge.starts_with("M0.0,108.4H100.0L100.0,") && chart.edge.ends_with(",4.0H1000.0"),
            "{}",
            chart.edge
        );
        assert_eq!(chart.stretches.len(), 10);
        assert_eq!(chart.stretches[8].text, "8.0 s to 9.0 s: 9.00 KiB/s, 1 image ended");
        for odd in [&points[..2], &[point(0, 0); 9], &[point(9, 1), point(5, 1), point(1, 1), point(10, 1)]] {
            assert!(super::chart(odd).is_none());
        }
    }

    #[test]
    fn a_stretch_begins_and_ends_at_two_times_however_short_it_is() {
        for (from, to, text) in [
            (0.0, 0.1, "<0.1 s to 0.1 s"),
            (10.3, 10.4, "0:00:10.3 to 0:00:10.4"),
            (10.4, 11.2, "10 s to 11 s"),
            (75.2, 75.4, "0:01:15.2 to 0:01:15.4"),
            (3612.8, 3625.6, "1:00:12.8 to 1:00:25.6"),
        ] {
            assert_eq!(between(from, to), text);
        }
    }
}
