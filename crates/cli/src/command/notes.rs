//! Registries' warnings, and behaviour that their users should know of.

use std::collections::BTreeSet;
use std::net::IpAddr;

use registry::Registry;

/// Registries' warnings, and behaviour that their users should know of.
pub(super) fn notes(registries: &[Registry]) -> Vec<String> {
    let unencrypted = unencrypted_logins(registries)
        .into_iter()
        .map(|host| format!("{host} does not speak TLS, so its login went over the network unencrypted"));
    let warned: BTreeSet<_> = registries
        .iter()
        .flat_map(|registry| {
            registry.warnings().into_iter().map(move |text| (registry.host().as_str(), text))
        })
        .collect();
    unencrypted.chain(warned.into_iter().map(|(host, text)| format!("{host} warns: {text}"))).collect()
}

/// `insecure` allows plain HTTP, but its user may not know that the login is sent unencrypted.
fn unencrypted_logins(registries: &[Registry]) -> BTreeSet<&str> {
    let told = registries.iter().filter(|registry| registry.is_unencrypted() && registry.has_login());
    let remote = told.filter(|registry| !is_loopback(registry.host().host_name()));
    remote.map(|registry| registry.host().as_str()).collect()
}

pub(super) fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
