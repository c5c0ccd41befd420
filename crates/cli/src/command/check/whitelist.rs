//! Checks, by the instance's API, whether an instance that refuses connections accepts any from the Internet.

use providers::alibaba::InstanceEndpoint;

use super::cloud::is_vpc;
use super::finding::{Finding, Step};
use super::limit::within;
use crate::config::KnownRegistry;
use crate::diagnostic::with_sources;

/// Asks the API, if the registry has one and its endpoint is on the Internet.
pub(super) async fn look(known: &KnownRegistry) -> Option<Finding> {
    let host = known.registry.host();
    let access = known.registry_api.acr()?;
    if is_vpc(host) {
        return None;
    }
    let ask = async {
        let Some(acr) = access.acr().await? else { return Ok(None) };
        acr.internet_endpoint().await.map(Some)
    };
    match within(ask).await? {
        Ok(endpoint) => Some(judge(host.as_str(), endpoint?.as_ref())),
        Err(error) => Some(
            Finding::warning(host.as_str(), Step::Whitelist, "the instance's whitelist cannot be looked at")
                .why(with_sources(&error)),
        ),
    }
}

/// The entry that Alibaba adds when it opens an endpoint.
const OWN_ENTRY: &str = "127.0.0.1/32";

fn judge(place: &str, endpoint: Option<&InstanceEndpoint>) -> Finding {
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.is_enabled()) else {
        return Finding::problem(place, Step::Whitelist, "the instance's Internet access is off")
            .why("GetInstanceEndpoint: Enable is false")
            .next("enable it in the console (Repositories, Access Control, Internet), or use the -vpc endpoint from inside the VPC");
    };
    if !endpoint.is_restricted() {
        return Finding::ok(
            place,
            Step::Whitelist,
            "the instance lets every address in: something else is in the way",
        );
    }
    let entries: Vec<_> = endpoint.acl.iter().map(|entry| entry.entry.as_str()).collect();
    let shown = entries.join(", ");
    let what = if entries.iter().all(|entry| *entry == OWN_ENTRY) {
        "the instance's whitelist lets nobody in"
    } else {
        "the instance's whitelist lets only some addresses in"
    };
    Finding::problem(place, Step::Whitelist, what)
        .why(format!("GetInstanceEndpoint: AclEntries {shown}"))
        .next("add this machine's public address to it: `image-syncer acr setup` does so")
}
