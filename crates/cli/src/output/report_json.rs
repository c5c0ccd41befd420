//! The report for programs: every image with its result, and totals that agree with them.

mod alike;
mod facts;
mod images;
mod mended;
mod merge;
mod of_run;
mod read;
mod registries;
mod registry_entry;
mod regroup;
mod schema;
mod shards;
mod status;
mod stopped;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;
mod write;

pub(crate) use alike::{Alike, alike};
pub(crate) use facts::{Facts, FailureGroup, Head, RegistryEntry, Rule as ReportedRule, Stopped, Totals};
pub(crate) use merge::Merger;
pub(super) use of_run::totals;
pub(crate) use of_run::{facts, time};
pub(crate) use read::{Unreadable, read};
#[cfg(feature = "fleet")]
pub(crate) use registry_entry::registry_entries;
pub(crate) use schema::schema;
pub(super) use schema::{error, image, number_or_null, totals_schema};
pub(crate) use shards::{odd_shards, runs_there_twice};
pub(crate) use write::write;
