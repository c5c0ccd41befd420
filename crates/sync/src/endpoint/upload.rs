//! An upload session that a target has opened, and how it is resumed after an interruption.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use oci::{BrokenOff, Digest, Recovery, UploadStatus};
use secrecy::SecretString;

use super::{Answer, EndpointError};

/// How much memory, in bytes, a blob of unknown size may use while it is sent: a chunk may have to be read completely
/// to learn its length.
pub const MOST_IN_MEMORY: u64 = 32 << 20;

/// The bytes of a blob that are sent in an upload session.
pub type BlobBody = BoxStream<'static, Result<Bytes, BrokenOff>>;

/// An upload session that the target has opened.
pub trait Upload: Send {
    /// Sends all bytes that the target lacks, and closes the session.
    fn send<'a>(&'a mut self, digest: &'a Digest, size: Option<u64>, body: BlobBody) -> Answer<'a, ()>;
    /// How many bytes the target has confirmed.
    fn confirmed(&self) -> u64;
    /// A handle for the session's state while it is sent; `None` if an interrupted session cannot be resumed by
    /// another process.
    fn watch(&self, _size: Option<u64>) -> Option<Box<dyn UploadWatch>> {
        None
    }
    /// Decides whether the session can be resumed after an error.
    fn recovery(&mut self, error: &EndpointError) -> Recovery;
    /// Asks the target which bytes it has, so that the rest can be sent.
    fn resume<'a>(&'a mut self, digest: &'a Digest) -> Answer<'a, UploadStatus>;
    /// Cancels the session at the target.
    fn cancel<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a;
}

/// The state of an upload session that another task is sending.
pub trait UploadWatch: Send + Sync {
    /// What another process needs to resume it.
    fn now(&self) -> SavedUpload;
}

/// What another process needs to resume an upload session. It contains the session's URL, which permits writing to
/// it, so it is secret.
#[derive(Clone, Debug)]
pub struct SavedUpload {
    /// Where the target accepts the missing bytes, in the endpoint's own format.
    pub place: SecretString,
    /// The smallest chunk in bytes that the target accepts, except for the last one.
    pub smallest_chunk: u64,
}
