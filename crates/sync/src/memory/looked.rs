//! What a plan has looked up already, so that images that share content cost no request twice.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use oci::{Descriptor, Digest, RepositoryName};
use tokio::sync::Mutex as Turn;

use crate::Error;
use crate::endpoint::StoreId;
use crate::engine::Activity;
use crate::lock::lock;

/// What was looked up. Empty in runs that copy.
#[derive(Default)]
pub(crate) struct Looked {
    /// Whether a repository lacks a blob.
    pub(crate) blobs: Answers<(StoreId, RepositoryName, Digest), bool>,
    /// The content of a manifest, by repository: another one may lack it.
    pub(crate) manifests: Answers<(Arc<str>, Digest), Arc<Content>>,
    /// Whether a repository accepts pushes. A refusal is an answer, too.
    pub(crate) pushes: Answers<(StoreId, RepositoryName), Result<(), Arc<Error>>>,
}

/// The content of a manifest, in few bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) blobs: Box<[(Digest, u64)]>,
    /// Manifests, with the sizes in their descriptors, if any.
    pub(crate) children: Box<[(Digest, Option<u64>)]>,
}

impl Content {
    /// The manifests, as far as they are known.
    pub(crate) fn descriptors(&self) -> Vec<Descriptor> {
        let descriptor =
            |(digest, size): &(Digest, Option<u64>)| Descriptor::new(None, digest.clone(), *size);
        self.children.iter().map(descriptor).collect()
    }
}

/// Cached answers, with one request at a time for each question. Failures are not cached: the next caller asks again.
pub(crate) struct Answers<K, V>(Mutex<HashMap<K, Arc<Turn<Option<V>>>>>);

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Answers<K, V> {
    /// The cached answer, or the answer to a new request. The image's slot is free while another image asks.
    pub(crate) async fn get<E>(
        &self,
        question: K,
        activity: &Activity,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let turn = lock(&self.0).entry(question).or_default().clone();
        let mut answer = match turn.try_lock() {
            Ok(answer) => answer,
            Err(_) => activity.wait_for_others(turn.lock()).await,
        };
        if let Some(known) = &*answer {
            return Ok(known.clone());
        }
        let told = ask.await?;
        *answer = Some(told.clone());
        Ok(told)
    }

    /// Drops an answer that satisfies `if_it`.
    pub(crate) fn forget(&self, question: &K, if_it: impl Fn(&V) -> bool) {
        let mut answers = lock(&self.0);
        // A locked entry has a running request.
        let is_one = |turn: &Arc<Turn<Option<V>>>| {
            turn.try_lock().is_ok_and(|answer| answer.as_ref().is_some_and(&if_it))
        };
        if answers.get(question).is_some_and(is_one) {
            answers.remove(question);
        }
    }
}
