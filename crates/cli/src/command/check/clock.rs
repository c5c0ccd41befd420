//! Compares this machine's clock with a registry's.

use std::time::{Duration, SystemTime};

use super::finding::{Finding, Step};

/// The clock difference up to which signed requests and tokens stay valid.
const MOST_SKEW: Duration = Duration::from_secs(300);

/// Compares a server's clock with this machine's.
pub(super) fn judge(place: &str, whose: &str, theirs: SystemTime, ours: SystemTime) -> Finding {
    let (skew, direction) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if skew <= MOST_SKEW {
        return Finding::ok(place, Step::Clock, "agrees with this machine's");
    }
    let what = format!("this machine's clock is {} {direction} {whose}'s", minutes(skew));
    Finding::problem(place, Step::Clock, what)
        .why("tokens, certificates and signed requests are refused outside of their time")
        .next(format!("set this machine's clock by NTP; if it is right, tell whoever runs {whose}"))
}

fn minutes(skew: Duration) -> String {
    let minutes = skew.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_are_allowed() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let judge = |theirs, ours| judge("r.io", "the registry", at(theirs), at(ours));
        assert!(!judge(1000, 1300).is_problem() && !judge(1300, 1000).is_problem());
        assert!(judge(1000, 1301).what.contains("5 minutes ahead of"));
        assert!(judge(100_000, 1000).what.contains("27 hours behind"));
    }
}
