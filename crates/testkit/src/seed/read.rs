//! Reads back the content of a registry.

use anyhow::Result;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LINK};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Pusher, answer};
use crate::digest_of;

const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

impl Pusher {
    /// All tags, sorted; empty if there is no such repository.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let mut tags = Vec::new();
        let mut next = Some(self.url(&format!("{repository}/tags/list"))?);
        while let Some(url) = next.take() {
            let Some(page) = self.get(url, repository).await? else { break };
            next = next_page(&page)?;
            let page: Value = serde_json::from_slice(&page.bytes().await?)?;
            let names = page["tags"].as_array().into_iter().flatten();
            tags.extend(names.filter_map(Value::as_str).map(String::from));
        }
        tags.sort();
        Ok(tags)
    }

    /// Media type and bytes of a manifest.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<(String, Bytes)>> {
        let url = self.url(&format!("{repository}/manifests/{reference}"))?;
        let request = self.request(Method::GET, url, &[repository]).header(ACCEPT, MANIFESTS);
        let Some(response) = answer(request, &[StatusCode::OK]).await? else { return Ok(None) };
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        Ok(Some((media_type, response.bytes().await?)))
    }

    /// The digest of a manifest's bytes.
    pub async fn digest(&self, repository: &str, reference: &str) -> Result<Option<String>> {
        Ok(self.manifest(repository, reference).await?.map(|(_, bytes)| digest_of(&bytes)))
    }

    /// Whether a repository has a blob.
    pub async fn has_blob(&self, repository: &str, digest: &str) -> Result<bool> {
        let url = self.url(&format!("{repository}/blobs/{digest}"))?;
        Ok(answer(self.request(Method::HEAD, url, &[repository]), &[StatusCode::OK]).await?.is_some())
    }

    /// The bytes of a blob.
    pub async fn blob(&self, repository: &str, digest: &str) -> Result<Option<Bytes>> {
        let url = self.url(&format!("{repository}/blobs/{digest}"))?;
        match self.get(url, repository).await? {
            Some(response) => Ok(Some(response.bytes().await?)),
            None => Ok(None),
        }
    }

    async fn get(&self, url: Url, repository: &str) -> Result<Option<Response>> {
        answer(self.request(Method::GET, url, &[repository]), &[StatusCode::OK]).await
    }
}

/// The target of `Link: <…>; rel="next"`.
fn next_page(page: &Response) -> Result<Option<Url>> {
    let Some(link) = page.headers().get(LINK) else { return Ok(None) };
    let target = link.to_str()?.trim_start_matches('<').split('>').next().unwrap_or_default();
    Ok(Some(page.url().join(target)?))
}
