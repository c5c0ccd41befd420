//! Registries with their known quirks. The caller adds logins and storage, with
//! `Builder::access` and `Builder::storage`.

use std::time::Duration;

use crate::builder::Builder;
use crate::builder::limit::NewRepositories;
use crate::builder::listing::{Catalog, EmptyTags};
use crate::builder::manifest::{Attestations, ImmutableTags, Indexes, SameDigest};
use crate::builder::mount::Mounts;
use crate::builder::referrer::Referrers;
use crate::builder::upload::{BrokenUploads, EarlyCreated, Locations, UploadRanges, Uploads};
use crate::deletion::{DeletionApi, DigestDeletion, IndexChildren, TagDeletion};

/// The window of Docker Hub's quota: 100 pulls in six hours.
const SIX_HOURS: Duration = Duration::from_secs(21_600);

/// Docker Hub.
///
/// - Manifest `GET`s are counted: <https://docs.docker.com/docker-hub/usage/pulls/>.
/// - No list of referrers: <https://github.com/docker/roadmap/issues/724>.
/// - No catalog, because no user has rights to it.
/// - No DELETE: <https://github.com/docker/hub-feedback/issues/1759>.
pub fn docker_hub() -> Builder {
    Builder::new()
        .pull_quota(100, SIX_HOURS)
        .referrers(Referrers::Absent)
        .catalog(Catalog::Refused(401))
        .deletion(TagDeletion::Off, DigestDeletion::Off)
}

/// GitHub Packages.
///
/// - Chunks have at most 4 MiB: <https://github.com/oras-project/rust-oci-client/issues/35>.
/// - A second `PATCH` overwrites, as ocync's documentation says.
/// - Requests for referrers are redirected to the website: <https://github.com/artifacthub/hub/issues/4785>.
/// - No DELETE: <https://github.com/containers/skopeo/issues/1880>.
pub fn ghcr() -> Builder {
    Builder::new()
        .largest_chunk(4 << 20)
        .uploads(Uploads::SingleStream)
        .referrers(Referrers::Website)
        .deletion(TagDeletion::Off, DigestDeletion::Off)
}

/// Google Artifact Registry.
///
/// - No chunks: <https://github.com/containers/skopeo/issues/1101>.
/// - A repository must be created before a push.
pub fn google() -> Builder {
    Builder::new().uploads(Uploads::MonolithicOnly).new_repositories(NewRepositories::Refused)
}

/// Amazon ECR, with immutable tags.
///
/// - A repository must be created before a push: <https://github.com/aws/containers-roadmap/issues/853>.
/// - `n` is at most 1000: <https://github.com/google/go-containerregistry/issues/681>.
/// - Parts have at least 5 MiB: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html>.
/// - `Range` stays where the first chunk ended: <https://github.com/aws/containers-roadmap/issues/2831>.
/// - A tag cannot even be pushed again unchanged: <https://github.com/aws/containers-roadmap/issues/2380>.
/// - Mounts only if the account has `BLOB_MOUNTING`.
/// - DELETE removes a tag, and with the last one its image; but no manifest that an index refers to:
///   <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>.
pub fn ecr() -> Builder {
    Builder::new()
        .new_repositories(NewRepositories::Refused)
        .largest_page(1000)
        .smallest_chunk(5 << 20)
        .upload_ranges(UploadRanges::Stuck)
        .immutable_tags(ImmutableTags::Ecr, SameDigest::Refused)
        .mounts(Mounts::Declined)
        .deletion(TagDeletion::UntagsToTheLast, DigestDeletion::Alone)
        .index_children(IndexChildren::GuardedByEcr)
}

/// Amazon ECR when the first `PATCH` ends an upload with 201, as was observed.
pub fn ecr_early() -> Builder {
    ecr().early_created(EarlyCreated::EveryPatch)
}

/// Quay.
///
/// - A mount needs `from`: so go-containerregistry always sends it.
/// - Long logins are refused: <https://github.com/openshift/oc/pull/761>.
/// - Sparse indexes are refused as invalid, unless `FEATURE_SPARSE_INDEX` is on.
/// - DELETE removes tags: <https://github.com/quay/quay/blob/master/endpoints/v2/manifest.py>.
pub fn quay() -> Builder {
    Builder::new()
        .mounts(Mounts::RefusesAnonymous)
        .longest_login(8 << 10)
        .indexes(Indexes::Invalid)
        .deletion(TagDeletion::Untags, DigestDeletion::OnlyTagged)
}

/// Azure Container Registry.
///
/// - Pages of 100 repositories: <https://github.com/regclient/regclient/issues/404>.
/// - Long logins are refused: <https://github.com/regclient/regclient/issues/797>.
/// - A session does not survive an error: <https://github.com/Azure/azure-sdk-for-net/issues/35322>.
/// - Locations are paths.
/// - An API of its own deletes tags: <https://learn.microsoft.com/en-us/rest/api/containerregistry/tag/delete>.
/// - DELETE wants a digest: <https://learn.microsoft.com/en-us/rest/api/containerregistry/manifests/delete>.
pub fn azure() -> Builder {
    Builder::new()
        .catalog_page_size(100)
        .longest_login(8 << 10)
        .broken_uploads(BrokenUploads::LoseSession)
        .locations(Locations::Relative)
        .deletion(TagDeletion::DigestInvalid, DigestDeletion::Alone)
        .deletion_api(DeletionApi::Azure)
}

/// Harbor, with an immutability rule.
///
/// - 412 for immutable tags.
/// - Mounts need the right to pull: <https://github.com/goharbor/harbor/issues/19787>.
/// - DELETE only by digest, and of no manifest that an index refers to; its API deletes tags.
pub fn harbor() -> Builder {
    Builder::new()
        .immutable_tags(ImmutableTags::Harbor, SameDigest::Refused)
        .mounts(Mounts::NeedsPull)
        .deletion(TagDeletion::Unsupported, DigestDeletion::WithFamily)
        .index_children(IndexChildren::GuardedByHarbor)
        .deletion_api(DeletionApi::Harbor)
}

/// The personal edition of Alibaba's registry.
///
/// - `Range` states only the last chunk: <https://github.com/regclient/regclient/issues/627>.
/// - Manifests with empty configs are denied since August 2026, and with them `BuildKit`'s attestations in the form of 0.32:
///   <https://github.com/koordinator-sh/koordinator/pull/3194>. Those of before pass.
/// - No list of referrers.
pub fn acr_personal() -> Builder {
    acr_enterprise().denied_classes(&["application/vnd.oci.empty.v1+json"]).referrers(Referrers::Absent)
}

/// The enterprise edition of Alibaba's registry.
///
/// - `Range` states only the last chunk: <https://github.com/regclient/regclient/issues/627>.
/// - No catalog; its status is not known.
pub fn acr_enterprise() -> Builder {
    Builder::new().upload_ranges(UploadRanges::LastChunk).catalog(Catalog::Refused(404))
}

/// Huawei SWR.
///
/// - Indexes with attestations are refused: <https://github.com/AliyunContainerService/image-syncer/issues/161>.
pub fn swr() -> Builder {
    Builder::new().attestations(Attestations::RefusedInIndexes).referrers(Referrers::Absent)
}

/// Tencent TCR.
///
/// - Only its login is known.
pub fn tcr() -> Builder {
    Builder::new()
}

/// GitLab.
///
/// - Referrers are the image itself: <https://github.com/oras-project/oras/issues/2148>.
/// - No catalog for users.
pub fn gitlab() -> Builder {
    Builder::new().referrers(Referrers::Bogus).catalog(Catalog::Refused(401))
}

/// Sonatype Nexus.
///
/// - Sparse indexes are refused, as by all registries unless configured otherwise:
///   <https://github.com/regclient/regclient/issues/836>.
/// - `PUT` of a large blob is answered late (<https://github.com/regclient/regclient/issues/540>): add an
///   `Effect::Delay`.
pub fn nexus() -> Builder {
    Builder::new().indexes(Indexes::Whole)
}

/// `JFrog` Artifactory.
///
/// - Some layouts want `PATCH`: <https://github.com/containerd/containerd/issues/3533>.
/// - Locations are odd (<https://github.com/oras-project/oras/issues/1907>): here, without a query.
pub fn jfrog() -> Builder {
    Builder::new().uploads(Uploads::ChunksOnly(0)).locations(Locations::WithoutQuery)
}

/// CNCF distribution 2.8.
///
/// - No list of referrers: that came with OCI 1.1.
/// - A repository without tags is unknown.
/// - Sparse indexes are refused.
/// - DELETE is off unless `storage.delete.enabled` says otherwise: [`distribution_2_with_delete`].
pub fn distribution_2() -> Builder {
    Builder::new()
        .referrers(Referrers::Absent)
        .empty_tags(EmptyTags::Unknown)
        .deletion(TagDeletion::Off, DigestDeletion::Off)
}

/// CNCF distribution 2.8 with DELETE enabled.
///
/// - Only by digest; all tags are deleted with it, and a child even if an index refers to it.
pub fn distribution_2_with_delete() -> Builder {
    distribution_2().deletion(TagDeletion::DigestInvalid, DigestDeletion::Alone)
}

/// CNCF distribution 3.
///
/// - No list of referrers either.
/// - Sparse indexes are refused unless `validation.manifests.indexes.platforms` says otherwise:
///   <https://distribution.github.io/distribution/about/configuration/#validation>.
/// - DELETE of a tag removes it. It is off by default there, too, but on here.
pub fn distribution_3() -> Builder {
    distribution_2_with_delete().indexes(Indexes::Whole).deletion(TagDeletion::Untags, DigestDeletion::Alone)
}

/// zot.
///
/// - Mounts need no `from`: <https://zotregistry.dev/>.
pub fn zot() -> Builder {
    Builder::new().mounts(Mounts::Anonymous)
}
