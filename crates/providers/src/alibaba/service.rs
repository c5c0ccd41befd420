//! Reads edition, region and instance from a registry's challenge and its host name. Pure.

use oci::RegistryHost;

use super::name::{InstanceId, Region};

/// The edition of a registry, from the `service` of its token challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Personal Edition.
    Personal {
        /// The region.
        region: Region,
    },
    /// Enterprise Edition.
    Enterprise {
        /// The region.
        region: Region,
        /// The instance.
        instance: InstanceId,
    },
}

impl Service {
    /// Parses `registry.aliyuncs.com:cn-hangzhou:china:cri-xxx`; `None` if it is not Alibaba's.
    ///
    /// Only this distinguishes the editions: host names can be anything.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        if parts.next() != Some("registry.aliyuncs.com") {
            return None;
        }
        let region = parts.next()?.parse().ok()?;
        // Newer services have fields after the instance's id, so it need not be the last part.
        match parts.find_map(|part| part.parse().ok()) {
            Some(instance) => Some(Self::Enterprise { region, instance }),
            None => Some(Self::Personal { region }),
        }
    }

    /// The region.
    pub fn region(&self) -> &Region {
        match self {
            Self::Personal { region } | Self::Enterprise { region, .. } => region,
        }
    }

    /// The instance; `None` for the Personal Edition.
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Personal { .. } => None,
            Self::Enterprise { instance, .. } => Some(instance),
        }
    }
}

/// Whether a host name is one of Alibaba's for registries. Instances may have further ones.
pub fn is_alibaba(host: &RegistryHost) -> bool {
    region_hint(host).is_some()
}

/// The region in one of Alibaba's host names. Only a hint: the challenge decides.
pub fn region_hint(host: &RegistryHost) -> Option<Region> {
    let name = host.host_name().to_ascii_lowercase();
    let name = name.strip_suffix(".aliyuncs.com")?;
    let labels: Vec<&str> = name.split('.').collect();
    let (first, region) = match labels.as_slice() {
        [first, region] | [first, region, "cr"] | [first, "distributed", region, "cr"] => (*first, region),
        [first, region, "personal", "cr"] if first.starts_with("crpi-") => return region.parse().ok(),
        _ => return None,
    };
    is_registry_label(first).then(|| region.parse().ok())?
}

/// `[name-]registry[-intl][-vpc][-internal]`.
fn is_registry_label(label: &str) -> bool {
    let label = ["-internal", "-vpc", "-intl"]
        .iter()
        .fold(label, |label, end| label.strip_suffix(end).unwrap_or(label));
    label == "registry" || label.strip_suffix("-registry").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enterprise(region: &str, instance: &str) -> Service {
        Service::Enterprise { region: region.parse().unwrap(), instance: instance.parse().unwrap() }
    }

    #[test]
    fn services_of_both_editions() {
        let hangzhou = enterprise("cn-hangzhou", "cri-xxxxxxxxx");
        assert_eq!(Service::parse("registry.aliyuncs.com:cn-hangzhou:china:cri-xxxxxxxxx"), Some(hangzhou));
        let newer = "registry.aliyuncs.com:cn-beijing:china:cri-example123:2a";
        assert_eq!(Service::parse(newer), Some(enterprise("cn-beijing", "cri-example123")));
        let personal = Service::parse("registry.aliyuncs.com:cn-hangzhou:26842").unwrap();
        assert_eq!((personal.region().as_str(), personal.instance()), ("cn-hangzhou", None));
        // The second part is the region, whatever its form.
        assert_eq!(Service::parse("registry.aliyuncs.com:cri-abc:1").unwrap().instance(), None);
    }

    #[test]
    fn what_is_not_alibabas_or_names_another_host() {
        for text in [
            "harbor-registry",
            "registry.docker.io",
            "registry.aliyuncs.com",
            "registry.aliyuncs.com:evil.com/:cri-a",
            "",
        ] {
            assert_eq!(Service::parse(text), None, "{text}");
        }
    }

    #[test]
    fn host_names_of_alibaba() {
        let region = |host: &str| region_hint(&host.parse().unwrap()).map(|region| region.to_string());
        for host in [
            "ruohe-test-registry.cn-shanghai.cr.aliyuncs.com",
            "a-b-registry-vpc.cn-shanghai.cr.aliyuncs.com",
            "registry.cn-shanghai.aliyuncs.com",
            "registry-vpc.cn-shanghai.aliyuncs.com",
            "registry-internal.cn-shanghai.aliyuncs.com",
            "registry-intl-vpc.cn-shanghai.aliyuncs.com",
            "name-registry.distributed.cn-shanghai.cr.aliyuncs.com",
            "crpi-abc123.cn-shanghai.personal.cr.aliyuncs.com",
            "crpi-abc123-vpc.cn-shanghai.personal.cr.aliyuncs.com",
            "Registry.cn-shanghai.aliyuncs.com:443",
        ] {
            assert_eq!(region(host).as_deref(), Some("cn-shanghai"), "{host}");
            assert!(is_alibaba(&host.parse().unwrap()));
        }
        for host in [
            "registry.cn-shanghai.aliyuncs.com.evil.com",
            "name-chart.cn-shanghai.cr.aliyuncs.com",
            "oss-cn-shanghai.aliyuncs.com",
            "notregistry.cn-shanghai.aliyuncs.com",
            "-registry.cn-shanghai.aliyuncs.org",
            "quay.io",
        ] {
            if let Ok(host) = host.parse() {
                assert!(!is_alibaba(&host), "{host}");
            }
        }
    }
}
