//! Deletion at the real registry: only by digest, with all tags.

use oci::{MediaType, TagOrDigest, WhyKept};
use registry::Deletion;

use super::{image, open, repository};
use crate::bench::tag;

#[tokio::test]
async fn a_tag_is_no_digest_and_a_digest_takes_all_tags_along() {
    let (_server, client) = open().await;
    let repository = repository(&client, "a/app");
    let manifest = image(&repository, &MediaType::OCI_MANIFEST, 1).await;
    for name in ["v1", "v2"] {
        repository.push_manifest(&tag(name), &manifest).await.unwrap();
    }
    let by_tag = repository.delete_tag(&"v1".parse().unwrap()).await.unwrap();
    assert!(matches!(by_tag, Deletion::Kept(WhyKept::NoTagDeletion, _)), "{by_tag:?}");
    let by_digest = repository.delete_manifest(manifest.digest()).await.unwrap();
    assert!(matches!(by_digest, Deletion::Done), "{by_digest:?}");
    for reference in [tag("v1"), tag("v2"), TagOrDigest::Digest(manifest.digest().clone())] {
        assert_eq!(repository.resolve(&reference).await.unwrap(), None, "{reference}");
    }
    let again = repository.delete_manifest(manifest.digest()).await.unwrap();
    assert!(matches!(again, Deletion::NotThere), "{again:?}");
}
