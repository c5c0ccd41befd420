//! One image with its findings.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sync::{
    Against, Error, ImageReport, Mended, Outcome, Problem, ProblemKind, ProblemState, Standing, Verdict,
};

use crate::diagnostic::diagnose;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifiedRecord {
    /// The label of its rule.
    pub(super) rule: Option<String>,
    /// `None` without a source to compare with.
    pub(super) source: Option<String>,
    pub(super) target: String,
    pub(super) outcome: Standing,
    /// The digest that the target has under the name, which identifies everything below it.
    pub(super) digest: Option<String>,
    looked_at: String,
    /// Whether it was repaired in this run.
    repaired: bool,
    pub(super) problems: Vec<ProblemRecord>,
    /// Why it could not be verified or repaired.
    error: Option<String>,
    /// For a broken referrers tag: the images that it belongs to.
    pub(super) referrers_of: Option<Vec<String>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProblemRecord {
    pub(super) digest: Option<String>,
    pub(super) kind: ProblemKind,
    pub(super) state: ProblemState,
    why: Option<String>,
}

impl VerifiedRecord {
    /// `None` for an image that was not verified.
    pub(super) fn new(
        ended: &ImageReport,
        rule: Option<&str>,
        against: Against,
        at: SystemTime,
    ) -> Option<Self> {
        let image = &ended.image;
        let looked_at = jiff::Timestamp::try_from(at).unwrap_or_default();
        let empty = Self {
            rule: rule.map(str::to_owned),
            source: (against == Against::Source).then(|| image.source_name()),
            target: image.target_name(),
            outcome: Standing::Unreadable,
            digest: None,
            looked_at: format!("{looked_at:.3}"),
            repaired: false,
            problems: Vec::new(),
            error: None,
            referrers_of: None,
        };
        match &ended.outcome {
            Outcome::Verified(verdict) => Some(empty.with(verdict)),
            Outcome::Failed(error) => Some(empty.failed(error)),
            _ => None,
        }
    }

    fn with(self, verdict: &Verdict) -> Self {
        let error = match &verdict.mended {
            Mended::NotAll(Some(error)) => Some(why(error)),
            Mended::NotAll(None) => kept(verdict).map(str::to_owned),
            Mended::Nothing | Mended::All => None,
        };
        Self {
            outcome: verdict.standing,
            digest: verdict.digest.as_ref().map(ToString::to_string),
            repaired: matches!(verdict.mended, Mended::All),
            problems: verdict.problems.iter().map(ProblemRecord::new).collect(),
            error,
            ..self
        }
    }

    /// An image that could not be verified, so that nothing is known of it.
    fn failed(self, error: &Error) -> Self {
        let (kind, state) = (ProblemKind::Tag, ProblemState::Unreadable);
        let problem = ProblemRecord { digest: None, kind, state, why: None };
        Self { problems: vec![problem], error: Some(why(error)), ..self }
    }

    /// For people: the image, and a line for each problem. Empty if the image is complete and was not repaired.
    pub(super) fn lines(self) -> Vec<String> {
        let word = match self.outcome {
            Standing::Whole if self.repaired => "repaired",
            Standing::Whole => return Vec::new(),
            Standing::Kept => {
                let there = self.digest.unwrap_or_default();
                return vec![format!(
                    "{:<10} {}: the target has {there}, which stays as the rule says",
                    "kept", self.target
                )];
            }
            Standing::Missing => "missing",
            Standing::Different => "different",
            Standing::Incomplete => "incomplete",
            Standing::Unreadable => "unreadable",
        };
        let mut lines = vec![format!("{word:<10} {}", self.target)];
        lines.extend(self.problems.iter().map(|problem| problem.line(&self.target)));
        if let Some(images) = self.referrers_of.filter(|images| !images.is_empty()) {
            lines.push(format!("  it lists the signatures and other referrers of {}", images.join(", ")));
        }
        lines.extend(self.error.map(|error| format!("  why: {error}")));
        lines
    }
}

impl ProblemRecord {
    fn new(problem: &Problem) -> Self {
        let digest = problem.digest.as_ref().map(ToString::to_string);
        let instead = || {
            let (there, wanted) = (problem.instead.as_ref()?, problem.digest.as_ref()?);
            Some(format!("the target has {there}, and should have {wanted}"))
        };
        let why = problem.why.as_deref().map(why).or_else(instead);
        Self { digest, kind: problem.kind, state: problem.state, why }
    }

    fn line(&self, target: &str) -> String {
        let kind = match self.kind {
            ProblemKind::Tag => "tag",
            ProblemKind::Manifest => "manifest",
            ProblemKind::Blob => "blob",
            ProblemKind::Referrer => "referrer",
        };
        let state = match self.state {
            ProblemState::Missing => "missing",
            ProblemState::Wrong => "wrong",
            ProblemState::Unreadable => "unreadable",
        };
        let digest = self.digest.as_ref().map(|digest| format!(" {digest}")).unwrap_or_default();
        let what = match (self.kind, self.state) {
            // The reason has both digests.
            (ProblemKind::Tag, ProblemState::Wrong) => format!(" {}", tag_of(target)),
            _ => digest,
        };
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("  {state:<10} {kind}{what}{why}")
    }
}

/// The tag of `HOST:PORT/REPOSITORY:TAG`.
fn tag_of(target: &str) -> &str {
    let last = target.rsplit('/').next().unwrap_or(target);
    last.split_once(':').map_or(last, |(_, tag)| tag)
}

/// Why a repair without errors changed nothing.
fn kept(verdict: &Verdict) -> Option<&'static str> {
    let has = |is: fn(&Problem) -> bool| verdict.problems.iter().any(is);
    if has(|problem| problem.kind == ProblemKind::Blob && problem.state == ProblemState::Wrong) {
        return Some(
            "the registry keeps the bytes that it has, though the right ones were sent: delete the blob's file in the registry's storage, and repair again (on docker-registry a deletion by its API is not enough)",
        );
    }
    let is_broken_manifest = |problem: &Problem| {
        problem.kind != ProblemKind::Blob
            && problem.digest.is_some()
            && matches!(problem.state, ProblemState::Wrong | ProblemState::Unreadable)
    };
    (verdict.standing != Standing::Different && has(is_broken_manifest)).then_some(
        "the registry keeps the manifest that it has, though the right one was sent: delete the manifest's file in the registry's storage, and repair again (on docker-registry `blobs/sha256/.../data`; a deletion by its API is not enough)",
    )
}

fn why(error: &Error) -> String {
    diagnose(error).why
}
