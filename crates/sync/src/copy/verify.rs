//! Looks whether what a target has of an image is whole, and brings what is broken.
//!
//! Nothing is believed: neither what earlier runs noted, nor what this one has brought. The name is read at the target and
//! compared with what the source should give there (`root.rs`); then each manifest below it is read, and each blob looked
//! for, or read (`inspector.rs`), once for all images that share it (`closure.rs`); last what refers to it
//! (`referrers.rs`). What is broken is brought by itself (`mend.rs`), and looked at again (`image.rs`).

mod closure;
mod findings;
mod image;
mod inspector;
mod mend;
mod reader;
mod referrers;
mod root;

pub(crate) use image::verify_image;
