//! The embedded registry as clients see it, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod bench;
mod blob;
mod fault;
mod listing;
mod login;
mod manifest;
mod storage;
mod upload;
mod upload_quirk;
