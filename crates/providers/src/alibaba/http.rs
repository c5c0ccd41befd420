//! HTTP settings for Alibaba Cloud's services: no redirects, bounded answers, and no URL in any error.

use std::sync::Arc;
use std::time::Duration;

use registry::{HostAnswer, HostClient, HostRequest, Proxies, Transport};

use super::error::Error;

/// The metadata server is on the local network, or does not exist.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// The clients that all calls share.
#[derive(Clone, Debug)]
pub struct Http {
    services: HostClient,
    /// For addresses that a proxy cannot reach.
    direct: HostClient,
}

impl Http {
    /// The clients of `transport`, with its user agent and proxies.
    ///
    /// # Errors
    /// A system without certificates.
    pub fn new(transport: &Transport) -> Result<Self, Error> {
        let client = |transport: &Transport| {
            transport.host_client().map_err(|error| Error::Setup { source: Arc::new(error) })
        };
        Ok(Self { services: client(transport)?, direct: client(&transport.through(&Proxies::none()))? })
    }

    /// How many processes share the services' rate limits.
    pub(super) fn sharers(&self) -> usize {
        self.services.sharers()
    }

    /// Sends a request to one of the cloud's services. `action` and `host` are for the error.
    pub(super) async fn ask(
        &self,
        request: &HostRequest,
        action: &str,
        host: &str,
    ) -> Result<HostAnswer, Error> {
        self.services.ask(request).await.map_err(|error| told(error, action, host))
    }

    /// Sends a request to the metadata server of this machine.
    pub(super) async fn ask_metadata(
        &self,
        request: HostRequest,
        action: &str,
        host: &str,
    ) -> Result<HostAnswer, Error> {
        let request = request.within(METADATA_TIMEOUT);
        self.direct.ask(&request).await.map_err(|error| told(error, action, host))
    }
}

fn told(error: registry::Error, action: &str, host: &str) -> Error {
    match error {
        registry::Error::Transport { failure, source, .. } => {
            let (action, host, source) = (action.to_owned(), host.to_owned(), source.map(Arc::from));
            Error::Network { action, host, failure, source }
        }
        registry::Error::Protocol { problem, .. } => Error::answer(action, host, problem.to_string()),
        other => Error::Setup { source: Arc::new(other) },
    }
}
