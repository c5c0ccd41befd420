//! An OCI 1.1 registry in a box: in memory, on a free port of this machine, over plain HTTP.
//!
//! For the demo, and for tests: it keeps a log of what it was asked, can want a login as Harbor or ACR do,
//! and misbehaves on order. It shares no code with the client: it is the other side of the wire.

mod access;
mod answer;
mod builder;
mod call;
mod connection;
mod digest;
mod endpoint;
mod fault;
mod gate;
mod log;
mod name;
mod place;
mod range;
mod request_log;
pub mod sample;
mod server;
mod store;
mod token;
mod upload;

pub use access::{Access, Action, Grant, RefusedBasic, TokenAccess, User};
pub use builder::{Builder, Locations, Mounts, Referrers, Uploads};
pub use fault::{Effect, Fault, Match, Times};
pub use request_log::{Authorization, LoggedRequest};
pub use server::EmbeddedRegistry;
pub use store::{Store, StoredManifest};
