//! Resolves host names as the system is set up to: `/etc/hosts`, then the DNS servers of `/etc/resolv.conf`.
//!
//! glibc does the same by libraries that it loads at run time, and these must be of the version that it was built with: a static
//! binary on another system would crash in them. So every build resolves names with this crate. It does not support
//! `nsswitch.conf` with its other sources (mDNS, LDAP, NIS), nor the variables `RES_OPTIONS` and `LOCALDOMAIN`.
//! systemd-resolved is used as the DNS server that it is.

mod ask;
mod candidates;
mod error;
mod hosts;
mod message;
mod order;
mod resolv_conf;
mod resolver;
mod silent;

pub use error::Unresolved;
pub use resolver::{Files, Resolver};

/// Parses a DNS server's answer, for the fuzz target. Not part of the public interface.
#[doc(hidden)]
pub fn fuzz_answer(bytes: &[u8]) {
    let query = message::Query::new("registry.example.com", message::Family::V4, 7);
    let _ = query.is_some_and(|query| query.read(bytes).is_ok());
}
