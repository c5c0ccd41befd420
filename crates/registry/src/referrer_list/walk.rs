//! Referrers of referrers: a signature of an SBOM of an image.

use std::collections::HashSet;

use super::ReferrerFilter;
use crate::{Descriptor, Digest, Error, Repository};

/// A referrer with what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundReferrer {
    /// To what it refers.
    pub subject: Digest,
    /// The referrer.
    pub referrer: Descriptor,
}

impl Repository {
    /// What refers to any of `roots` (an index and its children, say), to their referrers, and so on, for at most
    /// `depth` levels. Each once, subjects before what refers to them. One request or two for each manifest
    /// that is asked about; those on the last level are not.
    pub async fn referrers_below(
        &self,
        roots: &[Digest],
        filter: &ReferrerFilter,
        depth: usize,
    ) -> Result<Vec<FoundReferrer>, Error> {
        let mut known: HashSet<Digest> = roots.iter().cloned().collect();
        let mut level: Vec<Digest> = roots.to_vec();
        let mut found = Vec::new();
        for _ in 0..depth {
            let mut below = Vec::new();
            for subject in level {
                for referrer in self.referrers(&subject, filter).await? {
                    // What lists itself among its referrers, by however many steps, is not followed.
                    if known.insert(referrer.digest.clone()) {
                        below.push(referrer.digest.clone());
                        found.push(FoundReferrer { subject: subject.clone(), referrer });
                    }
                }
            }
            level = below;
        }
        Ok(found)
    }
}
