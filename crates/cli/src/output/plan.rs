//! A plan: recorded while a run looks, then printed for people or written for `apply`.

mod checksum;
mod division;
mod document;
mod extra;
mod head;
mod loads;
mod parts;
mod recorder;
mod schema;
mod step;
mod totals;
mod tree;

pub(crate) use checksum::Checksum;
pub(crate) use division::{Division, fingerprint};
pub(crate) use document::{SCHEMA, write};
pub(crate) use head::{Head, digest_of};
pub(crate) use recorder::{Plan, PlanRecorder};
pub(crate) use schema::schema;
pub(crate) use step::Step;
pub(crate) use tree::{Shown, print};
