//! Uploads: end-4, end-5, end-6, end-11, end-13 and end-14.

mod chunk;
mod session;

use http::{Method, StatusCode};

use super::created;
use crate::answer::{Answer, Refusal};
use crate::body::RequestBody;
use crate::builder::upload::{SinglePost, UploadStatus, Uploads};
use crate::call::Call;
use crate::digest;
use crate::gate::Caller;
use crate::upload::Session;

impl Call<'_> {
    /// Opens a session; or mounts the blob if possible; or takes the blob by `?digest=` alone if
    /// that is supported, else the answer to that is a session, too.
    pub(super) async fn start_upload(
        &self,
        repository: &str,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        if self.head.method != Method::POST {
            return Err(Refusal::Unsupported.into());
        }
        if let Some(digest) = self.mount(repository)? {
            return Ok(created(format!("/v2/{repository}/blobs/{digest}"), &digest));
        }
        let settings = &self.shared.settings.uploads;
        let session = Session::new(repository);
        if let Some(digest) = self.parameter("digest").filter(|digest| digest::is_valid(digest))
            && settings.single_post == SinglePost::Accepted
        {
            while let Some(piece) = body.next().await? {
                session.append(&piece);
            }
            return self.finish(repository, &digest, &session);
        }
        let id = format!("session-{}", self.shared.number());
        let mut answer = self.session_answer(StatusCode::ACCEPTED, repository, &id, &session);
        if let Some(smallest) = settings.smallest_chunk {
            answer = answer.header("oci-chunk-min-length", smallest.to_string());
        }
        self.shared.store.content().uploads.insert(id, session);
        Ok(answer)
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
        let settings = &self.shared.settings.uploads;
        let is_step = matches!(self.head.method, Method::PATCH | Method::PUT);
        if let Some(location) = self.redirected_upload().filter(|_| is_step) {
            return Ok(Answer::new(StatusCode::TEMPORARY_REDIRECT).header("location", location));
        }
        match self.head.method {
            Method::GET => match settings.status {
                UploadStatus::Told => {
                    Ok(self.session_answer(StatusCode::NO_CONTENT, repository, id, &session))
                }
                UploadStatus::NotFound => Err(Refusal::NoSuchEndpoint.into()),
                UploadStatus::NotAllowed => Err(Refusal::Unsupported.into()),
            },
            Method::PATCH if settings.kind != Uploads::MonolithicOnly => {
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

    /// The same path at another origin, if uploads are redirected.
    fn redirected_upload(&self) -> Option<String> {
        let path = self.head.uri.path_and_query().map_or("/", |path| path.as_str());
        let settings = &self.shared.settings.uploads;
        if let Some(origin) = &settings.redirect {
            return Some(format!("{origin}{path}"));
        }
        let is_there = matches!(self.caller, Caller::Annex);
        self.shared.annex.filter(|_| !is_there).map(|annex| format!("http://{annex}{path}"))
    }

    /// Stores the blob if its bytes are right.
    fn finish(&self, repository: &str, digest: &str, session: &Session) -> Result<Answer, Answer> {
        let bytes = session.finish(digest).ok_or_else(|| Refusal::DigestInvalid.of(digest))?;
        self.shared.store.put_blob_as(repository, digest, bytes);
        Ok(created(format!("/v2/{repository}/blobs/{digest}"), digest))
    }
}
