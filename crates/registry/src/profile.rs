//! Known registries as data: their known behaviour, its documentation, and what it changes here.
//!
//! A profile only avoids requests that are known to fail. Everything else is learned at run time.

use http::HeaderMap;

use oci::RegistryHost;

/// The known behaviour of a kind of registry before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// Its name, for people.
    pub name: &'static str,
    /// The signs by which it is recognised.
    pub(crate) signs: &'static [Sign],
    /// The shape in which it takes blobs.
    pub uploads: UploadShape,
    /// In which repositories it looks for blobs to mount.
    pub mounts: MountSources,
    /// Whether it may have a list of referrers.
    pub referrers: ReferrersApi,
    /// The API by which it deletes tags.
    pub tag_deletion: TagDeletion,
    /// The most scopes that one token is requested for.
    pub scopes_per_token: usize,
    /// Where this is documented.
    pub link: &'static str,
}

/// The shape in which a registry takes blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadShape {
    /// In one PUT, in one PATCH and a PUT, or in chunks, by the blob's size.
    Any,
    /// In one PUT, whatever the size: it takes no PATCH.
    OneRequest,
    /// No body may be larger than `largest`.
    Chunks {
        /// In bytes.
        largest: u64,
    },
}

/// In which repositories a registry looks for a blob to mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountSources {
    /// In the named repository.
    Named,
    /// In all of its repositories, if none is named.
    Any,
}

/// Whether a registry may have a list of referrers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersApi {
    /// A request shows it.
    Ask,
    /// It has none, and answers with something misleading or useless.
    Absent,
}

/// The API by which a registry deletes tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagDeletion {
    /// DELETE of the tag, as specified.
    Protocol,
    /// Azure's API: <https://learn.microsoft.com/en-us/rest/api/containerregistry/tag/delete>.
    Azure,
}

/// A sign that identifies a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Its host's whole name.
    Host(&'static str),
    /// The end of its host's name, beginning at a dot.
    HostEnd(&'static str),
    /// A part of its host's name.
    HostPart(&'static str),
    /// Beginning and end of its host's name.
    HostEnds(&'static str, &'static str),
    /// The beginning of the service that its challenges name.
    Service(&'static str),
    /// The end of that service's name.
    ServiceEnd(&'static str),
    /// A header of its answers.
    Header(&'static str),
    /// A header of its answers that begins with this text.
    HeaderStart(&'static str, &'static str),
}

/// The signs of a registry at the first contact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appearance<'a> {
    pub(crate) host: &'a RegistryHost,
    pub(crate) service: Option<&'a str>,
    pub(crate) headers: Option<&'a HeaderMap>,
}

impl Sign {
    fn is_shown_by(self, appearance: &Appearance<'_>) -> bool {
        let host = appearance.host.host_name();
        let header = |name: &str| appearance.headers.and_then(|headers| headers.get(name)?.to_str().ok());
        match self {
            Self::Host(name) => host == name,
            Self::HostEnd(end) => host.ends_with(end),
            Self::HostPart(part) => host.contains(part),
            Self::HostEnds(start, end) => host.starts_with(start) && host.ends_with(end),
            Self::Service(start) => appearance.service.is_some_and(|service| service.starts_with(start)),
            Self::ServiceEnd(end) => appearance.service.is_some_and(|service| service.ends_with(end)),
            Self::Header(name) => header(name).is_some(),
            Self::HeaderStart(name, start) => header(name).is_some_and(|value| value.starts_with(start)),
        }
    }
}

impl Profile {
    /// A registry of an unknown kind.
    pub const UNKNOWN: Self = Self {
        name: "registry",
        signs: &[],
        uploads: UploadShape::Any,
        mounts: MountSources::Named,
        referrers: ReferrersApi::Ask,
        tag_deletion: TagDeletion::Protocol,
        scopes_per_token: 8,
        link: "https://github.com/opencontainers/distribution-spec",
    };

    /// All known kinds; if several match, the first counts.
    pub const KNOWN: &'static [Self] = &[
        Self {
            name: "Docker Hub",
            signs: &[Sign::Host("docker.io"), Sign::Host("registry-1.docker.io")],
            // A GET of a manifest counts as a pull, so HEAD goes first everywhere.
            referrers: ReferrersApi::Absent,
            link: "https://github.com/docker/roadmap/issues/724",
            ..Self::UNKNOWN
        },
        Self {
            name: "GitHub Container Registry",
            signs: &[Sign::Host("ghcr.io"), Sign::HostEnds("containers.", ".ghe.com")],
            // Redirects requests for referrers to its website. Refuses scopes that it does not know.
            referrers: ReferrersApi::Absent,
            scopes_per_token: 1,
            link: "https://github.com/artifacthub/hub/issues/4785",
            ..Self::UNKNOWN
        },
        Self {
            name: "Google Artifact Registry",
            signs: &[Sign::HostEnd("-docker.pkg.dev"), Sign::Host("gcr.io"), Sign::HostEnd(".gcr.io")],
            // Takes no chunks; refuses a token for one repository at another.
            uploads: UploadShape::OneRequest,
            scopes_per_token: 1,
            link: "https://github.com/regclient/regclient/issues/667",
            ..Self::UNKNOWN
        },
        Self {
            name: "Amazon ECR Public",
            signs: &[Sign::Host("public.ecr.aws")],
            link: "https://github.com/dotnet/sdk/pull/33019",
            ..Self::UNKNOWN
        },
        Self {
            name: "Amazon ECR",
            signs: &[Sign::HostPart(".dkr.ecr."), Sign::HostPart(".dkr-ecr.")],
            link: "https://github.com/aws/containers-roadmap/issues/2831",
            ..Self::UNKNOWN
        },
        Self {
            name: "Quay",
            signs: &[Sign::Host("quay.io"), Sign::HeaderStart("server", "quay")],
            // Refuses long `Authorization` headers.
            scopes_per_token: 2,
            link: "https://github.com/openshift/oc/pull/761",
            ..Self::UNKNOWN
        },
        Self {
            name: "Azure Container Registry",
            signs: &[
                Sign::HostEnd(".azurecr.io"),
                Sign::HostEnd(".azurecr.cn"),
                Sign::HostEnd(".azurecr.us"),
                // For custom domains: https://learn.microsoft.com/en-us/azure/container-registry/container-registry-custom-domain
                Sign::ServiceEnd(".azurecr.io"),
            ],
            // Bodies above some 20 MB fail; long headers are a 400.
            uploads: UploadShape::Chunks { largest: 16 << 20 },
            tag_deletion: TagDeletion::Azure,
            scopes_per_token: 2,
            link: "https://github.com/regclient/regclient/issues/797",
            ..Self::UNKNOWN
        },
        Self {
            name: "Alibaba Cloud Container Registry, Personal Edition",
            signs: &[
                Sign::HostEnd(".personal.cr.aliyuncs.com"),
                Sign::HostEnds("registry.", ".aliyuncs.com"),
                Sign::HostEnds("registry-vpc.", ".aliyuncs.com"),
                Sign::HostEnds("registry-internal.", ".aliyuncs.com"),
                Sign::HostEnds("registry-intl.", ".aliyuncs.com"),
                Sign::HostEnds("registry-intl-vpc.", ".aliyuncs.com"),
            ],
            link: "https://github.com/regclient/regclient/issues/627",
            ..Self::UNKNOWN
        },
        Self {
            name: "Alibaba Cloud Container Registry, Enterprise Edition",
            signs: &[Sign::HostEnd(".cr.aliyuncs.com"), Sign::Service("registry.aliyuncs.com:")],
            link: "https://github.com/regclient/regclient/issues/627",
            ..Self::UNKNOWN
        },
        Self {
            name: "Huawei Cloud SWR",
            signs: &[Sign::HostEnds("swr.", ".myhuaweicloud.com")],
            link: "https://github.com/AliyunContainerService/image-syncer/issues/161",
            ..Self::UNKNOWN
        },
        Self {
            name: "Tencent Cloud TCR",
            signs: &[Sign::HostEnd(".tencentcloudcr.com"), Sign::Host("ccr.ccs.tencentyun.com")],
            link: "https://github.com/goharbor/harbor/tree/main/src/pkg/reg/adapter/tencentcr",
            ..Self::UNKNOWN
        },
        Self {
            name: "GitLab",
            signs: &[
                Sign::Host("registry.gitlab.com"),
                Sign::Service("container_registry"),
                Sign::Header("gitlab-container-registry-version"),
            ],
            link: "https://github.com/oras-project/oras/issues/2148",
            ..Self::UNKNOWN
        },
        Self {
            name: "Harbor",
            signs: &[Sign::Service("harbor-registry")],
            link: "https://github.com/goharbor/harbor/issues/19787",
            ..Self::UNKNOWN
        },
        Self {
            name: "Nexus Repository",
            signs: &[Sign::HeaderStart("server", "Nexus/")],
            link: "https://github.com/regclient/regclient/issues/540",
            ..Self::UNKNOWN
        },
        Self {
            name: "JFrog Artifactory",
            signs: &[
                Sign::HostEnd(".jfrog.io"),
                Sign::Header("x-jfrog-version"),
                Sign::Header("x-artifactory-id"),
            ],
            link: "https://github.com/containerd/containerd/issues/3533",
            ..Self::UNKNOWN
        },
        Self {
            name: "zot",
            signs: &[Sign::Host("zothub.io")],
            // Looks for the blob in all of its repositories.
            mounts: MountSources::Any,
            link: "https://zotregistry.dev/latest/articles/mirroring/",
            ..Self::UNKNOWN
        },
        Self {
            name: "distribution",
            signs: &[Sign::Header("docker-distribution-api-version")],
            link: "https://distribution.github.io/distribution/spec/api/",
            ..Self::UNKNOWN
        },
    ];

    /// The profile that matches a registry's signs.
    pub(crate) fn of(appearance: &Appearance<'_>) -> &'static Self {
        let fits = |profile: &&Self| profile.signs.iter().any(|sign| sign.is_shown_by(appearance));
        Self::KNOWN.iter().find(fits).unwrap_or(&Self::UNKNOWN)
    }

    /// The profile that matches a host's name alone.
    pub(crate) fn of_host(host: &RegistryHost) -> &'static Self {
        Self::of(&Appearance { host, service: None, headers: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(host: &str) -> &'static str {
        Profile::of_host(&host.parse().unwrap()).name
    }

    #[test]
    fn c41_hosts_tell_the_hosted_registries() {
        for (host, expected) in [
            ("docker.io", "Docker Hub"),
            ("ghcr.io", "GitHub Container Registry"),
            ("europe-docker.pkg.dev", "Google Artifact Registry"),
            ("eu.gcr.io", "Google Artifact Registry"),
            ("public.ecr.aws", "Amazon ECR Public"),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"),
            ("quay.io", "Quay"),
            ("team.azurecr.io", "Azure Container Registry"),
            (
                "my-registry.cn-shanghai.cr.aliyuncs.com",
                "Alibaba Cloud Container Registry, Enterprise Edition",
            ),
            (
                "my-registry-vpc.cn-shanghai.cr.aliyuncs.com",
                "Alibaba Cloud Container Registry, Enterprise Edition",
            ),
            ("registry.cn-beijing.aliyuncs.com", "Alibaba Cloud Container Registry, Personal Edition"),
            (
                "crpi-abc.cn-beijing.personal.cr.aliyuncs.com",
                "Alibaba Cloud Container Registry, Personal Edition",
            ),
            ("swr.cn-north-4.myhuaweicloud.com", "Huawei Cloud SWR"),
            ("team.tencentcloudcr.com", "Tencent Cloud TCR"),
            ("registry.gitlab.com", "GitLab"),
            ("team.jfrog.io", "JFrog Artifactory"),
            ("zothub.io", "zot"),
            ("harbor.example.com:32080", "registry"),
            ("evil-docker.pkg.dev.io", "registry"),
        ] {
            assert_eq!(name(host), expected, "{host}");
        }
    }

    #[test]
    fn c41_the_first_answer_tells_the_others() {
        let host = "r.example.com".parse().unwrap();
        let shown = |service, header: Option<(&'static str, &str)>| {
            let headers = header.map(|(name, value)| {
                HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
            });
            Profile::of(&Appearance { host: &host, service, headers: headers.as_ref() }).name
        };
        assert_eq!(shown(Some("harbor-registry"), None), "Harbor");
        let acr = Some("registry.aliyuncs.com:cn-shanghai:china:cri-x");
        assert_eq!(shown(acr, None), "Alibaba Cloud Container Registry, Enterprise Edition");
        assert_eq!(shown(Some("container_registry"), None), "GitLab");
        assert_eq!(shown(None, Some(("server", "Nexus/3.70.1 (OSS)"))), "Nexus Repository");
        assert_eq!(shown(None, Some(("x-jfrog-version", "Artifactory/7"))), "JFrog Artifactory");
        assert_eq!(shown(None, Some(("docker-distribution-api-version", "registry/2.0"))), "distribution");
        assert_eq!(shown(None, None), "registry");
    }

    #[test]
    fn c41_every_profile_says_where_it_is_written() {
        for profile in Profile::KNOWN {
            assert!(profile.link.starts_with("https://") && !profile.signs.is_empty(), "{}", profile.name);
        }
    }
}
