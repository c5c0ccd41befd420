//! Checks whether a registry's name resolves, and to which addresses.

use std::net::IpAddr;

use oci::RegistryHost;
use resolver::Resolver;

use super::cloud::{is_private, reach_advice};
use super::finding::{Finding, Step};
use super::limit::{NO_ANSWER, within};

/// Resolves the host as a copy does.
pub(super) async fn resolve(host: &RegistryHost) -> Result<Vec<IpAddr>, String> {
    let (name, _) = split(host);
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    match within(Resolver::of_system().lookup(&name)).await {
        Some(Ok(addresses)) => Ok(addresses),
        Some(Err(error)) => Err(error.to_string()),
        None => Err(NO_ANSWER.to_owned()),
    }
}

/// The host that requests go to, and its port if given.
pub(super) fn split(host: &RegistryHost) -> (String, Option<u16>) {
    let asked = host.api_host();
    let port = asked.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    let (name, port) = match port.and_then(|(name, port)| Some((name, port.parse().ok()?))) {
        Some((name, port)) => (name, Some(port)),
        None => (asked, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}

/// Judges the resolution.
pub(super) fn judge(host: &RegistryHost, resolved: &Result<Vec<IpAddr>, String>) -> Finding {
    let place = host.as_str();
    let is_cloud = providers::alibaba::is_alibaba(host);
    match resolved {
        Err(words) => {
            let advice = if is_cloud {
                "check instance name and region; an endpoint that was never enabled has no name: enable the instance's Internet access"
            } else {
                "check its spelling, and that this machine's DNS knows it"
            };
            Finding::problem(place, Step::Name, "the host name cannot be resolved").why(words).next(advice)
        }
        Ok(addresses) if addresses.is_empty() => {
            Finding::problem(place, Step::Name, "the host name has no address")
                .next("check its spelling, and that this machine's DNS knows it")
        }
        Ok(addresses) => {
            let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if is_cloud && addresses.iter().all(|address| is_private(*address)) {
                let what =
                    format!("the host name resolves to {shown}, which is only reachable inside its VPC");
                return Finding::warning(place, Step::Name, what).next(reach_advice(host, true));
            }
            Finding::ok(place, Step::Name, format!("resolves to {shown}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn found(host: &str, addresses: &[&str]) -> Finding {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        judge(&host.parse().unwrap(), &Ok(addresses))
    }

    #[test]
    fn a_private_address_is_a_hint_only_for_the_cloud() {
        let vpc = found("a-registry-vpc.cn-shanghai.cr.aliyuncs.com", &["100.100.1.2"]);
        assert_eq!(vpc.level, Level::Warning);
        assert!(vpc.what.contains("only reachable inside its VPC"));
        assert_eq!(found("harbor.io", &["10.0.0.1"]).level, Level::Ok);
        assert_eq!(found("a-registry.cn-shanghai.cr.aliyuncs.com", &["8.8.8.8"]).level, Level::Ok);
        assert!(found("harbor.io", &[]).is_problem());
    }

    #[test]
    fn hosts_are_split_into_name_and_port() {
        let split = |host: &str| split(&host.parse().unwrap());
        assert_eq!(split("harbor.io:32080"), ("harbor.io".to_owned(), Some(32080)));
        assert_eq!(split("harbor.io"), ("harbor.io".to_owned(), None));
        assert_eq!(split("[::1]:5000"), ("::1".to_owned(), Some(5000)));
        assert_eq!(split("docker.io"), ("registry-1.docker.io".to_owned(), None));
    }
}
