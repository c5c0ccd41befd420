//! Manifests: end-3, end-7 and end-9.

mod completeness;
mod delete;
mod media_type;
mod push;
mod tag;

use http::{Method, StatusCode, header};

use self::media_type::without_parameters;
use crate::answer::{Answer, Refusal};
use crate::body::RequestBody;
use crate::builder::manifest::ManifestHeads;
use crate::call::Call;

/// Clients get these only if they accept them.
const NEGOTIATED: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

impl Call<'_> {
    pub(super) async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        match self.head.method {
            Method::GET => self.pull_manifest(repository, reference),
            Method::HEAD => self.head_manifest(repository, reference),
            Method::PUT => {
                let bytes = body.whole(self.shared.settings.manifests.largest).await?;
                self.write_manifest(repository, reference, &bytes)
            }
            Method::DELETE => self.delete_manifest(repository, reference),
            _ => Err(Refusal::Unsupported.into()),
        }
    }

    /// A pull, which some registries count.
    fn pull_manifest(&self, repository: &str, reference: &str) -> Result<Answer, Answer> {
        let quotas = &self.shared.quotas;
        if !quotas.take_pull() {
            return Err(quotas.tell_pulls(Refusal::TooManyRequests.into()));
        }
        self.read_manifest(repository, reference).map(|answer| quotas.tell_pulls(answer))
    }

    fn head_manifest(&self, repository: &str, reference: &str) -> Result<Answer, Answer> {
        let heads = self.shared.settings.manifests.heads;
        if let ManifestHeads::Refused(status) = heads {
            return Err(Refusal::Unsupported.with_status(status));
        }
        let mut answer = self.read_manifest(repository, reference)?;
        match heads {
            ManifestHeads::WithoutDigest => answer.omit_header("docker-content-digest"),
            ManifestHeads::ZeroLength => answer = answer.header("content-length", "0"),
            ManifestHeads::Whole | ManifestHeads::Refused(_) => {}
        }
        Ok(self.shared.quotas.tell_pulls(answer))
    }

    fn read_manifest(&self, repository: &str, reference: &str) -> Result<Answer, Answer> {
        let found = self.shared.store.manifest(repository, reference);
        let manifest = found.ok_or_else(|| Refusal::ManifestUnknown.of(reference))?;
        if !self.accepts(&manifest.media_type) {
            // As in distribution: the manifest exists, but not for a client that does not accept its type.
            let detail = format!("{} found, but accept header does not support it", manifest.media_type);
            return Err(Refusal::ManifestUnknown.of(detail));
        }
        Ok(Answer::new(StatusCode::OK)
            .header("content-type", manifest.media_type)
            .header("etag", format!("\"{}\"", manifest.digest))
            .header("docker-content-digest", manifest.digest)
            .body(manifest.bytes))
    }

    fn accepts(&self, media_type: &str) -> bool {
        let mut lines = self.head.headers.get_all(header::ACCEPT).iter().peekable();
        if lines.peek().is_none() || !NEGOTIATED.contains(&media_type) {
            return true;
        }
        let known = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        known.map(without_parameters).any(|known| known == media_type || known == "*/*")
    }
}
