//! One verb a file; what verbs that run share is in `execute.rs` and `outputs.rs`.

pub(crate) mod acr;
pub(crate) mod apply;
mod asked;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod digest;
pub(crate) mod execute;
pub(crate) mod expand;
pub(crate) mod explain;
mod heads;
pub(crate) mod import;
pub(crate) mod inspect;
mod logins;
mod look;
mod notes;
mod outputs;
pub(crate) mod plan;
pub(crate) mod prune;
mod refuse;
pub(crate) mod repos;
mod resolve;
mod retry;
pub(crate) mod schema;
pub(crate) mod sync;
pub(crate) mod tags;
pub(crate) mod verify;
