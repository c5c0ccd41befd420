//! The messages between the coordinator and the workers: names, digests and numbers, never a login.
//!
//! Any client that may write to NATS can write nonsense, so messages are checked when they are read, and malformed ones are errors.

pub(crate) mod beat;
pub(crate) mod ended;
mod host;
pub(crate) mod job;
pub(crate) mod listed;
pub(crate) mod pause;
pub(crate) mod release;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod shortened;
pub(crate) mod spent;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// NATS takes 1 MiB, with headers, unless its config says otherwise.
pub(crate) const LARGEST: usize = 900 << 10;

/// The most images of one job.
pub(crate) const MOST_IMAGES: usize = 500;

/// The most bytes that one image takes in a result whose texts are cut to the shortest length.
const IMAGE: usize = 1 << 10;

/// How many images, or rules, fit into a message of `most` bytes, whatever their results are.
pub(crate) fn images_in(most: usize) -> usize {
    (most / IMAGE).clamp(1, MOST_IMAGES)
}

/// A message that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A message that has rules beyond its types.
pub(crate) trait Checked: Sized {
    fn checked(self) -> Result<Self, Malformed>;
}

pub(crate) fn read<T: DeserializeOwned + Checked>(bytes: &[u8]) -> Result<T, Malformed> {
    if bytes.len() > LARGEST {
        return Err(Malformed::new(format!("it has {} bytes", bytes.len())));
    }
    let read: T = serde_json::from_slice(bytes)
        .map_err(|error| Malformed::new(oci::foreign_text::clean(&error.to_string()).into_owned()))?;
    read.checked()
}

pub(crate) fn write(message: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(message).expect("texts, numbers and lists are always JSON").into()
}

/// Whether this can be the name of a worker, a coordinator or a run: one token of a subject, without odd characters.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

/// The process that began on a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) worker: String,
    /// When the process started, if the signature tells: this distinguishes processes of one name.
    pub(crate) born: Option<u64>,
}

/// The process that wrote this signature when it began on a job.
pub(crate) fn signer(signature: &[u8]) -> Option<Signer> {
    let signature = std::str::from_utf8(signature).ok()?;
    let (worker, process) = signature.split_once(' ').unwrap_or((signature, ""));
    let born = process.split('-').next().and_then(|born| born.parse().ok());
    is_name(worker).then(|| Signer { worker: worker.to_owned(), born })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use oci::Digest;
    use sync::{Amounts, Assignment, ImageReport, Outcome, Policy, Wanted, WantedReferrers};

    use super::*;
    use crate::fixture::image;
    use crate::spent::Spent;

    fn error() -> Arc<sync::Error> {
        Arc::new(sync::Error {
            side: sync::Side::Source,
            place: "a.io/x".into(),
            operation: sync::Operation::Copy,
            cause: sync::endpoint::EndpointError::new(oci::ErrorKind::Denied, "no").into(),
        })
    }

    fn explain() -> ended::Explain {
        Arc::new(|_| ("why".to_owned(), "next".to_owned()))
    }

    fn result() -> ended::JobResult {
        let digest = Digest::sha256(b"m");
        let outcomes = [
            Outcome::Copied {
                at_source: digest.clone(),
                digest,
                replaced: None,
                left_out: sync::LeftOut::default(),
            },
            Outcome::Failed(error()),
            Outcome::NotDone,
        ];
        let ended = |(number, outcome)| {
            let (image, amounts, took) = (image(), Amounts::default(), Duration::from_millis(5));
            ended::Ended::new(number, &ImageReport { image, rule: 0, outcome, amounts, took }, &explain())
        };
        let spent = spent::SpentAt::new("a.io", Spent::default());
        let ended = (0..).zip(outcomes).filter_map(ended).collect();
        ended::JobResult { worker: "w1".to_owned(), born: 1, ended, spent: spent.into_iter().collect() }
    }

    fn rules() -> ended::RuleFailures {
        let failure = sync::RuleFailure { rule: 0, source: "a.io/x".into(), error: error() };
        ended::RuleFailures::new(&[Arc::new(failure)], 1, &explain())
    }

    /// One message of each kind.
    fn messages() -> Vec<bytes::Bytes> {
        let (release, config) = (release::Release::ours(), Digest::sha256(b"c"));
        let entry = run::RunEntry {
            release: release.clone(),
            run: "r".to_owned(),
            config: config.clone(),
            selection: config.clone(),
            jobs: 1,
            began: Some(1),
        };
        let sent = vec![beat::SentFor { run: "r".to_owned(), bytes: 1 }];
        let beat = beat::Beat {
            release,
            worker: "w1".to_owned(),
            born: 1,
            config: config.clone(),
            sent,
            jobs: vec![beat::JobInWork { run: "r".to_owned(), number: 0 }],
            refused: Vec::new(),
            leaves: false,
        };
        let wanted = Wanted { referrers: WantedReferrers::None, policy: Arc::new(Policy::default()) };
        let assignments = vec![Assignment { rule: 0, images: vec![image()], wanted }];
        vec![
            write(&runs::Runs { open: vec![listed::Listed::Ours(entry)], closed: vec!["q".to_owned()] }),
            write(&job::Job { run: "r".to_owned(), number: 0, config, bytes: 1, assignments }),
            write(&job::Handed { run: "r".to_owned(), number: 0 }),
            write(&result()),
            write(&rules()),
            write(&spent::SpentBy { worker: "w1".to_owned(), born: 1, spent: result().spent }),
            write(&beat),
            write(&beat::WhoHas { name: "w1".to_owned(), born: 1 }),
            write(&pause::PauseToAll::new("w1", "a.io".to_owned(), Duration::from_secs(1))),
        ]
    }

    #[test]
    fn how_many_failed_rules_are_left_out_is_told() {
        let failure = |rule| Arc::new(sync::RuleFailure { rule, source: "a.io/x".into(), error: error() });
        let failures: Vec<_> = (0..7).map(failure).collect();
        let told = ended::RuleFailures::new(&failures, 5, &explain());
        let told = read::<ended::RuleFailures>(&shortened::write_within(&told, LARGEST)).unwrap();
        assert_eq!((told.left_out(), told.failures().len()), (2, 5));
    }

    /// If this fails, messages have changed: raise `FORMAT` in `release.rs`, and write its new number and digest here. Releases that read
    /// each other's messages wrongly would lose images or bytes of a report.
    #[test]
    fn the_format_of_messages_has_one_number() {
        let version = format!(r#","version":"{}""#, env!("CARGO_PKG_VERSION"));
        let text = messages()
            .iter()
            .map(|text| String::from_utf8_lossy(text).replace(&version, ""))
            .collect::<Vec<_>>();
        let text = text.join("\n");
        let number = text.split(r#""format":"#).nth(1).and_then(|rest| rest.split('}').next());
        let known = (number, Digest::sha256(text.as_bytes()).short());
        assert_eq!(known, (Some("5"), "sha256:6a35e9334946".to_owned()), "{text}");
    }
}
