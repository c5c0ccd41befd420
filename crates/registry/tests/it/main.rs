//! Conversations with the embedded registry. Numbers in names are those of the protocol checklist.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod bench;
mod blob;
mod login;
mod manifest;
mod proxy;
mod redirect;
mod resume;
mod tag;
mod tls;
mod transport;
mod upload;
mod wire;
