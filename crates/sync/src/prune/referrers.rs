//! Lists the untagged referrers of images that are deleted.

use std::collections::{BTreeSet, HashSet};

use futures_util::stream::{self, StreamExt as _};
use oci::Digest;

use super::contents::Contents;
use crate::endpoint::{Deletes, Target};
use crate::engine::ask::ask;
use crate::{Error, Operation, Side};

/// How many subjects have their referrers listed in parallel.
const ASKED_AT_ONCE: usize = 8;
/// Chains of referrers deeper than this are treated as an attack, and left to the registry.
const DEEPEST: usize = 5;

/// Lists the referrers of `going`. A registry without a referrers API has none. If a listing fails, there may be
/// referrers, and the image stays.
pub(super) async fn list_referrers(
    target: &dyn Target,
    retries: u32,
    going: BTreeSet<Digest>,
    contents: &mut Contents,
) {
    let Some(deletes) = target.deletes() else { return };
    let mut seen: HashSet<Digest> = going.iter().cloned().collect();
    let mut open: Vec<Digest> = going.into_iter().collect();
    for _ in 0..DEEPEST {
        let questions = open.drain(..).map(|subject| async {
            let found = listed(target, deletes, retries, &subject).await;
            (subject, found)
        });
        let answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
        for (subject, found) in answers.collect::<Vec<_>>().await {
            match found {
                Ok(found) => {
                    open.extend(found.iter().filter(|digest| seen.insert((*digest).clone())).cloned());
                    contents.referrers.insert(subject, found);
                }
                Err(error) => _ = contents.unlisted.insert(subject, oci::with_sources(&error)),
            }
        }
        if open.is_empty() {
            return;
        }
    }
}

async fn listed(
    target: &dyn Target,
    deletes: &dyn Deletes,
    retries: u32,
    subject: &Digest,
) -> Result<Vec<Digest>, Error> {
    let (place, operation) = ((Side::Target, target.name()), Operation::ListReferrers(subject.clone()));
    let found = ask(place, retries, operation, || deletes.referrers(subject)).await?;
    Ok(found.into_iter().map(|found| found.digest).collect())
}
