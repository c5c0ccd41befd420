//! What registries and clouds offer beside the distribution protocol: logins, and lists with digests.

pub mod google;
pub mod harbor;
