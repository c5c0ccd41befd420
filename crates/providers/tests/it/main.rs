//! Tests of providers against real registries.

#![allow(clippy::unwrap_used)]
