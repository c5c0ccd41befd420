//! What is to be done: rules become images, each with the names that it gets, and with what it has to wait for.

pub(crate) mod assignment;
pub(crate) mod awaited;
pub(crate) mod choice;
pub(crate) mod collision;
pub(crate) mod company;
pub(crate) mod decision;
pub(crate) mod discover;
pub(crate) mod discoveries;
mod expand;
pub(crate) mod extra;
pub(crate) mod followers;
pub(crate) mod listings;
pub(crate) mod order;
pub(crate) mod pattern_targets;
pub(crate) mod place;
pub(crate) mod planned;
pub(crate) mod reach;
pub(crate) mod referrer_tags;
pub(crate) mod rivals;
pub(crate) mod shard;
pub(crate) mod sparse_targets;
pub(crate) mod survey;
pub(crate) mod task;
pub(crate) mod task_order;
pub(crate) mod turns;
pub(crate) mod wanted;
pub(crate) mod wish;
