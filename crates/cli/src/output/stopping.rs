//! The message after the first signal.

use std::time::Duration;

/// The message after the first signal.
pub(crate) fn stopping(in_work: usize, waiting: usize, drain: Duration) -> String {
    let seconds = drain.as_secs();
    let end = format!("{seconds} s to end; once more to end at once");
    match (in_work, waiting) {
        (0, 0) => "stopping: no image is in work".to_owned(),
        (1, 0) => format!("stopping: 1 image in work has {end}"),
        (_, 0) => format!("stopping: {in_work} images in work have {end}"),
        (0, 1) => format!("stopping: 1 image that waits has {end}"),
        (0, _) => format!("stopping: {waiting} images that wait have {end}"),
        (_, 1) => format!("stopping: {in_work} in work and 1 image that waits have {end}"),
        (_, _) => format!("stopping: {in_work} in work and {waiting} images that wait have {end}"),
    }
}
