//! The results of a job's images.

use std::sync::Arc;
use std::time::Duration;

use oci::foreign_text::clean_to;
use oci::{Digest, ErrorKind};
use serde::{Deserialize, Serialize};
use sync::endpoint::EndpointError;
use sync::{
    Amounts, Cause, Error, ImageReport, LeftOut, Operation, Outcome, RuleFailure, Side, SkipReason, ToldError,
};

use super::job::Job;
use super::shortened::{LONGEST, Shorten};
use super::spent::{self, SpentAt};
use super::{Checked, MOST_IMAGES, Malformed, is_name};
use crate::kept::Kept;

/// The result of one attempt at a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobResult {
    pub(crate) worker: String,
    /// When the process started: this distinguishes processes of one name.
    pub(crate) born: u64,
    pub(crate) ended: Vec<Ended>,
    /// This process's requests to registries since it began to work on the run, without the registries whose counts the book has already.
    pub(crate) spent: Vec<SpentAt>,
}

/// How one image ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ended {
    /// The image's number in the job.
    pub(crate) image: u32,
    pub(crate) outcome: ToldOutcome,
    moved: u64,
    /// How many of the moved bytes the target keeps.
    kept: u64,
    /// How many are in upload sessions that stay open at the target, so that this worker can resume them.
    left_open: u64,
    mounted: u64,
    present: u64,
    referrers: u64,
    referrers_left: u64,
    milliseconds: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum ToldOutcome {
    Copied {
        digest: Digest,
        at_source: Digest,
        #[serde(default)]
        replaced: Option<Digest>,
        platforms: u32,
        attestations: u32,
    },
    Unchanged(Digest),
    SameContent {
        at_target: Digest,
        at_source: Digest,
    },
    Kept {
        at_target: Digest,
        at_source: Digest,
    },
    NoPlatform,
    Failed(ToldFailure),
    NotDone,
}

/// A failure. Its texts are cut only when the message is written, and then say how long they were.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToldFailure {
    at_target: bool,
    place: String,
    doing: String,
    kind: Option<ErrorKind>,
    why: String,
    next: String,
}

impl Checked for JobResult {
    fn checked(self) -> Result<Self, Malformed> {
        if !is_name(&self.worker) {
            return Err(Malformed::new("the worker has no name"));
        }
        if self.ended.len() > MOST_IMAGES {
            return Err(Malformed::new(format!("it has {} images", self.ended.len())));
        }
        spent::check(&self.spent)?;
        Ok(self)
    }
}

/// Rules that failed, or lists of single repositories of theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFailures {
    failed: Vec<FailedRule>,
    /// How many more rules failed.
    left_out: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailedRule {
    rule: usize,
    source: String,
    failure: ToldFailure,
}

impl Checked for RuleFailures {
    fn checked(self) -> Result<Self, Malformed> {
        let number = self.failed.len();
        if number > MOST_IMAGES { Err(Malformed::new(format!("it has {number} rules"))) } else { Ok(self) }
    }
}

impl RuleFailures {
    /// Lists `most` rules at most, and counts the others.
    pub(crate) fn new(failures: &[Arc<RuleFailure>], most: usize, explain: &Explain) -> Self {
        let told = |failure: &Arc<RuleFailure>| {
            let (rule, source) = (failure.rule, failure.source.to_string());
            FailedRule { rule, source, failure: ToldFailure::new(&failure.error, explain) }
        };
        let failed: Vec<_> = failures.iter().take(most).map(told).collect();
        Self { left_out: failures.len() - failed.len(), failed }
    }

    /// How many of the failed rules are not listed.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The failures, as the coordinator that planned would report them.
    pub(crate) fn failures(self) -> Vec<RuleFailure> {
        let failure = |FailedRule { rule, source, failure }| RuleFailure {
            rule,
            source: cut(&source).into(),
            error: failure.error().into(),
        };
        self.failed.into_iter().map(failure).collect()
    }
}

impl Shorten for JobResult {
    fn shorten(&mut self, longest: usize) {
        for ended in &mut self.ended {
            if let ToldOutcome::Failed(failure) = &mut ended.outcome {
                failure.shorten(longest);
            }
        }
    }
}

impl Shorten for RuleFailures {
    fn shorten(&mut self, longest: usize) {
        for failed in &mut self.failed {
            failed.source = clean_to(&failed.source, longest).into_owned();
            failed.failure.shorten(longest);
        }
    }
}

impl Shorten for ToldFailure {
    fn shorten(&mut self, longest: usize) {
        for text in [&mut self.place, &mut self.doing, &mut self.why, &mut self.next] {
            *text = clean_to(text, longest).into_owned();
        }
    }
}

/// Puts an error into words: why, and what to do.
pub type Explain = Arc<dyn Fn(&Error) -> (String, String) + Send + Sync>;

impl Ended {
    /// The result of an image in this process. `None` for outcomes that a run which copies does not have.
    pub(crate) fn new(image: u32, ended: &ImageReport, explain: &Explain) -> Option<Self> {
        let Amounts { moved_bytes, mounted_bytes, present_bytes, referrers, referrers_left } = ended.amounts;
        let outcome = match &ended.outcome {
            Outcome::Copied { digest, at_source, replaced, left_out } => ToldOutcome::Copied {
                digest: digest.clone(),
                at_source: at_source.clone(),
                replaced: replaced.clone(),
                platforms: u32::try_from(left_out.platforms).unwrap_or(u32::MAX),
                attestations: u32::try_from(left_out.attestations).unwrap_or(u32::MAX),
            },
            Outcome::Skipped(SkipReason::Unchanged(digest)) => ToldOutcome::Unchanged(digest.clone()),
            Outcome::Skipped(SkipReason::SameContent { at_target, at_source }) => {
                ToldOutcome::SameContent { at_target: at_target.clone(), at_source: at_source.clone() }
            }
            Outcome::Skipped(SkipReason::Kept { at_target, at_source }) => {
                ToldOutcome::Kept { at_target: at_target.clone(), at_source: at_source.clone() }
            }
            Outcome::Skipped(SkipReason::NoPlatform) => ToldOutcome::NoPlatform,
            Outcome::Failed(error) => ToldOutcome::Failed(ToldFailure::new(error, explain)),
            Outcome::NotDone => ToldOutcome::NotDone,
            Outcome::Skipped(SkipReason::NotInSample) | Outcome::WouldCopy(_) | Outcome::Verified(_) => {
                return None;
            }
        };
        Some(Self {
            image,
            outcome,
            moved: moved_bytes,
            kept: 0,
            left_open: 0,
            mounted: mounted_bytes,
            present: present_bytes,
            referrers,
            referrers_left,
            milliseconds: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The result of an image that no worker could bring.
    pub(crate) fn failed(image: u32, place: &str, why: &str, next: &str) -> Self {
        let failure = ToldFailure {
            at_target: true,
            place: place.to_owned(),
            doing: "copying".to_owned(),
            kind: None,
            why: why.to_owned(),
            next: next.to_owned(),
        };
        let (moved, kept, left_open, mounted, present, referrers, referrers_left, milliseconds) =
            Default::default();
        let outcome = ToldOutcome::Failed(failure);
        Self {
            image,
            outcome,
            moved,
            kept,
            left_open,
            mounted,
            present,
            referrers,
            referrers_left,
            milliseconds,
        }
    }

    /// Sets how many of the moved bytes the target keeps, for good and in upload sessions that stay open. If the image is there, nothing of
    /// it is sent again, so the target keeps all of them.
    pub(crate) fn with_kept(self, kept: Kept) -> Self {
        let kept = if self.is_good() { Kept { stands: self.moved, left_open: 0 } } else { kept };
        Self { kept: kept.stands, left_open: kept.left_open, ..self }
    }

    /// How many of the moved bytes the target keeps.
    pub(crate) fn kept(&self) -> Kept {
        Kept { stands: self.kept, left_open: self.left_open }.of(self.moved)
    }

    /// The result as observers get it. `None` for an image that the job does not have.
    pub(crate) fn report(&self, job: &Job) -> Option<ImageReport> {
        let image = job.images().nth(self.image as usize)?.clone();
        let rule = rule_of(job, self.image)?;
        let amounts = Amounts {
            moved_bytes: self.moved,
            mounted_bytes: self.mounted,
            present_bytes: self.present,
            referrers: self.referrers,
            referrers_left: self.referrers_left,
        };
        let outcome = match self.outcome.clone() {
            ToldOutcome::Copied { digest, at_source, replaced, platforms, attestations } => {
                let left_out = LeftOut { platforms: platforms as usize, attestations: attestations as usize };
                Outcome::Copied { digest, at_source, replaced, left_out }
            }
            ToldOutcome::Unchanged(digest) => Outcome::Skipped(SkipReason::Unchanged(digest)),
            ToldOutcome::SameContent { at_target, at_source } => {
                Outcome::Skipped(SkipReason::SameContent { at_target, at_source })
            }
            ToldOutcome::Kept { at_target, at_source } => {
                Outcome::Skipped(SkipReason::Kept { at_target, at_source })
            }
            ToldOutcome::NoPlatform => Outcome::Skipped(SkipReason::NoPlatform),
            ToldOutcome::Failed(failure) => Outcome::Failed(Arc::new(failure.error())),
            ToldOutcome::NotDone => Outcome::NotDone,
        };
        Some(ImageReport { image, rule, outcome, amounts, took: Duration::from_millis(self.milliseconds) })
    }

    /// The attempt of the higher rank counts: of one image, the first attempt may say `copied` and the second `unchanged`.
    pub(crate) fn rank(&self) -> u8 {
        match self.outcome {
            ToldOutcome::Copied { .. } => 3,
            ToldOutcome::NotDone => 0,
            ToldOutcome::Failed(_) => 1,
            _ => 2,
        }
    }

    /// Whether the image was brought, or failed.
    pub(crate) fn is_done(&self) -> bool {
        self.rank() > 0
    }

    /// Whether another attempt could not improve it.
    pub(crate) fn is_good(&self) -> bool {
        self.rank() > 1
    }
}

fn rule_of(job: &Job, image: u32) -> Option<usize> {
    let mut rules =
        job.assignments.iter().flat_map(|assignment| assignment.images.iter().map(|_| assignment.rule));
    rules.nth(image as usize)
}

fn cut(text: &str) -> String {
    clean_to(text, LONGEST).into_owned()
}

impl ToldFailure {
    fn new(error: &Error, explain: &Explain) -> Self {
        let (why, next) = explain(error);
        Self {
            at_target: error.side == Side::Target,
            place: error.place.clone(),
            doing: error.operation.to_string(),
            kind: error.kind(),
            why,
            next,
        }
    }

    /// The failure as an error. Its texts are cleaned here, since any client may have written them to NATS.
    fn error(self) -> Error {
        let told = ToldError { why: cut(&self.why), next: cut(&self.next) };
        let cause = match self.kind {
            Some(kind) => Cause::from(EndpointError::new(kind, told)),
            None => Cause::Elsewhere(Box::new(told)),
        };
        let side = if self.at_target { Side::Target } else { Side::Source };
        Error { side, place: cut(&self.place), operation: Operation::Elsewhere(cut(&self.doing)), cause }
    }
}
