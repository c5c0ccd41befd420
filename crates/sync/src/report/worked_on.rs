//! The image that a task works on, so that the code that sees a request can tell which image it is for. It is only
//! stored, and read on demand.

use std::sync::Arc;

use futures_util::future::Either;

use crate::Image;

tokio::task_local! {
    static WORKED_ON: WorkedOn;
}

/// One image for one target.
#[derive(Clone, Debug)]
pub struct WorkedOn {
    /// The first rule that selected it, counted from 0.
    pub rule: usize,
    /// The image.
    pub image: Arc<Image>,
    /// The targets for which the task works.
    pub targets: Targets,
}

/// For which targets of an image a task works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// For the target of the image.
    One,
    /// For several: the image names only the first.
    Several,
}

/// The image that the calling task works on; `None` for other work, such as a listing.
pub fn worked_on() -> Option<WorkedOn> {
    WORKED_ON.try_with(Clone::clone).ok()
}

/// Runs `work` as work on this image.
pub(crate) fn working_on<F: Future>(image: WorkedOn, work: F) -> impl Future<Output = F::Output> {
    WORKED_ON.scope(image, work)
}

/// Runs the same work for all targets of the image.
pub(crate) fn for_all<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match worked_on() {
        Some(image) => Either::Left(working_on(WorkedOn { targets: Targets::Several, ..image }, work)),
        None => Either::Right(work),
    }
}

/// Keeps the current image for work that moves to another task.
pub(crate) fn same_work<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match worked_on() {
        Some(image) => Either::Left(working_on(image, work)),
        None => Either::Right(work),
    }
}
