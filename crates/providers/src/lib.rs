//! APIs of registries and clouds beside the distribution protocol: lists of repositories and digests, namespaces,
//! and temporary logins.

pub mod alibaba;
mod entries;
#[doc(hidden)]
pub mod fuzzing;
pub mod google;
pub mod harbor;
