//! A large blob is read by several ranges at once if its source limits each connection, and only then.

use bytes::Bytes;
use embedded_registry::{
    Builder, Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Ranges, Times, sample,
};
use registry::{Access, Registry};
use testkit::Line;

use crate::bench::{client, digest, read_all};

const MIB: usize = 1 << 20;
/// One stream takes twenty seconds for [`SIZE`].
const SLOW: u64 = 2 << 20;
/// Enough for a trial, and not much more.
const FASTER: u64 = 8 << 20;
const SIZE: usize = 40 * MIB;

struct Capped {
    server: EmbeddedRegistry,
    line: Line,
    client: Registry,
    bytes: Bytes,
}

impl Capped {
    async fn start(builder: Builder, each: u64) -> Self {
        let server = builder.start().await.unwrap();
        let line = Line::to(server.host()).each_connection(each).start().await.unwrap();
        let client = client(&line.host(), None);
        Self { server, line, client, bytes: sample::layer(7, SIZE) }
    }

    async fn pull(&self) {
        let stored = digest(&self.server.store().put_blob("a/app", self.bytes.clone()));
        let repository = self.client.repository(&"a/app".parse().unwrap(), Access::Pull);
        let mut reader = repository.pull_blob(&stored, Some(SIZE as u64)).await.unwrap();
        let (bytes, errors) = read_all(&mut reader).await.unwrap();
        assert!(bytes == self.bytes && errors.is_empty(), "{} bytes, {errors:?}", bytes.len());
    }

    /// The reads of the blob.
    fn reads(&self) -> Vec<LoggedRequest> {
        self.server.requests().into_iter().filter(LoggedRequest::is_blob_read).collect()
    }

    fn ranges(&self) -> Vec<String> {
        self.reads().iter().filter_map(|read| read.header("range").map(str::to_owned)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_caps_each_connection_is_read_by_several_ranges_and_each_byte_once() {
    let capped = Capped::start(EmbeddedRegistry::builder(), SLOW).await;
    capped.pull().await;
    let ranges = capped.ranges();
    assert!(capped.line.most_connections() >= 4, "{} connections", capped.line.most_connections());
    assert!(ranges.len() >= 8, "{ranges:?}");
    let mut once = ranges.clone();
    once.dedup();
    assert_eq!(once, ranges, "no range is asked for twice");
    let read = capped.client.traffic().bytes_read;
    assert!(read < (SIZE + MIB) as u64, "{read} bytes for {SIZE}");
    // The width that helped at the host is used for the next blob.
    let before = capped.reads().len();
    capped.pull().await;
    assert!(capped.reads().len() - before >= ranges.len(), "{:?}", capped.ranges());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_answers_200_to_a_range_is_asked_for_one_and_never_again() {
    let capped = Capped::start(EmbeddedRegistry::builder().ranges(Ranges::Ignored), FASTER).await;
    capped.pull().await;
    let asked = capped.ranges().len();
    assert!((1..=3).contains(&asked), "one range to try, and the rest: {:?}", capped.ranges());
    capped.pull().await;
    assert_eq!(capped.ranges().len(), asked, "{:?}", capped.ranges());
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_break_or_are_wrong_leave_one_stream() {
    for wrong in [None, Some(Ranges::Wrong)] {
        let builder = EmbeddedRegistry::builder();
        let capped =
            Capped::start(wrong.map_or(EmbeddedRegistry::builder(), |wrong| builder.ranges(wrong)), FASTER)
                .await;
        if wrong.is_none() {
            // The first answer comes whole: the fault affects the later ones.
            let when = Match::get("/blobs/");
            capped.server.misbehave(Fault {
                when,
                times: Times::After(1, 1),
                effect: Effect::CutBodyAfter(100_000),
            });
        }
        capped.pull().await;
        assert!(!capped.ranges().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_full_with_one_stream_gets_no_more_than_a_trial() {
    let server = EmbeddedRegistry::builder().start().await.unwrap();
    let line = Line::to(server.host()).all(FASTER).start().await.unwrap();
    let capped = Capped { client: client(&line.host(), None), line, server, bytes: sample::layer(7, SIZE) };
    capped.pull().await;
    // Two ranges at once, or four where a busy machine hides for a moment that two were in vain; without a limit there would be eight.
    assert!(capped.line.most_connections() <= 5, "{} connections", capped.line.most_connections());
    let tried = capped.ranges().len();
    capped.pull().await;
    assert_eq!(capped.ranges().len(), tried, "it was in vain a moment ago");
}
