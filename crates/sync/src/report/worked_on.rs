//! Which image a task works on, so that whoever hears of a request learns for what it went out. It costs nothing but to keep it: nobody
//! is told unless somebody asks.

use std::sync::Arc;

use futures_util::future::Either;

use crate::Image;

tokio::task_local! {
    static WORKED_ON: WorkedOn;
}

/// An image on its way to one target.
#[derive(Clone, Debug)]
pub struct WorkedOn {
    /// The rule that asked for it first, counted from 0.
    pub rule: usize,
    /// Which.
    pub image: Arc<Image>,
    /// For whom.
    pub targets: Targets,
}

/// For which targets of an image something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// That of the image.
    One,
    /// Several: the image names only the one for which it began.
    Several,
}

/// What the task works on that asks; `None` where that is no single image, such as a list.
pub fn worked_on() -> Option<WorkedOn> {
    WORKED_ON.try_with(Clone::clone).ok()
}

/// Does the work as that on an image.
pub(crate) fn working_on<F: Future>(image: WorkedOn, work: F) -> impl Future<Output = F::Output> {
    WORKED_ON.scope(image, work)
}

/// The same work, for all targets of the image.
pub(crate) fn for_all<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match worked_on() {
        Some(image) => Either::Left(working_on(WorkedOn { targets: Targets::Several, ..image }, work)),
        None => Either::Right(work),
    }
}

/// The same work in another task.
pub(crate) fn same_work<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match worked_on() {
        Some(image) => Either::Left(working_on(image, work)),
        None => Either::Right(work),
    }
}
