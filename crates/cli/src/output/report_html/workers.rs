//! Each worker's share, for the page.

use oci::foreign_text::clean_to;
use serde::Serialize;

use crate::output::report_words::grouped;
use crate::output::size;
use crate::output::worker_shares::{Share, WorkerShares};

/// The most bytes of one name.
const LONGEST: usize = 256;
/// The most bytes of the names of lost jobs.
const LONGEST_LOSS: usize = 4096;

#[derive(Serialize)]
pub(super) struct Worker {
    name: String,
    images: String,
    failed: String,
    not_done: String,
    moved: String,
    /// What was lost with it.
    lost: Option<String>,
    /// In hundredths of the largest number of images of one worker.
    share: u64,
}

/// One row for each worker; empty if a single process copied.
pub(super) fn workers(shares: &WorkerShares) -> Vec<Worker> {
    let most = shares.all().map(|(_, share)| share.images).max().unwrap_or_default().max(1);
    let row = |(name, share): (&str, &Share)| Worker {
        name: clean_to(name, LONGEST).into_owned(),
        images: grouped(share.images),
        failed: grouped(share.failed),
        not_done: grouped(share.not_done),
        moved: size(Some(share.bytes_moved)),
        lost: share.loss.words().map(|lost| clean_to(&lost, LONGEST_LOSS).into_owned()),
        share: share.images.saturating_mul(100) / most,
    };
    shares.all().map(row).collect()
}
