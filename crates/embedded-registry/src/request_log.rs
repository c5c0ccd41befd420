//! What the registry was asked, for tests that count.

use http::Method;

/// One request with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, if there was one.
    pub query: Option<String>,
    /// The status of the answer; 0 where none was sent.
    pub status: u16,
    /// Which kind of login came along.
    pub authorization: Authorization,
    /// How the client introduced itself.
    pub user_agent: Option<String>,
    /// Bytes of the request's body.
    pub received_bytes: u64,
    /// Bytes of the answer's body.
    pub sent_bytes: u64,
}

/// Which kind of login a request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// None.
    Absent,
    /// User and password.
    Basic,
    /// A token.
    Bearer,
}

impl Authorization {
    pub(crate) fn of(header: Option<&str>) -> Self {
        match header {
            None => Self::Absent,
            Some(header) if header.starts_with("Bearer ") => Self::Bearer,
            Some(_) => Self::Basic,
        }
    }
}

impl LoggedRequest {
    /// `GET /v2/`
    pub fn is_ping(&self) -> bool {
        self.path == "/v2/"
    }

    /// A request to the token server.
    pub fn is_token(&self) -> bool {
        !self.path.starts_with("/v2/")
    }

    /// A page of tags.
    pub fn is_tag_list(&self) -> bool {
        self.path.ends_with("/tags/list")
    }

    /// A manifest, asked by this method.
    pub fn is_manifest(&self, method: &Method) -> bool {
        self.method == *method && self.path.contains("/manifests/")
    }

    /// A blob, asked by this method: not an upload.
    pub fn is_blob(&self, method: &Method) -> bool {
        self.method == *method && self.path.contains("/blobs/") && !self.is_upload()
    }

    /// Any step of an upload.
    pub fn is_upload(&self) -> bool {
        self.path.contains("/blobs/uploads/")
    }

    /// The opening of an upload, or the wish to mount.
    pub fn is_upload_start(&self) -> bool {
        self.method == Method::POST && self.is_upload()
    }

    /// Method, path and query in a line.
    pub fn line(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query} {}", self.method, self.path, self.status)
    }
}
