//! Workers and a coordinator on a real nats-server, between embedded registries.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod book;
mod lease;
mod limits;
mod list;
mod login;
mod lost;
mod name;
mod nats;
mod permission;
mod redelivery;
mod refused;
mod relay;
mod report;
mod run;
mod stop;
mod until;
mod world;
