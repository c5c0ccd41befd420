//! The list of runs, which coordinators change and workers read.

use crate::bucket::Bucket;
use crate::connection::Connection;
use crate::error::Error;
use crate::message;
use crate::message::runs::Runs;

/// How many runs that are over keep their books, for coordinators that still read them.
const KEPT: usize = 3;
/// How many of them the list still names, for coordinators and workers that look whether their run is closed or lost.
const NAMED: usize = 32;

/// The list with its revision; an empty list and `None` if there is none.
pub(super) async fn read(runs: &Bucket) -> Result<(Runs, Option<u64>), Error> {
    let Some((text, revision)) = runs.get("runs").await? else { return Ok((Runs::default(), None)) };
    let read = message::read(&text);
    let read =
        read.map_err(|error| Error::Malformed { key: "runs".to_owned(), reason: error.to_string() })?;
    Ok((read, Some(revision)))
}

/// Removes a run from the list, so that workers look for another one, and deletes the run's queue.
pub(super) async fn close(connection: &Connection, runs: &Bucket, run: &str) -> Result<(), Error> {
    loop {
        let (mut known, revision) = read(runs).await?;
        let before = known.open.len();
        known.open.retain(|listed| listed.run() != run);
        let is_closed = known.open.len() == before;
        known.closed.extend((!is_closed).then(|| run.to_owned()));
        let old = take_old(&mut known);
        // Another coordinator may have closed it before this one handed out its last job, so the queue is deleted in both cases.
        if is_closed || set(runs, &known, revision).await? {
            connection.close_queue(run).await;
            if !is_closed {
                connection.forget(&old).await;
            }
            return Ok(());
        }
    }
}

/// Forgets the oldest closed runs; returns those whose books are to be deleted.
pub(super) fn take_old(known: &mut Runs) -> Vec<String> {
    let old = known.closed.len().saturating_sub(KEPT);
    let without_book = known.closed[..old].to_vec();
    let too_many = known.closed.len().saturating_sub(NAMED);
    known.closed.drain(..too_many);
    without_book
}

/// Writes the list, unless it has changed since that revision. If it returns `false`, the caller reads the list again: the change may also
/// be its own, from a try whose answer was lost.
pub(super) async fn set(runs: &Bucket, known: &Runs, revision: Option<u64>) -> Result<bool, Error> {
    let text = message::write(known);
    let set = match revision {
        Some(revision) => runs.update("runs", text, revision).await?,
        None => runs.create("runs", text).await?,
    };
    Ok(set.is_some())
}
