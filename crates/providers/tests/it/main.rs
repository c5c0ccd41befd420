//! Registries' and clouds' APIs, against real registries and simulated services on 127.0.0.1.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod alibaba;
mod harbor_failure;
mod harbor_listing;
mod harbor_login;
mod harbor_support;
mod harbor_version_one;
