//! One verb a file; what verbs that run share is in `execute.rs` and `outputs.rs`.

pub(crate) mod acr;
pub(crate) mod apply;
mod asked;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod execute;
pub(crate) mod expand;
mod heads;
pub(crate) mod import;
mod outputs;
pub(crate) mod plan;
pub(crate) mod prune;
mod refuse;
mod resolve;
mod retry;
pub(crate) mod schema;
pub(crate) mod sync;
