//! Uploads that nobody finishes, since their run was stopped or their image failed elsewhere: registries would keep
//! for days what they have of them, so what is dropped open is cancelled here, at the end of the run. What the next run
//! can go on with is left.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

use oci::Descriptor;

use crate::Image;
use crate::endpoint::{Target, Upload};
use crate::lock::lock;

/// So long the end of a run waits for registries to forget uploads, all together.
const LONGEST_CANCELLING: Duration = Duration::from_secs(3);
/// How many are asked at once.
const CANCELLED_AT_ONCE: usize = 64;

/// Where uploads go that are dropped open. It does not keep the run's end waiting.
pub(crate) type AbandonTo = WeakUnboundedSender<Abandoned>;

/// An upload that is cancelled at the run's end, unless it is closed or cancelled before.
pub(crate) struct OpenUpload {
    upload: Option<Box<dyn Upload>>,
    /// What the target had of it when it was opened.
    had: u64,
    /// Of what it is, where another run finds it.
    remembered: Option<Box<Remembered>>,
    /// A run that still waits for uploads waits for this one.
    abandon_to: Option<UnboundedSender<Abandoned>>,
}

/// An upload that was dropped open.
pub(crate) enum Abandoned {
    ToCancel(Box<dyn Upload>),
    /// Another run goes on with it.
    Left(Box<Remembered>, u64),
}

/// Of what an upload is that another run finds.
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

    /// Where another run finds it, it is not cancelled when it is dropped.
    pub(crate) fn remember(&mut self, remembered: Option<Remembered>) {
        self.remembered = remembered.map(Box::new);
    }

    pub(crate) fn is_remembered(&self) -> bool {
        self.remembered.is_some()
    }

    /// The blob is there.
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
            // Whoever comes after the run's end finds nobody; the registry then forgets in its own time.
            let _ = abandon_to.send(abandoned);
        }
    }
}

/// What was dropped open in a run.
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

    /// Cancels each of them, those too that tasks on their way out still hold; then looks at those that are left for another run.
    /// No registry can hold that up for long.
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

/// Cancels an upload, or keeps it among those that are left for another run.
async fn cancel(abandoned: Abandoned, left: &Mutex<Vec<(Box<Remembered>, u64)>>) {
    match abandoned {
        Abandoned::ToCancel(upload) => upload.cancel().await,
        Abandoned::Left(remembered, had) => lock(left).push((remembered, had)),
    }
}
