//! An OCI 1.1 registry in a box: in memory, on a free port of this machine, over plain HTTP.
//!
//! For the demo, and for tests: it keeps a log of what it was asked, can want a login as Harbor or ACR do,
//! and misbehaves on order. It shares no code with the client: it is the other side of the wire.

mod access;
mod answer;
mod endpoint;
mod fault;
mod request_log;
pub mod sample;
mod server;
mod store;
mod token;

pub use access::{Access, Action, Grant, TokenAccess, User};
pub use fault::{Effect, Fault, Match, Times};
pub use request_log::{Authorization, LoggedRequest};
pub use server::{Builder, EmbeddedRegistry, Mounts};
pub use store::{Store, StoredManifest};
