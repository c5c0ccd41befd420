//! The list of runs, which coordinators change and workers read.

use crate::bucket::Bucket;
use crate::connection::Connection;
use crate::error::Error;
use crate::message;
use crate::message::runs::Runs;

/// The list as it stands, if there is one, with its revision.
pub(super) async fn read(runs: &Bucket) -> Result<(Runs, Option<u64>), Error> {
    let Some((text, revision)) = runs.get("runs").await? else { return Ok((Runs::default(), None)) };
    let read = message::read(&text);
    let read =
        read.map_err(|error| Error::Malformed { key: "runs".to_owned(), reason: error.to_string() })?;
    Ok((read, Some(revision)))
}

/// Takes a run out of the list: workers look for another one.
pub(super) async fn close(connection: &Connection, runs: &Bucket, run: &str) -> Result<(), Error> {
    loop {
        let (mut known, revision) = read(runs).await?;
        let before = known.open.len();
        known.open.retain(|listed| listed.run() != run);
        let is_closed = known.open.len() == before;
        known.closed.extend((!is_closed).then(|| run.to_owned()));
        // Whoever has closed it did so before the last job was handed out, maybe.
        if is_closed || set(runs, &known, revision).await {
            connection.close_queue(run).await;
            return Ok(());
        }
    }
}

/// Sets it; says whether nobody has set it since that revision.
pub(super) async fn set(runs: &Bucket, known: &Runs, revision: Option<u64>) -> bool {
    let text = message::write(known);
    match revision {
        Some(revision) => runs.update_now("runs", text, revision).await.is_some(),
        None => runs.create_now("runs", text).await.is_ok(),
    }
}
