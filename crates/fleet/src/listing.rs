//! Whether a run is in the list of runs that NATS keeps.

use bytes::Bytes;

use crate::bucket::Bucket;
use crate::error::Error;
use crate::message;
use crate::message::runs::Runs;

/// What the list says of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Open,
    /// A coordinator has closed it.
    Closed,
    /// NATS has answered, and does not know the run.
    Lost(String),
    /// NATS has not answered, or the list cannot be read.
    Unknown,
}

impl Listing {
    /// Asks NATS once.
    pub(crate) async fn of(run: &str, runs: &Bucket) -> Self {
        Self::by(run, runs.get_once("runs").await)
    }

    fn by(run: &str, answer: Result<Option<(Bytes, u64)>, Error>) -> Self {
        let text = match answer {
            Ok(Some((text, _))) => text,
            Ok(None) => return Self::Lost("there is no list of runs any more".to_owned()),
            Err(Error::Gone { reason, .. }) => return Self::Lost(reason),
            Err(_) => return Self::Unknown,
        };
        match message::read::<Runs>(&text) {
            Ok(runs) if runs.has(run) => Self::Open,
            Ok(runs) if runs.closed.iter().any(|closed| closed == run) => Self::Closed,
            Ok(_) => Self::Lost("the list of runs does not have it any more".to_owned()),
            Err(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_lost_only_where_nats_says_so() {
        let digest = oci::Digest::sha256(b"c");
        let release = serde_json::to_value(crate::message::release::Release::ours()).unwrap();
        let open = serde_json::json!({"release": release, "run": "r", "config": digest, "selection": digest, "jobs": 1});
        let list = serde_json::json!({"open": [open], "closed": ["q"]}).to_string();
        let listed = |run: &str| Listing::by(run, Ok(Some((list.clone().into(), 1))));
        assert_eq!((listed("r"), listed("q")), (Listing::Open, Listing::Closed));
        assert!(matches!(listed("p"), Listing::Lost(_)), "another store has other runs");
        assert!(matches!(Listing::by("r", Ok(None)), Listing::Lost(_)));
        let (what, reason) = (String::new(), "stream not found".to_owned());
        let gone = Error::Gone { what: what.clone(), reason: reason.clone() };
        assert_eq!(Listing::by("r", Err(gone)), Listing::Lost(reason.clone()));
        assert_eq!(Listing::by("r", Err(Error::NoAnswer { what, reason })), Listing::Unknown);
        assert_eq!(Listing::by("r", Ok(Some(("{".into(), 1)))), Listing::Unknown);
    }
}
