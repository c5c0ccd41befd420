//! Entry points for fuzz targets.

use crate::message::beat::{AnyBeat, WhoHas};
use crate::message::ended::{JobResult, RuleFailures};
use crate::message::job::{Handed, Job};
use crate::message::pause::PauseToAll;
use crate::message::read;
use crate::message::runs::Runs;
use crate::message::spent::SpentBy;

/// Reads the bytes as a message of each kind. The texts in it must come out without control characters.
pub fn message(bytes: &[u8]) {
    let (job, result) = (read::<Job>(bytes), read::<JobResult>(bytes));
    if let (Ok(job), Ok(result)) = (&job, &result) {
        result.ended.iter().filter_map(|ended| ended.report(job)).for_each(drop);
    }
    let _ = read::<Handed>(bytes);
    let _ = read::<Runs>(bytes);
    let _ = (read::<AnyBeat>(bytes), read::<WhoHas>(bytes), read::<SpentBy>(bytes));
    let _ = read::<PauseToAll>(bytes);
    if let Ok(failures) = read::<RuleFailures>(bytes) {
        for failure in failures.failures() {
            let text = oci::with_sources(&*failure.error);
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
}
