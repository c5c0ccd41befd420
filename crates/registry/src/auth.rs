//! From a registry's challenge to the `Authorization` header that it accepts.

pub(crate) mod access_claim;
mod actions;
pub(crate) mod authenticator;
pub(crate) mod basic_trial;
pub(crate) mod challenge;
pub(crate) mod credential;
pub(crate) mod credential_helper;
mod failed_token;
pub(crate) mod learn;
pub(crate) mod login_file;
mod login_file_key;
pub(crate) mod login_files;
mod login_keeper;
pub(crate) mod login_search;
pub(crate) mod realm;
pub(crate) mod scope;
pub(crate) mod token;
mod token_book;
mod token_request;
mod token_server;
pub(crate) mod trusted_realm;
pub(crate) mod unasked;
pub(crate) mod visitor_token;
