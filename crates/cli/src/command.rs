//! One verb a file.

pub(crate) mod demo;
pub(crate) mod sync;
