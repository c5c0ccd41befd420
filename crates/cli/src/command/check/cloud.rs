//! What host names and service names of Alibaba Cloud reveal, and the advice for them. Pure.

use std::net::IpAddr;

use oci::RegistryHost;
use providers::alibaba::{Service, is_alibaba};

/// The two kinds of Alibaba registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    Personal,
    Enterprise,
}

impl Edition {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Personal => "Personal Edition",
            Self::Enterprise => "Enterprise Edition",
        }
    }

    /// The edition that a host name suggests.
    pub(super) fn of_host(host: &RegistryHost) -> Option<Self> {
        let name = host.host_name().to_ascii_lowercase();
        is_alibaba(host).then(|| {
            let is_enterprise =
                name.ends_with(".cr.aliyuncs.com") && !name.ends_with(".personal.cr.aliyuncs.com");
            if is_enterprise { Self::Enterprise } else { Self::Personal }
        })
    }

    /// The edition that the registry's challenge names, which is authoritative.
    pub(super) fn of_service(service: &str) -> Option<Self> {
        Some(match Service::parse(service)? {
            Service::Personal { .. } => Self::Personal,
            Service::Enterprise { .. } => Self::Enterprise,
        })
    }
}

/// Whether a host name is for a private network (VPC) of the cloud.
pub(super) fn is_vpc(host: &RegistryHost) -> bool {
    let label = host.host_name().split('.').next().unwrap_or_default();
    is_alibaba(host) && (label.ends_with("-vpc") || label.ends_with("-internal"))
}

/// Whether an address is private to some network. Alibaba's own are in 100.64.0.0/10.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_loopback() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

/// The advice for a registry whose port refuses the connection.
pub(super) fn reach_advice(host: &RegistryHost, is_cloud: bool) -> String {
    if is_vpc(host) {
        format!("`{host}` is for inside the linked VPC: run there, or use the public endpoint")
    } else if is_cloud || is_alibaba(host) {
        "enable the instance's Internet access and add this machine's public address to its whitelist (console: Repositories, Access Control, Internet), or use the -vpc endpoint from inside the VPC".to_owned()
    } else {
        format!("check that `{host}` runs there, and that firewalls and whitelists let this machine in")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> RegistryHost {
        name.parse().unwrap()
    }

    #[test]
    fn names_suggest_an_edition_and_services_tell_it() {
        for (name, edition) in [
            ("ruohe-test-registry.cn-shanghai.cr.aliyuncs.com", Some(Edition::Enterprise)),
            ("ruohe-test-registry-vpc.cn-shanghai.cr.aliyuncs.com", Some(Edition::Enterprise)),
            ("registry.cn-beijing.aliyuncs.com", Some(Edition::Personal)),
            ("crpi-abc.cn-beijing.personal.cr.aliyuncs.com", Some(Edition::Personal)),
            ("quay.io", None),
        ] {
            assert_eq!(Edition::of_host(&host(name)), edition, "{name}");
        }
        let of = Edition::of_service;
        assert_eq!(of("registry.aliyuncs.com:cn-shanghai:china:cri-test"), Some(Edition::Enterprise));
        assert_eq!(of("registry.aliyuncs.com:cn-beijing:26842"), Some(Edition::Personal));
        assert_eq!(of("harbor-registry"), None);
    }

    #[test]
    fn names_and_addresses_of_the_inside() {
        assert!(is_vpc(&host("a-registry-vpc.cn-shanghai.cr.aliyuncs.com")));
        assert!(is_vpc(&host("registry-internal.cn-shanghai.aliyuncs.com")));
        assert!(!is_vpc(&host("a-registry.cn-shanghai.cr.aliyuncs.com")) && !is_vpc(&host("a-vpc.io")));
        for (address, private) in [
            ("10.0.0.1", true),
            ("100.100.1.1", true),
            ("127.0.0.1", true),
            ("100.128.0.1", false),
            ("8.8.8.8", false),
            ("fd00::1", true),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }

    #[test]
    fn advice_fits_the_host() {
        let advice = |name: &str| reach_advice(&host(name), false);
        assert!(advice("a-registry-vpc.cn-shanghai.cr.aliyuncs.com").contains("public endpoint"));
        assert!(advice("a-registry.cn-shanghai.cr.aliyuncs.com").contains("whitelist"));
        assert!(advice("harbor.io").contains("firewalls"));
    }
}
