//! Bytes and durations in a few characters, the same in the live view, the summary and the report.

use std::time::Duration;

use super::progress::Remaining;

/// A number of bytes with three digits.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut amount = number as f64;
    let mut unit = 0;
    // From here on it would be rounded to 1000.
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let decimals = match amount {
        _ if unit == 0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{amount:.decimals$} {}", UNITS[unit])
}

/// A part of a whole; a shared unit is printed once. `word` precedes the whole, such as `at least `.
pub(super) fn part(part: u64, whole: u64, word: &str) -> String {
    let (part, whole) = (bytes(part), bytes(whole));
    let unit = |amount: &str| amount.split(' ').next_back().map(str::to_owned);
    let part = match part.split_once(' ') {
        Some((number, _)) if unit(&part) == unit(&whole) => number,
        _ => &part,
    };
    format!("{part} of {word}{whole}")
}

/// The time that something has taken so far.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, _, _) => format!("{days} d {hours} h"),
    }
}

/// The time that something took: with tenths if it is a few seconds.
pub(crate) fn took(took: Duration) -> String {
    match took.as_secs_f64() {
        // It took some time, so not "0.0 s".
        ..0.05 => "<0.1 s".to_owned(),
        seconds @ ..9.95 => format!("{seconds:.1} s"),
        _ => time(took),
    }
}

/// The duration in a report, if it is worth showing.
pub(crate) fn of_seconds(seconds: f64) -> Option<String> {
    Duration::try_from_secs_f64(seconds).ok().filter(|took| took.as_secs_f64() >= 0.05).map(took)
}

/// The time until a retry.
pub(super) fn until_again(wait: Duration) -> String {
    match wait.as_secs_f64() {
        ..0.05 => "at once".to_owned(),
        seconds => format!("in {seconds:.1} s"),
    }
}

/// A configured duration: mostly whole hours.
pub(super) fn span(span: Duration) -> String {
    let text = time(span);
    let whole = [" 0 s", " 0 min", " 0 h"].into_iter().find_map(|none| text.strip_suffix(none));
    whole.filter(|whole| whole.contains(' ')).map_or(text.clone(), str::to_owned)
}

/// An estimated duration, which is never exact to the second.
pub(crate) fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..90 => format!("{seconds} s"),
        seconds @ 90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => self::time(time),
    }
}

/// The remaining time of a run; `None` if it is unknown.
pub(super) fn left(remaining: Remaining) -> Option<String> {
    Some(match remaining {
        Remaining::Unknown => return None,
        Remaining::AtLeast(time) => format!("at least {} left", about(time)),
        Remaining::About(time) => format!("about {} left", about(time)),
        Remaining::Between(least, most) => {
            let (least, most) = (about(least), about(most));
            let unit = |time: &str| time.split_once(' ').map(|(_, unit)| unit.to_owned());
            match least.split_once(' ') {
                _ if least == most => format!("about {most} left"),
                Some((number, _)) if unit(&least) == unit(&most) => format!("{number} to {most} left"),
                _ => format!("{least} to {most} left"),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1024, "1.00 KiB"),
            (10_235, "10.0 KiB"),
            (130 << 20, "130 MiB"),
            (1023 << 20, "1.00 GiB"),
            (54 << 30, "54.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(part(130 << 20, 480 << 20, ""), "130 of 480 MiB");
        assert_eq!(part(0, 480 << 20, "at least "), "0 B of at least 480 MiB");
    }

    #[test]
    fn c2_times_are_as_exact_as_they_are_known() {
        let seconds = Duration::from_secs;
        for (remaining, text) in [
            (Remaining::Unknown, None),
            (Remaining::About(seconds(1)), Some("about 1 s left")),
            (Remaining::About(seconds(89)), Some("about 89 s left")),
            (Remaining::About(seconds(100)), Some("about 2 min left")),
            (Remaining::AtLeast(seconds(7300)), Some("at least 2 h 1 min left")),
            (Remaining::Between(seconds(120), seconds(290)), Some("2 to 5 min left")),
            (Remaining::Between(seconds(40), seconds(290)), Some("40 s to 5 min left")),
            (Remaining::Between(seconds(600), seconds(605)), Some("about 10 min left")),
        ] {
            assert_eq!(left(remaining).as_deref(), text);
        }
        for (took, text) in [(59, "59 s"), (61, "1 min 1 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")] {
            assert_eq!(time(seconds(took)), text);
        }
        let tenths = [0.04, 1.25, 9.94, 9.96, 59.9, 185.0].map(|s| took(Duration::from_secs_f64(s)));
        assert_eq!(tenths, ["<0.1 s", "1.2 s", "9.9 s", "9 s", "59 s", "3 min 5 s"]);
        let again = [0, 4, 49, 50, 1250, 61_000].map(|ms| until_again(Duration::from_millis(ms)));
        assert_eq!(again, ["at once", "at once", "at once", "in 0.1 s", "in 1.2 s", "in 61.0 s"]);
        let told = [f64::NAN, -1.0, 0.04, 0.05, 75.0].map(of_seconds);
        assert_eq!(told.map(Option::unwrap_or_default), ["", "", "", "0.1 s", "1 min 15 s"]);
        let spans = [0, 30, 60, 21_600, 5400, 86_400].map(|s| span(seconds(s)));
        assert_eq!(spans, ["0 s", "30 s", "1 min", "6 h", "1 h 30 min", "1 d"]);
    }
}
