//! Many workers copy the images of one config together: a coordinator plans, NATS `JetStream` hands out jobs and keeps their results, and
//! each worker asks for a lease before it sends a large blob.
//!
//! The registries are the truth. NATS keeps only hints and the run's book: if these are lost, a new plan costs requests, not bytes.

mod access;
mod answer;
mod beat;
mod book;
mod bucket;
mod bundle;
mod connection;
mod contact;
mod coordinator;
mod counted;
mod denials;
mod error;
mod final_answer;
#[cfg(test)]
mod fixture;
#[doc(hidden)]
pub mod fuzzing;
mod grace;
mod holding;
mod kept;
mod leases;
mod limits;
mod listing;
mod message;
mod namesake;
mod probe;
mod spending;
mod spent;
mod uptime;
mod waiting;
mod worker;

pub use access::{Access, AccessError, Login};
pub use connection::Connection;
pub use contact::{ConnectionEvent, Tell};
pub use coordinator::{AtWork, Board, Brought, Coordinator, Loss, Losses, Plan, Standing};
pub use error::Error;
pub use kept::Kept;
pub use leases::NatsLeases;
pub use limits::{HeardPause, LiveWorkers, SharedLimits};
pub use message::Malformed;
pub use message::ended::Explain;
pub use probe::{JetStream, Probe, Rights};
pub use spending::{CountSpending, Spending};
pub use spent::Spent;
pub use worker::{Bind, Tools, Worked, Worker};
