//! Checks whether a target's image is complete and intact, and repairs it.
//!
//! Trusts nothing: neither the records of earlier runs, nor what this run has sent. Reads the reference at the target
//! and compares it with what the source should give there (`root.rs`); then reads each manifest below it, and looks
//! up or reads each blob (`inspector.rs`), once for all images that share it (`closure.rs`); last its referrers
//! (`referrers.rs`). Repairs only the broken content (`mend.rs`), and checks it again (`image.rs`).

mod closure;
mod findings;
mod image;
mod inspector;
mod mend;
mod reader;
mod referrers;
mod root;

pub(crate) use image::verify_image;
