//! One file for each verb. The verbs that copy share `execute.rs` and `outputs.rs`.

pub(crate) mod acr;
pub(crate) mod apply;
mod asked;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod digest;
pub(crate) mod execute;
pub(crate) mod expand;
pub(crate) mod explain;
#[cfg(feature = "fleet")]
mod fleet;
mod heads;
pub(crate) mod import;
pub(crate) mod inspect;
mod logins;
mod look;
pub(crate) mod man;
mod notes;
mod outputs;
pub(crate) mod plan;
pub(crate) mod prune;
mod refuse;
pub(crate) mod report;
pub(crate) mod repos;
mod resolve;
mod retry;
mod same_file;
pub(crate) mod schema;
mod shard;
pub(crate) mod sync;
pub(crate) mod tags;
pub(crate) mod verify;
mod watchers;
#[cfg(feature = "fleet")]
pub(crate) mod worker;

/// Reports that this build lacks NATS support; returns the exit status.
#[cfg(not(feature = "fleet"))]
pub(crate) fn no_fleet(url: &str) -> u8 {
    let error =
        crate::config::ConfigError::new(format!("{} is not spoken to", oci::foreign_text::clean(url)));
    refuse::refuse(&[error.help("this build has no feature `fleet`: use a release's binary, or --shard I/N")])
}
