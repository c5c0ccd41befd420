//! Copies one image: its graph from the leaves up, its tag last.

mod at_target;
mod blob;
mod held;
mod image;
mod left_upload;
mod length;
mod manifest;
mod mount;
mod platform;
mod reach;
mod reading;
mod referrer;
mod referrer_list;

pub(crate) use image::{Job, copy_image};
pub(crate) use manifest::panicked;
