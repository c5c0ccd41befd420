//! Checks whether a registry's port accepts connections.

use std::net::{IpAddr, SocketAddr};

use oci::RegistryHost;

use super::cloud::reach_advice;
use super::finding::{Finding, Step};
use super::limit::within;

/// The result of connecting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Knock {
    Open(SocketAddr),
    /// The operating system's error text.
    Refused(String),
    NoAnswer,
}

/// Connects to the first address that answers, and closes the connection.
pub(super) async fn knock(addresses: &[IpAddr], port: u16) -> Knock {
    let mut last = Knock::NoAnswer;
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        match within(tokio::net::TcpStream::connect(address)).await {
            Some(Ok(_)) => return Knock::Open(address),
            Some(Err(error)) => last = Knock::Refused(error.to_string()),
            None => {}
        }
    }
    last
}

/// Judges the result. `is_cloud`: the config says that the registry is Alibaba's, whatever its name.
pub(super) fn judge(host: &RegistryHost, port: u16, knock: &Knock, is_cloud: bool) -> Finding {
    let place = host.as_str();
    match knock {
        Knock::Open(address) => Finding::ok(place, Step::Port, format!("{address} accepts connections")),
        Knock::Refused(words) => {
            Finding::problem(place, Step::Port, format!("nothing can be reached on port {port}"))
                .why(words)
                .next(reach_advice(host, is_cloud))
        }
        Knock::NoAnswer => Finding::problem(
            place,
            Step::Port,
            format!("nobody answers on port {port} within 10 seconds, as where a whitelist is closed"),
        )
        .next(reach_advice(host, is_cloud)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_taken_for_a_closed_whitelist() {
        let host = "a-registry.cn-shanghai.cr.aliyuncs.com".parse().unwrap();
        let silent = judge(&host, 443, &Knock::NoAnswer, false);
        assert!(silent.is_problem() && silent.what.contains("whitelist"));
        assert!(silent.next.unwrap().contains("Internet access"));
        let refused = judge(&"harbor.io:1".parse().unwrap(), 1, &Knock::Refused("no".to_owned()), false);
        assert_eq!(refused.why.as_deref(), Some("no"));
        assert!(!judge(&host, 443, &Knock::Open(([127, 0, 0, 1], 443).into()), false).is_problem());
    }
}
