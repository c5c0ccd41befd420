//! Deletes at targets what their sources no longer have: first lists and decides, and deletes only on request.
//!
//! Never deletes what a rule selects, what a source still has, or what remaining content needs. Deletes nothing at
//! all if a rule could not be listed, if a source has no tags, or if too much would be deleted.

mod again;
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
mod present;
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
