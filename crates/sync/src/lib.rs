//! Decides which images to copy between registries, and copies them.
//!
//! A [`Sync`] is a value: it is started, watched through [`Event`]s and cancelled, and returns a [`Report`]. Many can
//! run in one process. This crate knows no screen, file format or cloud, and accesses registries only through the
//! [`Source`] and [`Target`] traits.

#[doc(hidden)]
pub mod bench;
mod copy;
pub mod endpoint;
mod engine;
mod error;
mod expression;
mod lock;
mod memory;
mod plan;
pub mod prune;
mod report;
mod rule;
pub mod select;

pub use endpoint::{Source, Target};
pub use engine::backoff::Backoff;
pub use engine::bandwidth::{Bandwidth, BandwidthError};
pub use engine::run::{Mode, Options};
pub use engine::sync::Sync;
pub use engine::verification::{Against, Depth, Repair, Share, ShareError, Verification};
pub use engine::{Engine, PairInWork};
pub use error::told::ToldError;
pub use error::{Cause, Error, ImpossibleTarget, NoAnswer, Operation, SharedTarget, Side};
pub use expression::regex_problem;
pub use memory::leases::{Lease, Leased, Leases, Wanted as LeaseWanted};
pub use memory::state::{State, StateError};
pub use plan::assignment::{Assignment, BoundAssignment, Surveyed};
pub use plan::decision::{Action, Decision, Load, LoadedBlob};
pub use plan::expected::Expected;
pub use plan::pattern_targets::PatternTargets;
pub use plan::shard::{Chains, Shard, ShardError, Split, Splittable};
pub use plan::task::{BoundTask, Task};
pub use plan::wanted::{Wanted, WantedReferrers};
pub use report::amounts::Amounts;
pub use report::blob_outcome::BlobOutcome;
pub use report::event::{Event, Observer, Silent, Stamp};
pub use report::image::{Image, NameError};
pub use report::outcome::{ImageReport, LeftOut, Outcome, SkipReason};
pub use report::run_id::RunId;
pub use report::totals::Totals;
pub use report::verdict::{Mended, Problem, ProblemKind, ProblemState, Standing, Verdict};
pub use report::worked_on::{Targets, WorkedOn, worked_on};
pub use report::{LookedAt, Report, RuleFailure};
pub use rule::artifact_types::{ArtifactTypeError, ArtifactTypePattern, ArtifactTypes};
pub use rule::pattern_rule::{MakeRule, PatternRule, PatternTarget, TakeBack, Work};
pub use rule::platform_filter::PlatformFilter;
pub use rule::policy::{
    AttestationPolicy, IndexPolicy, OnCollision, OnConflict, Policy, ReferrerPolicy, Rewrite, SOURCE_DIGEST,
};
pub use rule::referrer_tag::belongs_to_another;
pub use rule::repository_pattern::{RepositoryPattern, RepositoryPatternError};
pub use rule::tag_template::{TagTemplate, TagTemplateError};
pub use rule::target_template::{TargetTemplate, TargetTemplateError};
pub use rule::{Naming, Rule, RuleTarget, Selection};

pub use endpoint::listing;
#[doc(hidden)]
pub use memory::state;
