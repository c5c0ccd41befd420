//! Pushes, mounts and deletes.

use anyhow::Result;
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};

use super::{Image, Pusher, Seeded, answer, expect, image, location};
use crate::digest_of;

impl Pusher {
    /// Pushes a blob in one piece; returns its digest.
    pub async fn push_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Result<String> {
        let bytes = bytes.into();
        let digest = digest_of(&bytes);
        let url = self.url(&format!("{repository}/blobs/uploads/"))?;
        let opened = expect(self.request(Method::POST, url, &[repository]), StatusCode::ACCEPTED).await?;
        let mut session = location(&opened)?;
        session.query_pairs_mut().append_pair("digest", &digest);
        let put = self.request(Method::PUT, session, &[repository]);
        let put = put.header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        expect(put, StatusCode::CREATED).await?;
        Ok(digest)
    }

    /// Requests a mount; false if the registry opens an upload session instead.
    pub async fn mount_blob(&self, repository: &str, from: &str, digest: &str) -> Result<bool> {
        let url = self.url(&format!("{repository}/blobs/uploads/?mount={digest}&from={from}"))?;
        let wanted = [StatusCode::CREATED, StatusCode::ACCEPTED];
        let response = answer(self.request(Method::POST, url, &[repository, from]), &wanted).await?;
        Ok(response.is_some_and(|response| response.status() == StatusCode::CREATED))
    }

    /// Pushes a manifest under a tag or its digest; returns the digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<String> {
        let bytes = bytes.into();
        let digest = digest_of(&bytes);
        let url = self.url(&format!("{repository}/manifests/{reference}"))?;
        let put = self.request(Method::PUT, url, &[repository]);
        expect(put.header(CONTENT_TYPE, media_type).body(bytes), StatusCode::CREATED).await?;
        Ok(digest)
    }

    /// Pushes an image with its config and layers; without a tag only by its digest.
    pub async fn image(
        &self,
        repository: &str,
        tag: impl Into<Option<&str>>,
        image: &Image,
    ) -> Result<Seeded> {
        for blob in image.blobs() {
            self.push_blob(repository, blob).await?;
        }
        self.seed(repository, tag.into(), image.manifest()).await
    }

    /// As [`Pusher::image`], but mounts the layers from another repository that has them.
    pub(crate) async fn small_image(
        &self,
        repository: &str,
        tag: &str,
        image: &Image,
        shared_from: Option<&str>,
    ) -> Result<Seeded> {
        let Some(from) = shared_from else { return self.image(repository, tag, image).await };
        let mut blobs = image.blobs().into_iter();
        if let Some(config) = blobs.next() {
            self.push_blob(repository, config).await?;
        }
        for layer in blobs {
            if !self.mount_blob(repository, from, &digest_of(&layer)).await? {
                self.push_blob(repository, layer).await?;
            }
        }
        self.seed(repository, Some(tag), image.manifest()).await
    }

    /// Pushes an index of existing images. Its JSON is indented, as some tools write it: parsing and printing it
    /// again changes its digest.
    pub async fn index(
        &self,
        repository: &str,
        tag: impl Into<Option<&str>>,
        children: &[Seeded],
    ) -> Result<Seeded> {
        self.seed(repository, tag.into(), image::index(children)).await
    }

    /// Pushes a signature as cosign does, with the tag `sha256-<hex>.sig`.
    pub async fn signature(&self, repository: &str, of_digest: &str) -> Result<Seeded> {
        let tag = format!("{}.sig", of_digest.replacen(':', "-", 1));
        self.image(repository, tag.as_str(), &Image::signature(of_digest)).await
    }

    /// Pushes an artifact of any type (a chart, an SBOM), optionally with a subject.
    pub async fn artifact(
        &self,
        repository: &str,
        tag: impl Into<Option<&str>>,
        artifact_type: &str,
        subject: Option<&Seeded>,
    ) -> Result<Seeded> {
        self.image(repository, tag, &Image::artifact(artifact_type, subject)).await
    }

    /// Deletes a manifest by its digest.
    pub async fn delete_manifest(&self, repository: &str, digest: &str) -> Result<()> {
        self.delete(repository, &format!("{repository}/manifests/{digest}")).await
    }

    /// Removes a blob from a repository.
    pub async fn delete_blob(&self, repository: &str, digest: &str) -> Result<()> {
        self.delete(repository, &format!("{repository}/blobs/{digest}")).await
    }

    async fn delete(&self, repository: &str, path: &str) -> Result<()> {
        let url = self.url(path)?;
        expect(self.request(Method::DELETE, url, &[repository]), StatusCode::ACCEPTED).await?;
        Ok(())
    }

    async fn seed(&self, repository: &str, tag: Option<&str>, manifest: image::Built) -> Result<Seeded> {
        let seeded = manifest.seeded;
        let reference = tag.unwrap_or(&seeded.digest);
        self.push_manifest(repository, reference, &seeded.media_type, manifest.bytes).await?;
        Ok(seeded)
    }
}
