//! The engine: laws of the graph walk on endpoints in memory, whole runs on the embedded registry, and runs between
//! real registries with many faults.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod at_target;
mod blobs;
mod bounds;
mod breaker;
mod chain;
mod decisions;
mod disturbance;
mod engine;
mod extra;
mod fake;
mod fault_matrix;
mod fault_seeds;
mod fault_world;
mod graph;
mod index_form;
mod isolation;
mod laws;
mod leases;
mod length;
mod lists;
mod login_failure;
mod memory;
mod notes;
mod options;
mod plan_simulation;
mod platform;
mod prune;
mod prune_lists;
mod prune_look;
mod referrer_types;
mod referrers;
mod referrers_below;
mod reported;
mod schema1;
mod selection;
mod shard;
mod shard_simulation;
mod shared_engine;
mod sick_simulation;
mod simulation;
mod soak;
mod stamp;
mod stop;
mod verify;
mod whole_report;
mod wholeness;
