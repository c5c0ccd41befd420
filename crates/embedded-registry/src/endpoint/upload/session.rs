//! The answers about an upload session: its location, and its offset.

use http::{StatusCode, header};

use crate::answer::Answer;
use crate::builder::upload::{Locations, UploadRanges};
use crate::call::Call;
use crate::upload::Session;

impl Call<'_> {
    pub(super) fn session_answer(
        &self,
        status: StatusCode,
        repository: &str,
        id: &str,
        session: &Session,
    ) -> Answer {
        let answer = Answer::new(status)
            .header("location", self.location(repository, id, session))
            .header("docker-upload-uuid", id);
        // The end is inclusive, so that zero bytes and one byte look the same: registries send it like that.
        let (first, end) = match self.shared.settings.uploads.ranges {
            UploadRanges::Whole => (0, session.length()),
            UploadRanges::LastChunk => session.last_chunk(),
            UploadRanges::Stuck => (0, session.first_chunk_end()),
            UploadRanges::Missing => return answer,
        };
        answer.header("range", format!("{first}-{}", end.saturating_sub(1)))
    }

    fn location(&self, repository: &str, id: &str, session: &Session) -> String {
        let settings = &self.shared.settings.uploads;
        let state: String = url::form_urlencoded::byte_serialize(session.state().as_bytes()).collect();
        let path = format!("/v2/{repository}/blobs/uploads/{id}");
        let origin = || match &settings.location_origin {
            Some(origin) => origin.clone(),
            None => format!("http://{}", self.header(header::HOST).unwrap_or_default()),
        };
        match settings.locations {
            Locations::Absolute => format!("{}{path}?_state={state}", origin()),
            Locations::WithoutQuery => format!("{}{path}", origin()),
            Locations::Relative => format!("{path}?_state={state}"),
            // The client puts the request's path up to its last slash before it.
            Locations::PathRelative if self.head.uri.path().ends_with("/uploads") => {
                format!("uploads/{id}?_state={state}")
            }
            Locations::PathRelative => format!("{id}?_state={state}"),
        }
    }
}
