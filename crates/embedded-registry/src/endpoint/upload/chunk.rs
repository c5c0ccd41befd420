//! The bytes of an upload: chunks and the closing request.

use http::{StatusCode, header};

use crate::answer::{Answer, Refusal};
use crate::body::RequestBody;
use crate::builder::upload::{BrokenUploads, EarlyCreated, Locations, Uploads};
use crate::call::Call;
use crate::upload::Session;
use crate::{digest, range};

impl Call<'_> {
    pub(super) async fn append(
        &self,
        repository: &str,
        id: &str,
        session: &Session,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.uploads;
        self.check_location(session)?;
        self.check_size(settings.largest_chunk)?;
        if settings.kind == Uploads::SingleStream {
            session.clear();
        } else if !self.is_in_order(session)? {
            return Ok(self.session_answer(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, session));
        }
        self.receive(id, session, body).await?;
        session.next_turn();
        if let Some(digest) = self.early_digest(session) {
            self.shared.store.content().uploads.remove(id);
            return self.finish(repository, &digest, session);
        }
        let status = settings.patch_status.and_then(|status| StatusCode::from_u16(status).ok());
        Ok(self.session_answer(status.unwrap_or(StatusCode::ACCEPTED), repository, id, session))
    }

    pub(super) async fn close(
        &self,
        repository: &str,
        id: &str,
        session: &Session,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.uploads;
        let digest = self.parameter("digest").filter(|digest| digest::is_valid(digest));
        let digest = digest.ok_or(Refusal::DigestInvalid)?;
        self.check_location(session)?;
        if let Uploads::ChunksOnly(largest) = settings.kind
            && body.length().is_none_or(|length| length > largest as u64)
        {
            return Err(Refusal::BodyTooLarge.into());
        }
        if !self.is_in_order(session)? {
            return Ok(self.session_answer(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, session));
        }
        self.receive(id, session, body).await?;
        // As in distribution: a session with wrong bytes ends, too.
        self.shared.store.content().uploads.remove(id);
        let mut answer = self.finish(repository, &digest, session)?;
        if let Some(status) = settings.put_status.and_then(|status| StatusCode::from_u16(status).ok()) {
            answer.status = status;
        }
        Ok(answer)
    }

    /// Reads bytes piece by piece: if the body breaks off, the session keeps the received bytes or not, by the settings.
    async fn receive(&self, id: &str, session: &Session, body: &mut RequestBody) -> Result<(), Answer> {
        let settings = &self.shared.settings.uploads;
        session.begin_chunk(self.told_length());
        loop {
            match body.next().await {
                Ok(Some(piece)) => {
                    if session.follows_small_chunk() {
                        return Err(Refusal::ChunkTooSmall.into());
                    }
                    session.append(&piece);
                }
                Ok(None) => break,
                Err(broken) => {
                    match settings.broken {
                        BrokenUploads::KeepBytes => {}
                        BrokenUploads::LoseBytes => session.lose_chunk(),
                        BrokenUploads::LoseSession => {
                            self.shared.store.content().uploads.remove(id);
                        }
                    }
                    return Err(broken);
                }
            }
        }
        session.end_chunk(settings.smallest_chunk.unwrap_or_default());
        Ok(())
    }

    /// The digest with which the upload is complete already.
    fn early_digest(&self, session: &Session) -> Option<String> {
        match &self.shared.settings.uploads.early_created {
            EarlyCreated::Never => None,
            EarlyCreated::EveryPatch => Some(session.digest()),
            EarlyCreated::Digests(digests) => {
                Some(session.digest()).filter(|digest| digests.contains(digest))
            }
        }
    }

    /// Only the latest location takes bytes. A status request returns it, with any location.
    fn check_location(&self, session: &Session) -> Result<(), Answer> {
        let is_newest = self.shared.settings.uploads.locations == Locations::WithoutQuery
            || self.parameter("_state") == Some(session.state());
        if is_newest { Ok(()) } else { Err(Refusal::UploadOutdated.into()) }
    }

    /// Only requests with `Content-Range` are limited: GHCR takes streams of any length.
    fn check_size(&self, largest: Option<usize>) -> Result<(), Answer> {
        let is_chunk = self.header(header::CONTENT_RANGE).is_some();
        let is_larger = largest.zip(self.told_length()).is_some_and(|(largest, told)| told > largest);
        if is_chunk && is_larger { Err(Refusal::ChunkTooLarge.into()) } else { Ok(()) }
    }

    fn told_length(&self) -> Option<usize> {
        self.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok())
    }

    /// Whether the chunk begins where the last one ended. Without `Content-Range` it does.
    fn is_in_order(&self, session: &Session) -> Result<bool, Answer> {
        let Some(header) = self.header(header::CONTENT_RANGE) else { return Ok(true) };
        let (first, length) = range::chunk(header).ok_or_else(|| Refusal::SizeInvalid.of(header))?;
        if self.told_length().is_some_and(|told| told != length) {
            return Err(Refusal::SizeInvalid.of(header));
        }
        Ok(first == session.length())
    }
}
