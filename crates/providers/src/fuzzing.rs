//! Every parser of APIs' answers, for the fuzz targets in `fuzz/`. Not part of the public interface.

use crate::{alibaba, harbor};

/// Harbor's lists of projects, repositories and artifacts.
pub fn harbor_answer(bytes: &[u8]) {
    harbor::read_anything(bytes);
}

/// The answers of ACR's API.
pub fn acr_answer(bytes: &[u8]) {
    alibaba::read_anything(bytes);
}
