//! Brings one blob to all lanes that need it, with one read.
//!
//! Cheapest first: known to be there, mounted from another repository, and only then sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use oci::{Descriptor, ErrorKind, RepositoryName};

use super::gather::{Gathering, Read};
use super::left_upload;
use super::length::{check_mended, other_length};
use super::manifest::Walk;
use super::mount::{Waits, mount_all};
use super::reading::Reading;
use crate::copy::open_upload::OpenUpload;
use crate::copy::transfer::{Delivery, Transfer};
use crate::endpoint::{BlobRead, EndpointError, Mount, Source};
use crate::engine::backoff::Backoff;
use crate::engine::deadline::TooLate;
use crate::engine::is_small;
use crate::engine::run::{Lane, Run};
use crate::memory::ledger::{Came, Claim, Claimed, Doubt, Failure, Kind, Why};
use crate::memory::self_mount::Question;
use crate::memory::state::new_trail;
use crate::{BlobOutcome, Cause, Error, Event, Operation, Side};

/// A lane that has the right to bring the blob to its target.
pub(super) struct Carrier {
    pub(super) lane: Arc<Lane>,
    pub(super) claim: Claimed,
    /// Tries that are left for what the target does wrong.
    beginnings: Backoff,
    /// What an earlier run left is gone: it may have come to its end.
    pub(super) may_be_there: bool,
    /// Whether it was tried to go on with what an earlier run left.
    pub(super) went_on: bool,
    pub(super) begun: Begun,
    /// How many bytes the target has in its place.
    has_instead: Option<u64>,
}

/// What came of the wish to mount the blob.
#[derive(Default)]
pub(super) enum Begun {
    #[default]
    Nothing,
    /// It was declined, and an upload opened instead.
    Opened(OpenUpload),
    Failed(Error),
}

impl Carrier {
    fn new(run: &Run, lane: Arc<Lane>, claim: Claimed) -> Self {
        let beginnings = Backoff::new(run.retries);
        let (may_be_there, went_on, begun, has_instead) = Default::default();
        Self { lane, claim, beginnings, may_be_there, went_on, begun, has_instead }
    }

    /// Ends the lane, and the wait of all to whom the same would happen.
    pub(super) fn give_up(self, error: Arc<Error>, source: &dyn Source) {
        self.lane.fail(error.clone());
        if !error.is_stopped() {
            self.claim.fail(Failure::new(error, source));
        }
    }

    /// The image goes on without the blob, and so do all that wait for it.
    fn leave_out(self, run: &Run, blob: &Descriptor, source: &dyn Source) {
        finished(run, &self.lane, blob, BlobOutcome::LeftOut);
        self.claim.fail(Failure::left_out(source));
    }
}

type Failed = Vec<(Carrier, Arc<Error>)>;

/// What a target says before any byte moves.
enum Looked {
    Done(BlobOutcome),
    Waits(Way),
}

/// How a blob that is not known to be there gets there.
enum Way {
    /// It declined a mount and opened an upload instead.
    Opened(OpenUpload),
    /// The blob is not there.
    Needed,
    /// What is there has so many bytes, which are not the blob's.
    Damaged(u64),
    /// The blob is not there, and what the registry says of mounts is not believed.
    Plain,
    /// The blob is not there, but another repository had it when it was last looked at.
    HadElsewhere(RepositoryName),
    /// It tells when an upload is opened.
    Unknown,
}

/// What a target says to the wish to begin.
enum Started {
    IsThere,
    Upload(OpenUpload),
}

/// A carrier whose blob is not known to be at the target.
type Waiting = (Carrier, Way);
/// A carrier with the upload that its target has opened.
type Opened = (Carrier, OpenUpload);

/// Sees to it that every lane's target has the blob; lanes in which that fails are marked so.
pub(super) async fn ensure_blob(walk: &Walk, blob: &Descriptor, lanes: Vec<Arc<Lane>>) {
    bring_or_wait(walk, blob, lanes.clone()).await;
    if let Some(gathering) = walk.gathering() {
        for lane in &lanes {
            gathering.pass(&blob.digest, lane.index);
        }
    }
}

async fn bring_or_wait(walk: &Walk, blob: &Descriptor, lanes: Vec<Arc<Lane>>) {
    let from = From { gathering: walk.gathering(), reading: Arc::new(Reading::new(walk, blob)) };
    let (run, source) = (&walk.run, &*from.reading.source);
    let mut pending: Vec<_> = lanes.into_iter().map(|lane| (lane, 0)).collect();
    while !pending.is_empty() {
        let (mut mine, mut theirs) = (Vec::new(), Vec::new());
        for (lane, declined) in pending.drain(..).filter(|(lane, _)| !lane.has_failed()) {
            match lane.ledger.claim(Kind::Blob, lane.target.repository(), &blob.digest, declined) {
                Claim::Present => finished(run, &lane, blob, BlobOutcome::Present),
                Claim::Mine(claim) => {
                    if claim.mount_from.is_none() {
                        let (image, digest) = (lane.image.clone(), blob.digest.clone());
                        run.tell(&Event::BlobPlanned { image, digest, size: blob.size });
                    }
                    mine.push(Carrier::new(run, lane, claim));
                }
                Claim::Theirs(waiting) => theirs.push(Waits { lane, declined, waiting }),
            }
        }
        let (needing, declined) = mount_all(run, blob, mine).await;
        // Only when nothing is claimed any more may this wait for others.
        bring(run, &from, blob, needing).await;
        for Waits { lane, declined, waiting } in theirs.into_iter().chain(declined) {
            match lane.activity.wait_for_others(waiting.done(source)).await {
                Some(Why::Failed(error)) => lane.fail(error),
                Some(Why::LeftOut) => finished(run, &lane, blob, BlobOutcome::LeftOut),
                None => pending.push((lane, declined)),
            }
        }
    }
}

/// Where the blob comes from.
struct From<'a> {
    /// Where targets meet that may need it; `None` where there is one.
    gathering: Option<&'a Arc<Gathering>>,
    reading: Arc<Reading>,
}

/// Tries until each carrier has its blob or must give up.
async fn bring(run: &Arc<Run>, from: &From<'_>, blob: &Descriptor, mut carriers: Vec<Carrier>) {
    // What breaks off goes on, and counts anew whenever something moved. Wrong bytes are read anew from the
    // beginning, which never counts anew.
    let (mut beginnings, mut read_budget) = (Backoff::new(run.retries), Backoff::new(run.retries));
    while !carriers.is_empty() {
        let (left, others) = left_upload::split(run, blob, carriers);
        let (from_beginning, failed) = tokio::join!(
            left_upload::go_on(run, &*from.reading.source, blob, left),
            attempt(run, from, blob, others, &mut read_budget)
        );
        let of_source = failed.iter().find(|(_, error)| error.side == Side::Source);
        let read_again = of_source.and_then(|(_, error)| match error.kind() {
            Some(ErrorKind::Mismatch) => beginnings.next(error),
            _ => read_budget.next(error),
        });
        let is_left_out = read_again.is_none()
            && of_source.is_some_and(|(_, error)| from.reading.leaves_out(run, blob, error));
        let mut longest = Duration::ZERO;
        let mut again = Vec::new();
        for (mut carrier, error) in failed {
            let wait = match error.side {
                Side::Source => read_again,
                Side::Target => carrier.beginnings.next(&error),
            };
            if let Some(wait) = wait {
                longest = longest.max(wait);
                let image = carrier.lane.image.clone();
                run.tell(&Event::Retrying { image, error: error.clone(), wait });
                again.push((carrier, error));
            } else if is_left_out && error.side == Side::Source {
                carrier.leave_out(run, blob, &*from.reading.source);
            } else {
                carrier.give_up(error, &*from.reading.source);
            }
        }
        if again.is_empty() && from_beginning.is_empty() {
            return;
        }
        let lane = again.first().map(|(carrier, _)| carrier.lane.clone());
        let slept = match &lane {
            Some(lane) => lane.activity.wait(run.deadline.sleep(longest)).await,
            None => Ok(()),
        };
        if let Err(TooLate) = slept {
            for (carrier, error) in again.drain(..) {
                carrier.lane.fail(Arc::new(error.stopped()));
            }
        }
        carriers = again.into_iter().map(|(carrier, _)| carrier).chain(from_beginning).collect();
    }
}

/// One try; gives back the carriers that failed.
async fn attempt(
    run: &Arc<Run>,
    from: &From<'_>,
    blob: &Descriptor,
    carriers: Vec<Carrier>,
    read_budget: &mut Backoff,
) -> Failed {
    let mut failed = Vec::new();
    for mut carrier in carriers {
        match look(run, &mut carrier, blob).await {
            Ok(Looked::Done(outcome)) => complete(run, carrier, blob, outcome).await,
            Ok(Looked::Waits(Way::Damaged(length))) => {
                let carrier = Carrier { has_instead: Some(length), ..carrier };
                let waiting = (carrier, Way::Damaged(length));
                carry(run, from, blob, waiting, read_budget, &mut failed).await;
            }
            Ok(Looked::Waits(way)) => carry(run, from, blob, (carrier, way), read_budget, &mut failed).await,
            Err(error) => failed.push((carrier, Arc::new(error))),
        }
    }
    failed
}

/// Takes a place, opens the upload and sends the blob.
async fn carry(
    run: &Arc<Run>,
    from: &From<'_>,
    blob: &Descriptor,
    (carrier, way): Waiting,
    read_budget: &mut Backoff,
    failed: &mut Failed,
) {
    let place = Arc::new(carrier.lane.place(run, blob).await);
    let gathering = from.gathering;
    let is_sent_for_sure = matches!(way, Way::Needed | Way::Damaged(_) | Way::Plain) && gathering.is_none();
    let (opened, reader) = if is_sent_for_sure && is_small(blob) {
        // It waits nowhere for long, so neither side need wait for the other's answer.
        let (opened, reader) =
            tokio::join!(open(run, vec![(carrier, way)], blob, failed), from.reading.read(run, blob));
        (opened, Some(reader))
    } else {
        (open(run, vec![(carrier, way)], blob, failed).await, None)
    };
    let Some((mut carrier, upload)) = opened.into_iter().next() else { return };
    let image = carrier.lane.image.clone();
    run.tell(&Event::BlobStarted { image, digest: blob.digest.clone(), size: blob.size });
    let budget = Backoff::new(run.retries);
    let trail = Arc::new(Mutex::new(new_trail()));
    let delivery = Delivery { lane: carrier.lane.clone(), upload, budget, trail, place };
    let read = match gathering {
        Some(gathering) => gathering.deliver(run, &from.reading, blob, delivery, read_budget).await,
        None => Some(read_alone(run, from, blob, delivery, reader, read_budget).await),
    };
    match read {
        Some(Read::Delivered(Ok(()))) => complete(run, carrier, blob, BlobOutcome::Copied).await,
        Some(Read::Delivered(Err(error))) => {
            // The tries to go on are used up already.
            match error.side {
                Side::Target => carrier.beginnings = Backoff::new(0),
                Side::Source if gathering.is_some() && error.kind() != Some(ErrorKind::Mismatch) => {
                    *read_budget = Backoff::new(0);
                }
                Side::Source => {}
            }
            failed.push((carrier, error));
        }
        Some(Read::Refused(cause)) if cause.kind == ErrorKind::NotFound && !blob.is_kept_by_registries() => {
            carrier.leave_out(run, blob, &*from.reading.source);
        }
        Some(Read::Refused(cause)) => {
            let cause = (*cause).clone();
            let error = Transfer::new(run, &*from.reading.source, blob).source_error(cause);
            failed.push((carrier, Arc::new(error)));
        }
        // Whoever led the read has panicked, which is told there.
        None => {
            let cause = Cause::Panic("the read of a blob that others shared was given up".to_owned());
            let place = from.reading.source.name().to_owned();
            let operation = Operation::ReadBlob(blob.digest.clone());
            failed.push((carrier, Arc::new(Error { side: Side::Source, place, operation, cause })));
        }
    }
}

/// Reads a blob for one target.
async fn read_alone(
    run: &Run,
    from: &From<'_>,
    blob: &Descriptor,
    delivery: Delivery,
    reader: Option<Result<Box<dyn BlobRead>, EndpointError>>,
    read_budget: &mut Backoff,
) -> Read {
    let reader = match reader {
        Some(reader) => reader,
        None => from.reading.read(run, blob).await,
    };
    match reader {
        Ok(reader) => {
            let transfer = Transfer::new(run, &*from.reading.source, blob);
            Read::Delivered(transfer.deliver_one(reader, delivery, read_budget).await)
        }
        Err(error) => {
            let Delivery { upload, .. } = delivery;
            upload.cancel().await;
            Read::Refused(Arc::new(error))
        }
    }
}

/// Asks the target, as cheaply as what is known allows.
async fn look(run: &Run, carrier: &mut Carrier, blob: &Descriptor) -> Result<Looked, Error> {
    match std::mem::take(&mut carrier.begun) {
        Begun::Nothing => {}
        Begun::Opened(upload) => return Ok(Looked::Waits(Way::Opened(upload))),
        Begun::Failed(error) => return Err(error),
    }
    let lane = carrier.lane.clone();
    let error = |cause| lane.target_error(Operation::StartBlob(blob.digest.clone()), cause);
    if let Some(from) = &carrier.claim.mount_from {
        return Ok(match lane.target.mount(&blob.digest, from).await.map_err(error)? {
            Mount::Mounted => Looked::Done(BlobOutcome::Mounted),
            Mount::Upload(upload) => {
                carrier.claim.send_after_decline();
                Looked::Waits(Way::Opened(run.opened(upload)))
            }
        });
    }
    if let Some(doubt) = carrier.claim.doubt {
        if doubt == Doubt::Ask
            && let Some(found) = lane.target.find_blob(&blob.digest).await.map_err(error)?
            && other_length(blob, found).is_none()
        {
            return Ok(Looked::Done(BlobOutcome::Present));
        }
        lane.ledger.disprove_mounts();
        return Ok(Looked::Waits(Way::Plain));
    }
    let is_asked_for = carrier.may_be_there
        || !lane.repository.was_empty()
        || run.state.had_blob(&*lane.target, &blob.digest);
    if is_asked_for && tells_by_upload(run, &lane, blob).await {
        return Ok(Looked::Waits(Way::Unknown));
    }
    if is_asked_for && let Some(found) = lane.target.find_blob(&blob.digest).await.map_err(error)? {
        return Ok(match other_length(blob, found) {
            Some(length) => Looked::Waits(Way::Damaged(length)),
            None => Looked::Done(BlobOutcome::Present),
        });
    }
    if !lane.ledger.believes_mounts() {
        return Ok(Looked::Waits(Way::Plain));
    }
    let elsewhere = run.state.other_holder(&*lane.target, &blob.digest);
    Ok(Looked::Waits(elsewhere.map_or(Way::Needed, Way::HadElsewhere)))
}

/// Whether opening an upload is question enough. Where a proof is due, it is made here.
async fn tells_by_upload(run: &Run, lane: &Lane, blob: &Descriptor) -> bool {
    let repository = lane.target.repository();
    match lane.ledger.question(repository, blob.size) {
        Question::Mount => true,
        Question::Head => false,
        Question::Prove(known) => {
            let mount = lane.target.mount(&known, repository).await;
            let tells = matches!(mount, Ok(Mount::Mounted));
            lane.ledger.note_self_mount(tells);
            if let Ok(Mount::Upload(upload)) = mount {
                run.opened(upload).cancel().await;
            }
            tells
        }
    }
}

/// Opens the uploads that are not open yet: before a large blob's source is read, so that it never waits for a target.
async fn open(run: &Run, waiting: Vec<Waiting>, blob: &Descriptor, failed: &mut Failed) -> Vec<Opened> {
    let started = waiting.into_iter().map(async |(carrier, way)| {
        let target = &carrier.lane.target;
        let (started, if_there) = match way {
            Way::Opened(upload) => return (carrier, Ok(Started::Upload(upload)), BlobOutcome::Mounted),
            Way::Unknown => (target.mount(&blob.digest, target.repository()).await, BlobOutcome::Present),
            Way::HadElsewhere(from) => {
                let started = target.mount_remembered(&blob.digest, &from).await;
                if matches!(started, Ok(Mount::Upload(_))) {
                    run.state.forget_holder(&**target, &blob.digest, &from);
                }
                (started, BlobOutcome::Mounted)
            }
            Way::Needed => (target.start_upload(Some(&blob.digest)).await, BlobOutcome::Mounted),
            // What is damaged is so wherever it could be mounted from.
            Way::Plain | Way::Damaged(_) => (target.start_upload(None).await, BlobOutcome::Mounted),
        };
        let started = started.map(|started| match started {
            Mount::Mounted => Started::IsThere,
            Mount::Upload(upload) => Started::Upload(run.opened(upload)),
        });
        (carrier, started, if_there)
    });
    let mut opened = Vec::new();
    for (carrier, started, if_there) in join_all(started).await {
        match started {
            Ok(Started::Upload(upload)) => opened.push((carrier, upload)),
            Ok(Started::IsThere) => {
                if if_there == BlobOutcome::Present {
                    carrier.lane.ledger.note_self_mount(true);
                }
                complete(run, carrier, blob, if_there).await;
            }
            Err(cause) => {
                let error = carrier.lane.target_error(Operation::StartBlob(blob.digest.clone()), cause);
                failed.push((carrier, Arc::new(error)));
            }
        }
    }
    opened
}

pub(super) async fn complete(run: &Run, carrier: Carrier, blob: &Descriptor, outcome: BlobOutcome) {
    if carrier.has_instead.is_some()
        && let Err(error) = check_mended(run, &carrier.lane, blob).await
    {
        carrier.lane.fail(error);
        return;
    }
    let came = match outcome {
        BlobOutcome::Copied => Came::Sent,
        BlobOutcome::Mounted => Came::Mounted,
        BlobOutcome::Present | BlobOutcome::LeftOut => Came::Found,
    };
    carrier.claim.complete(came);
    run.state.note_blob(&*carrier.lane.target, &blob.digest);
    carrier.lane.ledger.note_known_blob(carrier.lane.target.repository(), &blob.digest);
    finished(run, &carrier.lane, blob, outcome);
}

fn finished(run: &Run, lane: &Lane, blob: &Descriptor, outcome: BlobOutcome) {
    lane.amounts.blob(blob.size.unwrap_or(0), outcome);
    let image = lane.image.clone();
    run.tell(&Event::BlobFinished { image, digest: blob.digest.clone(), size: blob.size, outcome });
}
