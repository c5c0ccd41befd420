//! Measures how fast a source is read over one connection and over eight: this tells whether more workers help.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;
use oci::{Descriptor, RepositoryName};
use registry::{Access, BlobReader, Error};
use tokio::time::Instant;

use super::finding::{Finding, Step};
use super::plan::{Spot, is_same};
use crate::diagnostic::registry_words;
use crate::output::amount_text::bytes;

/// The duration of each measurement.
const WINDOW: Duration = Duration::from_secs(2);
/// Blobs smaller than this, in bytes, say little.
const SHORTEST: u64 = 4 << 20;
const MANY: usize = 8;

/// The largest known blob of each source.
#[derive(Default)]
pub(super) struct LargestBlobs(RefCell<Vec<(Spot, Descriptor)>>);

impl LargestBlobs {
    pub(super) fn note(&self, spot: &Spot, blob: Descriptor) {
        let mut blobs = self.0.borrow_mut();
        match blobs.iter_mut().find(|(known, _)| is_same(&known.known, &spot.known)) {
            Some((_, known)) if known.size >= blob.size => {}
            Some(known) => *known = (spot.clone(), blob),
            None => blobs.push((spot.clone(), blob)),
        }
    }

    /// Reads each source in turn: two at once would share the network link.
    pub(super) async fn measure(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (spot, blob) in self.0.into_inner() {
            findings.push(measure(&spot, &blob).await);
        }
        findings
    }
}

async fn measure(Spot { known, repository }: &Spot, blob: &Descriptor) -> Finding {
    let place = known.registry.host().as_str();
    if blob.size.is_none_or(|size| size < SHORTEST) {
        let what = format!("not measured: no layer of {} or more was seen", bytes(SHORTEST));
        return Finding::ok(place, Step::Speed, what);
    }
    let read = async |connections| read(&known.registry, repository, blob, connections).await;
    // The first read is not counted: the registry may have to fetch the blob from its storage first.
    let measured = async {
        read(1).await?;
        Ok((read(1).await?, read(MANY).await?))
    };
    match measured.await {
        Ok((one, many)) => Finding::ok(place, Step::Speed, judge(one, many)),
        Err(error) => Finding::warning(place, Step::Speed, "a layer could not be read to measure the speed")
            .why(registry_words(&error))
            .next("see what the registry says, and run the check again"),
    }
}

/// Bytes a second, over all connections together.
async fn read(
    registry: &registry::Registry,
    repository: &RepositoryName,
    blob: &Descriptor,
    connections: usize,
) -> Result<u64, Error> {
    let repository = registry.repository(repository, Access::Pull);
    // `pull_blob` without a size reads in one stream, over its own connection.
    let opened = join_all((0..connections).map(|_| repository.pull_blob(&blob.digest, None))).await;
    let readers = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    let reading: Vec<_> =
        readers.into_iter().map(|reader| tokio::spawn(bytes_until(reader, began + WINDOW))).collect();
    let bytes = join_all(reading).await.into_iter().filter_map(Result::ok).sum::<u64>();
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    Ok(bytes.saturating_mul(1000) / milliseconds)
}

/// Bytes that arrive until `end`, or until the blob ends.
async fn bytes_until(mut reader: BlobReader, end: Instant) -> u64 {
    let mut bytes = 0;
    while let Ok(Ok(Some(piece))) = tokio::time::timeout_at(end, reader.next()).await {
        bytes += piece.len() as u64;
    }
    bytes
}

fn judge(one: u64, many: u64) -> String {
    let speeds = format!("one connection reads {}/s, {MANY} together read {}/s", bytes(one), bytes(many));
    let meaning = if many >= one.saturating_mul(4) {
        "each connection has a limit, so more of them help: a higher --proc, and workers"
    } else if many >= one + one / 2 {
        "more connections help up to here; then the line or the registry is full, and workers need lines of their own"
    } else {
        "one connection fills the line or the registry: workers help only where they have lines of their own"
    };
    format!("{speeds}: {meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_connection_or_the_line() {
        assert!(judge(10_000_000, 78_000_000).contains("each connection has a limit"));
        assert!(judge(10_000_000, 20_000_000).contains("more connections help up to here"));
        assert!(judge(110_000_000, 112_000_000).contains("one connection fills the line"));
        assert!(judge(0, 0).contains("one connection reads 0 B/s"), "{}", judge(0, 0));
    }
}
