//! Two rules that copy different images to one reference, and treat that as a mistake: neither is carried out, and
//! both fail.

use std::sync::Arc;

use oci::{Digest, TagOrDigest};
use tokio::sync::OnceCell;

use crate::endpoint::Source;
use crate::plan::order::Contest;
use crate::plan::place::Place;

/// Two images for one reference, with their sources.
pub(crate) struct Collision {
    contest: Contest,
    loser: Arc<dyn Source>,
    winner: Arc<dyn Source>,
    /// Cached, so that both rules get the same answer.
    is_same: OnceCell<bool>,
}

impl Collision {
    pub(crate) fn new(contest: Contest, (loser, winner): (Arc<dyn Source>, Arc<dyn Source>)) -> Self {
        Self { contest, loser, winner, is_same: OnceCell::new() }
    }

    /// Whether one of the images is of this wish.
    pub(crate) fn concerns(&self, wish: usize) -> bool {
        self.contest.loser.0 == wish || self.contest.winner.0 == wish
    }

    /// The reference that both want.
    pub(crate) fn name(&self) -> &Place {
        &self.contest.name
    }

    /// Whether both are known to be the same image: then there is no conflict.
    pub(crate) async fn is_of_one_image(&self) -> bool {
        let ask = async || {
            let ((_, loser), (_, winner)) = (&self.contest.loser, &self.contest.winner);
            is_one_image((&self.loser, loser), (&self.winner, winner)).await
        };
        *self.is_same.get_or_init(ask).await
    }
}

/// The description for users.
impl std::fmt::Display for Collision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Contest { name, loser: (_, loser), winner: (_, winner), .. } = &self.contest;
        let (one, other) = (self.loser.name(), self.winner.name());
        write!(formatter, "{name} (from {one}{} and {other}{})", loser.suffix(), winner.suffix())
    }
}

/// Whether two references are known to be the same image.
pub(crate) async fn is_one_image(
    (source, reference): (&Arc<dyn Source>, &TagOrDigest),
    (other_source, other): (&Arc<dyn Source>, &TagOrDigest),
) -> bool {
    let (here, there) = (digest(source, reference), digest(other_source, other));
    let (here, there) = tokio::join!(here, there);
    here.is_some() && here == there
}

/// The digest of an image, if it can be determined.
async fn digest(source: &Arc<dyn Source>, reference: &TagOrDigest) -> Option<Digest> {
    match reference {
        TagOrDigest::Digest(digest) => Some(digest.clone()),
        TagOrDigest::Tag(tag) => match source.bulk_tags().await {
            Some(known) if known.digests.contains_key(tag) => known.digests.get(tag).cloned(),
            _ => source.resolve(reference).await.ok().flatten(),
        },
    }
}
