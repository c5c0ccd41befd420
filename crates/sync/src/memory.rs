//! What is known of targets, from this run and from earlier ones.

pub(crate) mod asked_leases;
pub(crate) mod brought;
pub(crate) mod inspected;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod looked;
pub(crate) mod refusals;
pub(crate) mod self_mount;
pub(crate) mod sparse_indexes;
pub mod state;
pub(crate) mod target_repository;
