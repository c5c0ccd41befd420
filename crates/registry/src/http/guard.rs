//! Resolves names for requests to where a registry sends us, and leaves out addresses that it may not send us to.
//!
//! The connection is made to exactly these addresses, so a name cannot mean one thing to the check and another
//! to the connection.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::network::Network;

/// The resolver for what a registry at this place sends us to.
pub(crate) struct Guard(pub(crate) Network);

/// A name has only addresses that the registry may not send us to.
#[derive(Debug, thiserror::Error)]
#[error("its addresses are closer to this machine than the registry's own")]
pub(crate) struct LeadsInside;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let from = self.0;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = allowed(from, &found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn allowed(from: Network, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, LeadsInside> {
    let may_be = |address: &SocketAddr| from.may_send_to(Network::of(address.ip()));
    let allowed: Vec<_> = found.iter().copied().filter(may_be).collect();
    if allowed.is_empty() && !found.is_empty() { Err(LeadsInside) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c28_only_allowed_addresses_are_connected_to() {
        let addresses: Vec<SocketAddr> =
            ["169.254.169.254:0", "10.0.0.1:0", "8.8.8.8:0"].map(|address| address.parse().unwrap()).to_vec();
        assert_eq!(allowed(Network::Public, &addresses).unwrap(), addresses[2..]);
        assert_eq!(allowed(Network::Private, &addresses).unwrap(), addresses[1..]);
        assert!(allowed(Network::Public, &addresses[..2]).is_err());
        assert!(allowed(Network::Public, &[]).unwrap().is_empty());
    }

    #[tokio::test]
    async fn c28_names_are_judged_by_what_they_resolve_to() {
        let resolve = async |from| Guard(from).resolve("localhost".parse().unwrap()).await;
        assert!(resolve(Network::Public).await.err().unwrap().is::<LeadsInside>());
        assert!(resolve(Network::Loopback).await.unwrap().next().is_some());
    }
}
