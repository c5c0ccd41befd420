//! Tests against real registries.

// Helpers outside of test functions do not count as tests for the lint's own exception.
#![allow(clippy::unwrap_used)]

mod harbor_failure;
mod harbor_listing;
mod harbor_login;
mod harbor_support;
mod harbor_version_one;
