//! Copies one image: its graph from the leaves up, its tag last.

mod at_target;
mod attestation;
mod blob;
mod carry_out;
mod claimed_blob;
mod decide;
mod delivery;
mod gather;
mod held;
mod image;
mod index_form;
mod left_upload;
mod length;
mod look;
mod manifest;
mod mount;
pub(crate) mod open_upload;
mod panic;
mod parts;
mod platform;
mod queue;
mod reach;
mod reading;
mod referrer;
mod referrer_list;
mod sending;
mod shared_source;
mod source_image;
pub(crate) mod transfer;
mod verify;
mod walk;
mod weigh;

pub(crate) use image::{copy_image, plan_image};
pub(crate) use panic::panicked;
pub(crate) use source_image::SourceImage;
pub(crate) use verify::verify_image;
