//! Begins an upload, or replaces it by a cross-repository mount.
//!
//! Spec: distribution-spec, end-4a and end-11. A registry that declines a mount opens an upload session with
//! the same answer; that session is used.

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, StatusCode};
use oci::{Digest, ErrorKind, RepositoryName};
use reqwest::Response;

use super::habits::UploadHabits;
use super::place::place;
use super::session::UploadSession;
use crate::auth::scope::Access;
use crate::client::{Call, Party};
use crate::profile::MountSources;
use crate::{Error, Repository};

/// The result of asking for a blob in a repository.
pub enum Start {
    /// The registry linked the blob from another repository.
    Mounted,
    /// The blob's bytes must be sent.
    Session(Box<UploadSession>),
}

impl Start {
    fn session(session: UploadSession) -> Self {
        Self::Session(Box::new(session))
    }
}

impl Repository {
    /// Opens an upload session.
    pub async fn start_upload(&self) -> Result<UploadSession, Error> {
        let call = self.call(Method::POST, "blobs/uploads/").await?;
        let call = call.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self.registry().expect(&call, &[StatusCode::ACCEPTED]).await?;
        self.session(&call, &response)
    }

    /// Opens an upload session for `digest`. If the registry is known to look for blobs in all its
    /// repositories, the request asks it to mount the blob, which costs nothing more.
    pub async fn start_upload_of(&self, digest: &Digest) -> Result<Start, Error> {
        if self.registry().profile().mounts == MountSources::Any {
            self.ask_for_mount(digest, None).await
        } else {
            self.start_upload().await.map(Start::session)
        }
    }

    /// Asks the registry to link `digest` from its repository `from`; opens an upload session if it declines.
    ///
    /// A registry may want the right to pull from `from`, or not support mounts: then the session is opened
    /// without one. A mount that was refused for lack of rights is not requested again.
    pub async fn mount_or_start_upload(
        &self,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<Start, Error> {
        self.mount_from(digest, from, |habits| habits.mount_is_refused(from, self.name())).await
    }

    /// The same, from a repository that this login may not read: a refusal is not taken for one of all mounts.
    pub async fn mount_remembered_or_start_upload(
        &self,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<Start, Error> {
        self.mount_from(digest, from, |_| ()).await
    }

    async fn mount_from(
        &self,
        digest: &Digest,
        from: &RepositoryName,
        if_refused: impl FnOnce(&UploadHabits),
    ) -> Result<Start, Error> {
        let habits = self.registry().upload_habits();
        if !habits.mount_may_be_tried(from, self.name()) {
            return self.start_upload().await.map(Start::session);
        }
        match self.ask_for_mount(digest, Some(from)).await {
            Err(error) if is_about_mounting(&error) => {
                if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied)
                    && !is_of_another(&error)
                {
                    if_refused(habits);
                }
                self.start_upload().await.map(Start::session)
            }
            asked => asked,
        }
    }

    async fn ask_for_mount(&self, digest: &Digest, from: Option<&RepositoryName>) -> Result<Start, Error> {
        let mut call = self.call(Method::POST, "blobs/uploads/").await?;
        call.url.query_pairs_mut().append_pair("mount", &digest.to_string());
        if let Some(from) = from {
            call.url.query_pairs_mut().append_pair("from", from.as_str());
            call.scopes = call.scopes.and(from, Access::Pull);
        }
        let call = call.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self.registry().expect(&call, &[StatusCode::CREATED, StatusCode::ACCEPTED]).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Start::Mounted);
        }
        self.session(&call, &response).map(Start::session)
    }

    fn session(&self, call: &Call, response: &Response) -> Result<UploadSession, Error> {
        let place = place(self.registry(), call, response)?;
        let smallest = response.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok());
        let smallest = smallest.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Ok(UploadSession::new(self.clone(), place, smallest))
    }
}

/// Whether the same upload without a mount may still succeed after this refusal.
fn is_about_mounting(error: &Error) -> bool {
    matches!(error, Error::Refused(_) | Error::Token { .. })
        && !matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Network | ErrorKind::Stalled)
}

/// Whether the refusal came from another server to which the registry redirected: then it is not the registry's.
fn is_of_another(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.answered.by == Party::Another)
}
