//! Tests against the embedded registry. Numbers in names are those of the protocol checklist.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod auth_source;
mod auth_token;
mod bench;
mod blob;
mod catalog;
mod corpus;
mod deletion;
mod destination;
mod docker_registry;
mod elsewhere;
mod hidden;
mod host_client;
mod login;
mod manifest;
mod manifest_push;
mod memory;
mod preset;
mod probe;
mod proxy;
mod ranges;
mod redirect;
mod referrer;
mod resume;
mod saved_upload;
mod small_server;
mod tag;
mod tls;
mod transport;
mod trouble;
mod upload;
mod wire;
