//! What is known of targets: in this run, and from earlier ones.

pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod looked;
pub(crate) mod self_mount;
pub mod state;
pub(crate) mod target_repository;
