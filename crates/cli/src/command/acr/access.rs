//! Makes the client of Alibaba Cloud's API, from the command line and the config.

use std::sync::Arc;

use endpoints::{AcrAccess, AcrSettings};

use super::namespace::NamespaceName;
use crate::args::AcrRegistryArgs;
use crate::command::refuse::refuse;
use crate::command::resolve::transport;
use crate::config::{self, ConfigError, environment};

/// The client of the API behind a registry. The error is the exit status for a config that cannot be used.
pub(super) fn access(
    args: &AcrRegistryArgs,
    namespace: Option<&NamespaceName>,
) -> Result<Arc<AcrAccess>, u8> {
    let found = transport().and_then(|transport| {
        let given = AcrSettings {
            instance: args.instance.clone(),
            region: args.region.clone(),
            endpoint: args.endpoint.clone(),
        };
        let path = namespace.map_or("any", NamespaceName::as_str);
        let path = format!("{path}/any").parse().expect("a namespace's name is a component of names");
        let host = (&args.host, &path);
        config::alibaba(args.config.as_deref(), host, given, &args.reach, &transport, &environment)
    });
    found.map_err(|errors: Vec<ConfigError>| refuse(&errors))
}
