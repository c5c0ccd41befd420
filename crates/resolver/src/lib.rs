//! Resolves host names as the system is set up to: `/etc/hosts`, then the DNS servers of `/etc/resolv.conf`.
//!
//! glibc does the same by libraries that it loads at run time, which must be those that it was built with: a static
//! binary on another system would crash in them. So names take this way in every build. What it leaves out is
//! `nsswitch.conf` with its other sources (mDNS, LDAP, NIS), and the variables `RES_OPTIONS` and `LOCALDOMAIN`.
//! systemd-resolved is asked as the DNS server that it is.

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

/// What a DNS server answers, for the fuzz target. No part of the interface.
#[doc(hidden)]
pub fn fuzz_answer(bytes: &[u8]) {
    let query = message::Query::new("registry.example.com", message::Family::V4, 7);
    let _ = query.is_some_and(|query| query.read(bytes).is_ok());
}
