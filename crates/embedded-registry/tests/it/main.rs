//! The embedded registry as clients see it, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod bench;
mod blob;
mod deletion;
mod fault;
mod limit;
mod listing;
mod listing_quirk;
mod login;
mod manifest;
mod manifest_quirk;
mod mount;
mod preset;
mod referrer;
mod storage;
mod upload;
mod upload_quirk;
