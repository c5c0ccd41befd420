//! Brings a blob to the target, with retries.

use std::sync::Arc;
use std::time::Duration;

use oci::Descriptor;

use super::claimed_blob::ClaimedBlob;
use super::left_upload::{self, GoneOn};
use super::send_blob::{Origin, Tries, try_to_send};
use crate::engine::retry::{Step, retry};
use crate::engine::run::Run;
use crate::{Error, Side};

/// Tries until the target has the blob, or the copy has to give up.
pub(super) async fn bring(run: &Arc<Run>, origin: &Origin<'_>, blob: &Descriptor, claimed: ClaimedBlob) {
    let (claimed, tries) = (Some(claimed), Tries::new(run.retries));
    let mut bringing = Bringing { run, origin, blob, claimed, tries };
    let Err(error) = retry(&mut bringing).await else { return };
    let Some(mut claimed) = bringing.claimed else { return };
    claimed.cancel_kept(&error).await;
    if error.side == Side::Source && origin.reading.leaves_out(run, blob, &error) {
        claimed.leave_out(run, blob);
    } else {
        claimed.give_up(error);
    }
}

struct Bringing<'a> {
    run: &'a Arc<Run>,
    origin: &'a Origin<'a>,
    blob: &'a Descriptor,
    /// `None` during an attempt and after the last one.
    claimed: Option<ClaimedBlob>,
    tries: Tries,
}

impl Step for Bringing<'_> {
    type Done = ();
    type Failure = Arc<Error>;

    async fn attempt(&mut self) -> Result<(), Arc<Error>> {
        let (run, blob) = (self.run, self.blob);
        while let Some(mut claimed) = self.claimed.take() {
            if let Some(left) = left_upload::take(run, blob, &mut claimed) {
                match left_upload::go_on(run, &*self.origin.reading.source, blob, claimed, left).await {
                    GoneOn::ToItsEnd => return Ok(()),
                    GoneOn::NoFurther(from_beginning) => {
                        from_beginning.lease.give_back();
                        self.claimed = Some(*from_beginning);
                    }
                }
                continue;
            }
            let tried = try_to_send(run, self.origin, blob, claimed, &mut self.tries).await;
            let Some((failed, error)) = tried else { return Ok(()) };
            // No byte is on its way: let another process try in the meantime.
            failed.lease.give_back();
            self.claimed = Some(failed);
            return Err(error);
        }
        Ok(())
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.that_count(failure).next(failure)
    }

    async fn pause(&mut self, failure: Arc<Error>, wait: Duration) -> Result<(), Arc<Error>> {
        let Some(copy) = self.claimed.as_ref().map(|claimed| claimed.copy.clone()) else {
            return Err(failure);
        };
        self.run.pause(&copy, failure, wait).await
    }
}
