//! What the program is asked to do.

use super::acr::AcrArgs;
use super::check::CheckArgs;
use super::completions::CompletionsArgs;
use super::copy::CopyArgs;
use super::demo::DemoArgs;
use super::expand::ExpandArgs;
use super::explain::ExplainArgs;
use super::fleet::WorkerArgs;
use super::import::ImportArgs;
use super::look::{DigestArgs, InspectArgs, ReposArgs, TagsArgs};
use super::man::ManArgs;
use super::old::OldArgs;
use super::plan::{ApplyArgs, PlanArgs};
use super::prune::PruneArgs;
use super::report::ReportArgs;
use super::run::RunArgs;
use super::schema::SchemaArgs;
use super::sync::SyncArgs;
use super::verify::VerifyArgs;

/// What the program is asked to do.
pub(crate) enum Invocation {
    /// The form without a verb, as the Go tool had it.
    Old(OldArgs),
    /// `image-syncer sync`
    Sync(SyncArgs),
    /// `image-syncer plan`
    Plan(PlanArgs),
    /// `image-syncer apply`
    Apply(ApplyArgs),
    /// `image-syncer copy`
    Copy(CopyArgs),
    /// `image-syncer verify`
    Verify(VerifyArgs),
    /// `image-syncer prune`
    Prune(PruneArgs),
    /// `image-syncer expand`
    Expand(ExpandArgs),
    /// `image-syncer check`
    Check(CheckArgs),
    /// `image-syncer inspect`
    Inspect(InspectArgs),
    /// `image-syncer digest`
    Digest(DigestArgs),
    /// `image-syncer tags`
    Tags(TagsArgs),
    /// `image-syncer repos`
    Repos(ReposArgs),
    /// `image-syncer explain`
    Explain(ExplainArgs),
    /// `image-syncer report`
    Report(ReportArgs),
    /// `image-syncer import`
    Import(ImportArgs),
    /// `image-syncer demo`
    Demo(DemoArgs),
    /// `image-syncer schema`
    Schema(SchemaArgs),
    /// `image-syncer completions`
    Completions(CompletionsArgs),
    /// `image-syncer man`
    Man(ManArgs),
    /// `image-syncer acr`
    Acr(AcrArgs),
    /// `image-syncer worker`
    Worker(Box<WorkerArgs>),
}

impl Invocation {
    /// The flags of verbs that run.
    pub(crate) fn run_args(&self) -> Option<&RunArgs> {
        match self {
            Self::Old(args) => Some(&args.job.run),
            Self::Sync(args) => Some(&args.job.run),
            Self::Plan(args) => Some(&args.job.run),
            Self::Apply(args) => Some(&args.run),
            Self::Copy(args) => Some(&args.run),
            Self::Verify(args) => Some(&args.job.run),
            Self::Worker(args) => Some(&args.job.run),
            Self::Prune(_)
            | Self::Expand(_)
            | Self::Check(_)
            | Self::Inspect(_)
            | Self::Digest(_)
            | Self::Tags(_)
            | Self::Repos(_)
            | Self::Explain(_)
            | Self::Report(_)
            | Self::Import(_)
            | Self::Demo(_)
            | Self::Acr(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Schema(_) => None,
        }
    }
}
