//! One verb a file.

pub(crate) mod acr;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod execute;
pub(crate) mod expand;
pub(crate) mod sync;
