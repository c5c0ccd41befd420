//! From a registry's challenge to the `Authorization` header that it accepts.

pub(crate) mod authenticator;
pub(crate) mod challenge;
pub(crate) mod credential;
pub(crate) mod credential_helper;
pub(crate) mod login_files;
pub(crate) mod realm;
pub(crate) mod scope;
pub(crate) mod token;
