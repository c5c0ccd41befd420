//! Resolves names for requests. For redirects, addresses to which the registry may not redirect us are left out.
//!
//! The connection is made to exactly these addresses, so a name cannot mean one thing to the check and another
//! to the connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use resolver::Resolver;

use super::network::Network;

/// Resolves the hosts of a client.
pub(crate) struct Guard {
    pub(crate) resolver: Arc<Resolver>,
    /// The network of the registry that redirected us; `None` if the user named the host.
    pub(crate) from: Option<Network>,
}

/// All addresses of a name are closer than the registry may redirect us to.
#[derive(Debug, thiserror::Error)]
#[error("its addresses are closer to this machine than the registry's own")]
pub(crate) struct LeadsInside;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, from) = (self.resolver.clone(), self.from);
        Box::pin(async move {
            let found = resolver.lookup(name.as_str()).await?;
            let allowed = from.map_or(Ok(found.clone()), |from| allowed(from, &found))?;
            // Port 0 stands for the URL's port.
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn allowed(from: Network, found: &[IpAddr]) -> Result<Vec<IpAddr>, LeadsInside> {
    let may_be = |address: &IpAddr| from.may_send_to(Network::of(*address));
    let allowed: Vec<_> = found.iter().copied().filter(may_be).collect();
    if allowed.is_empty() && !found.is_empty() { Err(LeadsInside) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c28_only_allowed_addresses_are_connected_to() {
        let addresses: Vec<IpAddr> =
            ["169.254.169.254", "10.0.0.1", "8.8.8.8"].map(|address| address.parse().unwrap()).to_vec();
        assert_eq!(allowed(Network::Public, &addresses).unwrap(), addresses[2..]);
        assert_eq!(allowed(Network::Private, &addresses).unwrap(), addresses[1..]);
        assert!(allowed(Network::Public, &addresses[..2]).is_err());
        assert!(allowed(Network::Public, &[]).unwrap().is_empty());
    }

    #[tokio::test]
    async fn c28_names_are_judged_by_what_they_resolve_to() {
        let resolver = Arc::new(Resolver::of_system());
        let resolve = async |from| {
            Guard { resolver: resolver.clone(), from }.resolve("localhost".parse().unwrap()).await
        };
        assert!(resolve(Some(Network::Public)).await.err().unwrap().is::<LeadsInside>());
        assert!(resolve(Some(Network::Loopback)).await.unwrap().next().is_some());
        assert!(resolve(None).await.unwrap().next().is_some());
    }
}
