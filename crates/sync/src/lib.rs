//! Decides which images to copy between registries, and copies them.
//!
//! A [`Sync`] is a value: it is started, watched through [`Event`]s, cancelled, and gives a [`Report`].
//! Many can run in one process. It knows no screen, no file format and no cloud, and speaks to registries
//! only through the [`Source`] and [`Target`] traits.

mod amounts;
mod attempt;
mod awaited;
mod backoff;
mod bandwidth;
#[doc(hidden)]
pub mod bench;
mod breaker;
mod company;
mod copy;
mod deadline;
mod discover;
pub mod endpoint;
mod engine;
mod error;
mod event;
mod followers;

mod image;
mod landing;
mod ledger;
pub mod listing;
mod lock;
mod open_upload;
mod order;
mod pattern_rule;
mod platform_filter;
mod referrer_tags;
mod report;
mod repository_pattern;
mod rule;
mod run;
mod schedule;
mod self_mount;
#[doc(hidden)]
pub mod state;
mod target_repository;
mod target_template;
mod transfer;
mod turns;

pub use amounts::Amounts;
pub use bandwidth::{Bandwidth, BandwidthError};
pub use endpoint::{Source, Target};
pub use engine::Engine;
pub use error::{Cause, Error, ImpossibleTarget, NoAnswer, Operation, SharedTarget, Side};
pub use event::{BlobOutcome, Event, Observer, Silent};
pub use image::Image;
pub use pattern_rule::{MakeRule, PatternRule, Work};
pub use platform_filter::PlatformFilter;
pub use report::{ImageReport, Outcome, Report, RuleFailure, SkipReason};
pub use repository_pattern::{RepositoryPattern, RepositoryPatternError};
pub use rule::{Naming, ReferrerPolicy, Rule, RuleTarget, Selection};
pub use run::{Mode, Options, Rewrite};
pub use schedule::Sync;
pub use state::{State, StateError};
pub use target_template::{TargetTemplate, TargetTemplateError};
