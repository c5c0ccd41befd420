//! The importance of an event's line: whether it may be dropped, and its type for programs.

use sync::{Event, Outcome};

/// The importance of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Never dropped: there are only as many as failures.
    Failure,
    /// May be dropped if the reader is slow.
    Oddity,
    /// May be dropped, and is no warning.
    Remark,
}

pub(super) fn worth(event: &Event) -> Worth {
    match event {
        Event::ImageFinished(ended) => match &ended.outcome {
            Outcome::Failed(_) => Worth::Failure,
            Outcome::Verified(verdict) if !verdict.is_well() => Worth::Failure,
            _ => Worth::Remark,
        },
        Event::RuleFailed(_) => Worth::Failure,
        Event::Selected { .. } | Event::Note { .. } | Event::Stopping { .. } => Worth::Remark,
        _ => Worth::Oddity,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use sync::{Amounts, Image, ImageReport, SkipReason};

    use super::*;

    fn ended(outcome: Outcome) -> Event {
        let reference = oci::TagOrDigest::Tag("v1".parse().unwrap());
        let (source, target) = ("q.io/a".into(), "r.io/b".into());
        let image =
            Image { source, source_reference: reference.clone(), target, target_reference: reference };
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        Event::ImageFinished(Arc::new(ImageReport {
            image: Arc::new(image),
            rule: 0,
            outcome,
            amounts,
            took,
        }))
    }

    /// 100,000 lines about successful images take no memory if the reader is stuck.
    #[test]
    fn only_what_failed_is_kept_for_whoever_does_not_read() {
        let cause = sync::endpoint::EndpointError::new(oci::ErrorKind::Denied, "no");
        let (side, operation) = (sync::Side::Target, sync::Operation::Copy);
        let error = sync::Error { side, place: "r.io/b".into(), operation, cause: cause.into() };
        assert_eq!(worth(&ended(Outcome::Failed(Arc::new(error)))), Worth::Failure);
        for fine in [Outcome::Skipped(SkipReason::NoPlatform), Outcome::NotDone] {
            assert_eq!(worth(&ended(fine)), Worth::Remark);
        }
        let note = Event::Note { place: "r.io".into(), text: "x".to_owned() };
        let odd = Event::InvalidTag { source: "q.io/a".into(), tag: "-".to_owned() };
        assert_eq!((worth(&note), worth(&odd)), (Worth::Remark, Worth::Oddity));
    }
}
