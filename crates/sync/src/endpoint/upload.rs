//! An upload that a target has opened, and how it goes on when it breaks.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use oci::{BrokenOff, Digest, Recovery, UploadStatus};
use secrecy::SecretString;

use super::{Answer, EndpointError};

/// What a blob of unknown size may hold in memory while it is sent, in bytes: a chunk may have to be read whole to learn
/// its length.
pub const MOST_IN_MEMORY: u64 = 32 << 20;

/// The bytes of a blob on their way into an upload.
pub type BlobBody = BoxStream<'static, Result<Bytes, BrokenOff>>;

/// An upload that the target has opened.
pub trait Upload: Send {
    /// Sends all bytes that the target lacks, and closes the upload.
    fn send<'a>(&'a mut self, digest: &'a Digest, size: Option<u64>, body: BlobBody) -> Answer<'a, ()>;
    /// How many bytes the target has for sure.
    fn confirmed(&self) -> u64;
    /// Tells where it stands while it is sent; `None` where a broken one leaves nothing.
    fn watch(&self, _size: Option<u64>) -> Option<Box<dyn UploadWatch>> {
        None
    }
    /// Decides whether the upload can go on after an error.
    fn recovery(&mut self, error: &EndpointError) -> Recovery;
    /// Finds out what the target has, so that the rest can be sent.
    fn resume<'a>(&'a mut self, digest: &'a Digest) -> Answer<'a, UploadStatus>;
    /// Tells the target to forget it.
    fn cancel<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a;
}

/// Where an upload stands that somebody else is sending.
pub trait UploadWatch: Send + Sync {
    /// What is needed to go on with it in another process.
    fn now(&self) -> SavedUpload;
}

/// What is needed to go on with an upload in another process. Who has the place may write to the upload.
#[derive(Clone, Debug)]
pub struct SavedUpload {
    /// Where the target takes what is missing, in the endpoint's own words.
    pub place: SecretString,
    /// The smallest chunk in bytes that the target takes, but for the last one.
    pub smallest_chunk: u64,
}
