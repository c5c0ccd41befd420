//! What registries and clouds offer beside the distribution protocol: so far, logins.

pub mod google;
