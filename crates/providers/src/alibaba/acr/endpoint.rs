//! An instance's public endpoint: the addresses that may connect.
//!
//! Entries are only ever added: a list without entries allows all addresses.

use serde::Deserialize;

use super::Acr;
use super::answer::{list, text, truth};
use crate::alibaba::error::Error;

const INTERNET: [(&str, &str); 2] = [("EndpointType", "internet"), ("ModuleName", "Registry")];

/// The public endpoint of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InstanceEndpoint {
    #[serde(default, rename = "Enable", deserialize_with = "truth")]
    enabled: bool,
    #[serde(default, rename = "AclEnable", deserialize_with = "truth")]
    acl_enabled: bool,
    /// The addresses that may connect, if it [is restricted](Self::is_restricted).
    #[serde(default, rename = "AclEntries", deserialize_with = "list")]
    pub acl: Vec<AclEntry>,
    /// `CREATING`, `RUNNING` or `DELETING`.
    #[serde(default, rename = "Status", deserialize_with = "text")]
    pub status: String,
}

/// An entry of the list of allowed addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AclEntry {
    /// An address range, such as `192.0.2.1/32`.
    #[serde(default, rename = "Entry", deserialize_with = "text")]
    pub entry: String,
    /// A comment on the entry.
    #[serde(default, rename = "Comment", deserialize_with = "text")]
    pub comment: String,
}

impl InstanceEndpoint {
    /// Whether it is enabled.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether only the addresses of [`acl`](Self::acl) may connect.
    pub fn is_restricted(&self) -> bool {
        self.acl_enabled && !self.acl.is_empty()
    }
}

impl Acr {
    /// `GetInstanceEndpoint` for the Internet; `None` if it never existed.
    pub async fn internet_endpoint(&self) -> Result<Option<InstanceEndpoint>, Error> {
        self.look("GetInstanceEndpoint", &INTERNET).await
    }

    /// `CreateInstanceEndpointAclPolicy`: allows the addresses `entry` (`192.0.2.1/32`) to connect from the Internet.
    pub async fn allow_addresses(&self, entry: &str, comment: &str) -> Result<(), Error> {
        let [kind, module] = INTERNET;
        self.make("CreateInstanceEndpointAclPolicy", &[kind, module, ("Entry", entry), ("Comment", comment)])
            .await
    }
}
