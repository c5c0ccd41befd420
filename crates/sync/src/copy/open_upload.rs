//! Upload sessions that stay unfinished, because their run was stopped or their image failed for another reason.
//! Registries would keep the received bytes for days, so the end of the run cancels all sessions that were dropped
//! open, except those that the next run can resume.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

use oci::Descriptor;

use crate::Image;
use crate::endpoint::{Target, Upload};
use crate::lock::lock;

/// How long the end of a run waits for all cancellations together.
const LONGEST_CANCELLING: Duration = Duration::from_secs(3);
/// How many sessions are cancelled in parallel.
const CANCELLED_AT_ONCE: usize = 64;

/// The channel for sessions that are dropped open. A weak sender, so that it does not delay the run's end.
pub(crate) type AbandonTo = WeakUnboundedSender<Abandoned>;

/// An upload session. If it is dropped without being closed or cancelled, the run's end cancels it.
pub(crate) struct OpenUpload {
    upload: Option<Box<dyn Upload>>,
    /// How many bytes the target had when the session was opened.
    had: u64,
    /// Its blob and target, if another run can resume it.
    remembered: Option<Box<Remembered>>,
    /// A strong sender: the run's end waits until this session is dropped.
    abandon_to: Option<UnboundedSender<Abandoned>>,
}

/// An upload session that was dropped open.
pub(crate) enum Abandoned {
    ToCancel(Box<dyn Upload>),
    /// Another run resumes it.
    Left(Box<Remembered>, u64),
}

/// The image, target and blob of a session that another run can resume.
pub(crate) struct Remembered {
    pub(crate) image: Arc<Image>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) blob: Descriptor,
}

impl OpenUpload {
    pub(crate) fn new(upload: Box<dyn Upload>, abandon_to: &AbandonTo) -> Self {
        let had = upload.confirmed();
        Self { upload: Some(upload), had, remembered: None, abandon_to: abandon_to.upgrade() }
    }

    /// If another run can resume the session, dropping it does not cancel it.
    pub(crate) fn remember(&mut self, remembered: Option<Remembered>) {
        self.remembered = remembered.map(Box::new);
    }

    pub(crate) fn is_remembered(&self) -> bool {
        self.remembered.is_some()
    }

    /// The target has the blob.
    pub(crate) fn close(mut self) {
        self.upload = None;
    }

    pub(crate) async fn cancel(mut self) {
        if let Some(upload) = self.upload.take() {
            upload.cancel().await;
        }
    }
}

impl Deref for OpenUpload {
    type Target = dyn Upload;

    fn deref(&self) -> &Self::Target {
        self.upload.as_deref().expect("only those take it who take the whole")
    }
}

impl DerefMut for OpenUpload {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.upload.as_deref_mut().expect("only those take it who take the whole")
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        if let (Some(upload), Some(abandon_to)) = (self.upload.take(), &self.abandon_to) {
            let abandoned = match self.remembered.take() {
                Some(remembered) => Abandoned::Left(remembered, self.had),
                None => Abandoned::ToCancel(upload),
            };
            // After the run's end the channel is closed; the registry then expires the session by itself.
            let _ = abandon_to.send(abandoned);
        }
    }
}

/// The upload sessions that a run dropped open.
pub(crate) struct AbandonedUploads {
    sender: UnboundedSender<Abandoned>,
    receiver: UnboundedReceiver<Abandoned>,
}

impl AbandonedUploads {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { sender, receiver }
    }

    pub(crate) fn sender(&self) -> AbandonTo {
        self.sender.downgrade()
    }

    /// Cancels each session, including those that ending tasks still hold; then calls `look` for those that another
    /// run can resume. A timeout limits all of it.
    pub(crate) async fn end<F: Future<Output = ()>>(self, look: impl Fn(Box<Remembered>, u64) -> F) {
        let Self { sender, mut receiver } = self;
        drop(sender);
        let abandoned = stream::poll_fn(|context| receiver.poll_recv(context));
        let left = Mutex::new(Vec::new());
        let ended = async {
            abandoned.for_each_concurrent(CANCELLED_AT_ONCE, |abandoned| cancel(abandoned, &left)).await;
            let left = std::mem::take(&mut *lock(&left));
            let looks = stream::iter(left);
            looks.for_each_concurrent(CANCELLED_AT_ONCE, |(remembered, had)| look(remembered, had)).await;
        };
        let _ = tokio::time::timeout(LONGEST_CANCELLING, ended).await;
    }
}

/// Cancels a session, or adds it to those that another run can resume.
async fn cancel(abandoned: Abandoned, left: &Mutex<Vec<(Box<Remembered>, u64)>>) {
    match abandoned {
        Abandoned::ToCancel(upload) => upload.cancel().await,
        Abandoned::Left(remembered, had) => lock(left).push((remembered, had)),
    }
}
