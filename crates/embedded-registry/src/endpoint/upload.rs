//! Uploads: end-4, end-5, end-6, end-11, end-13 and end-14.

use http::{Method, StatusCode, header};

use super::created;
use crate::answer::{Answer, Refusal};
use crate::builder::{Locations, Mounts, Uploads};
use crate::call::{Call, RequestBody};
use crate::upload::Session;
use crate::{digest, range};

impl Call<'_> {
    /// Opens a session, or links the blob where a mount can be had. `?digest=` alone, the upload in one POST, is
    /// not offered, as by most registries: the session is the answer to that, too.
    pub(super) fn start_upload(&self, repository: &str) -> Result<Answer, Answer> {
        if self.head.method != Method::POST {
            return Err(Refusal::Unsupported.into());
        }
        if let Some(digest) = self.mount(repository) {
            return Ok(created(format!("/v2/{repository}/blobs/{digest}"), &digest));
        }
        let id = format!("session-{}", self.shared.number());
        let session = Session::new(repository);
        let answer = self.session_answer(StatusCode::ACCEPTED, repository, &id, &session);
        self.shared.store.content().uploads.insert(id, session);
        Ok(answer)
    }

    /// The digest of the blob that could be mounted. Where something stands against it there is no refusal.
    fn mount(&self, repository: &str) -> Option<String> {
        let (digest, from) = (self.parameter("mount")?, self.parameter("from")?);
        if self.shared.settings.mounts == Mounts::Declined || !self.caller.may_pull(&from) {
            return None;
        }
        let bytes = self.shared.store.blob(&from, &digest)?;
        self.shared.store.put_blob_as(repository, &digest, bytes);
        Some(digest)
    }

    pub(super) async fn upload(
        &self,
        repository: &str,
        id: &str,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        let session = self.shared.store.content().uploads.get(id).cloned();
        let session = session.filter(|session| session.belongs_to(repository));
        let session = session.ok_or_else(|| Refusal::UploadUnknown.of(id))?;
        match self.head.method {
            Method::GET => Ok(self.session_answer(StatusCode::NO_CONTENT, repository, id, &session)),
            Method::PATCH if self.shared.settings.uploads == Uploads::Resumable => {
                self.append(repository, id, &session, body).await
            }
            Method::PUT => self.close(repository, id, &session, body).await,
            Method::DELETE => {
                self.shared.store.content().uploads.remove(id);
                Ok(Answer::new(StatusCode::NO_CONTENT))
            }
            _ => Err(Refusal::Unsupported.into()),
        }
    }

    async fn append(
        &self,
        repository: &str,
        id: &str,
        session: &Session,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        self.check_location(session)?;
        if !self.is_in_order(session)? {
            return Ok(self.session_answer(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, session));
        }
        receive(session, body).await?;
        session.next_turn();
        Ok(self.session_answer(StatusCode::ACCEPTED, repository, id, session))
    }

    async fn close(
        &self,
        repository: &str,
        id: &str,
        session: &Session,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        let digest = self.parameter("digest").filter(|digest| digest::is_valid(digest));
        let digest = digest.ok_or(Refusal::DigestInvalid)?;
        self.check_location(session)?;
        if !self.is_in_order(session)? {
            return Ok(self.session_answer(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, session));
        }
        receive(session, body).await?;
        // As distribution: a session whose bytes are wrong is over as well.
        self.shared.store.content().uploads.remove(id);
        let bytes = session.finish(&digest).ok_or_else(|| Refusal::DigestInvalid.of(digest.as_str()))?;
        self.shared.store.put_blob_as(repository, &digest, bytes);
        Ok(created(format!("/v2/{repository}/blobs/{digest}"), &digest))
    }

    /// Only the newest location that was handed out takes bytes. Asking for the status gives it, whatever one has.
    fn check_location(&self, session: &Session) -> Result<(), Answer> {
        let is_newest = self.parameter("_state") == Some(session.state());
        if is_newest { Ok(()) } else { Err(Refusal::UploadOutdated.into()) }
    }

    /// Whether the chunk begins where the last one ended. Without `Content-Range` it does.
    fn is_in_order(&self, session: &Session) -> Result<bool, Answer> {
        let Some(header) = self.header(header::CONTENT_RANGE) else { return Ok(true) };
        let (first, length) = range::chunk(header).ok_or_else(|| Refusal::SizeInvalid.of(header))?;
        let told = self.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
        if told.is_some_and(|told| told != length) {
            return Err(Refusal::SizeInvalid.of(header));
        }
        Ok(first == session.length())
    }

    fn session_answer(&self, status: StatusCode, repository: &str, id: &str, session: &Session) -> Answer {
        let state: String = url::form_urlencoded::byte_serialize(session.state().as_bytes()).collect();
        let path = format!("/v2/{repository}/blobs/uploads/{id}?_state={state}");
        let location = match self.shared.settings.locations {
            Locations::Relative => path,
            Locations::Absolute => {
                format!("http://{}{path}", self.header(header::HOST).unwrap_or_default())
            }
        };
        // Inclusive, so that nothing and one byte look the same: that is what registries send.
        let last = session.length().saturating_sub(1);
        Answer::new(status)
            .header("location", location)
            .header("range", format!("0-{last}"))
            .header("docker-upload-uuid", id)
    }
}

/// Takes bytes piece by piece: of a body that breaks off, the session keeps what came.
async fn receive(session: &Session, body: &mut RequestBody) -> Result<(), Answer> {
    while let Some(piece) = body.next().await? {
        session.append(&piece);
    }
    Ok(())
}
