//! The engine: laws of the graph walk on endpoints in memory, and whole runs on the embedded registry.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod engine;
mod fake;
mod graph;
mod laws;
mod options;
