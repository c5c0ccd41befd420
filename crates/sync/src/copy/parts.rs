//! Brings the content that a manifest refers to, in parallel.

use oci::{Descriptor, Links, RawManifest};
use std::sync::Arc;
use tokio::task::JoinSet;

use super::blob::ensure_blob;
use super::panic::panicked;
use super::walk::Walk;
use crate::engine::PartRight;
use crate::engine::run::ImageCopy;
use crate::report::worked_on::same_work;

/// A descriptor that a manifest refers to.
enum Part {
    Manifest(Descriptor),
    Blob(Descriptor),
}

/// Counts the running parts of a manifest in the copy's activity, in place of the task that waits for them.
struct PartsAtWork<'a> {
    copy: &'a ImageCopy,
    parts: usize,
}

impl<'a> PartsAtWork<'a> {
    /// The waiting task's activity counts for the first part.
    fn begin(copy: &'a ImageCopy) -> Self {
        Self { copy, parts: 0 }
    }

    fn add(&mut self) {
        self.parts += 1;
        if self.parts > 1 {
            self.copy.activity.begin();
        }
    }

    fn remove(&mut self) {
        if self.parts > 1 {
            self.copy.activity.end();
        }
        self.parts -= 1;
    }
}

impl Drop for PartsAtWork<'_> {
    fn drop(&mut self) {
        while self.parts > 0 {
            self.remove();
        }
    }
}

impl Walk {
    /// Brings all content that `manifest` refers to, in parallel. Returns whether the copy has not failed.
    pub(super) async fn copy_links(&self, manifest: &RawManifest) -> bool {
        match self.or_fail(self.links(manifest)) {
            Some(links) => self.copy_parts(links).await,
            None => false,
        }
    }

    /// Brings parts in parallel. Begins only as many as the engine can process, so that parts of other images get
    /// their turn.
    pub(super) async fn copy_parts(&self, links: Links) -> bool {
        let children = links.manifests.into_iter().map(Part::Manifest);
        let mut parts = children.chain(links.blobs.into_iter().map(Part::Blob));
        let mut parts_at_work = PartsAtWork::begin(&self.copy);
        let mut tasks = JoinSet::new();
        loop {
            while let Some(right) = self.run.engine.begin_part(tasks.len())
                && let Some(part) = parts.next()
            {
                parts_at_work.add();
                self.begin_part(&mut tasks, part, right);
            }
            let Some(ended) = tasks.join_next().await else { return true };
            if let Err(panic) = ended {
                self.copy.fail(Arc::new(panicked(self.source.name(), panic)));
            }
            if self.copy.has_failed() {
                // Dropping the set stops the running parts: their results would be useless.
                return false;
            }
            parts_at_work.remove();
        }
    }

    fn begin_part(&self, tasks: &mut JoinSet<()>, part: Part, right: PartRight) {
        let walk = self.clone();
        match part {
            Part::Manifest(child) => {
                let stored = walk.deeper().ensure_child(child);
                tasks.spawn(same_work(async move {
                    stored.await;
                    drop(right);
                }));
            }
            Part::Blob(blob) => {
                tasks.spawn(same_work(async move {
                    ensure_blob(&walk, &blob).await;
                    drop(right);
                }));
            }
        }
    }
}
