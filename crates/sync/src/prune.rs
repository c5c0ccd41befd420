//! Deletes at targets what their sources do not have any more: looks, decides, and only then, where it is asked to, does.
//!
//! Nothing is deleted that a rule selects, that a source still has, or that something needs which stays; nothing at all where
//! a rule could not be listed, a source has no tags, or too much would go.

mod again;
mod ask;
mod candidate;
mod carry_out;
mod contents;
mod decide;
mod delete;
mod ended;
mod examine;
mod gone;
mod guards;
mod habit;
mod judge;
mod look;
mod order;
mod progress;
mod pruned;
mod read;
mod referrers;
mod refusal;
mod repository;
mod suspects;

pub use candidate::{Candidate, Fate, Standing, Untagging};
pub use ended::Kept;
pub use examine::Unread;
pub use guards::{Guards, MaxDelete};
pub use look::{Prune, PrunePlan};
pub use progress::PruneProgress;
pub use pruned::{Deleted, NotDeleted, Pruned};
pub use refusal::Refusal;
