//! Instances: their state and their quota.

use serde::Deserialize;

use super::Acr;
use super::answer::{number, text};
use crate::alibaba::error::Error;

/// An instance and its state.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Its name, the first part of its host names.
    #[serde(default, rename = "InstanceName", deserialize_with = "text")]
    pub name: String,
    /// `RUNNING`, `PENDING`, `STOPPED` and so on.
    #[serde(default, rename = "InstanceStatus", deserialize_with = "text")]
    pub status: String,
    /// The instance's problem, such as `OSS_…`; empty if there is none.
    #[serde(default, rename = "InstanceIssue", deserialize_with = "text")]
    pub issue: String,
    /// `Enterprise_Basic` and so on.
    #[serde(default, rename = "InstanceSpecification", deserialize_with = "text")]
    pub specification: String,
}

/// A quota and its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most that are allowed.
    pub limit: u64,
    /// How many exist.
    pub used: u64,
}

/// The usage of an instance's quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceUsage {
    /// Namespaces.
    pub namespaces: Quota,
    /// Repositories.
    pub repositories: Quota,
    /// Linked networks.
    pub networks: Quota,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsageAnswer {
    #[serde(default, deserialize_with = "number")]
    namespace_quota: u64,
    #[serde(default, deserialize_with = "number")]
    namespace_usage: u64,
    #[serde(default, deserialize_with = "number")]
    repo_quota: u64,
    #[serde(default, deserialize_with = "number")]
    repo_usage: u64,
    #[serde(default, deserialize_with = "number")]
    vpc_quota: u64,
    #[serde(default, deserialize_with = "number")]
    vpc_usage: u64,
}

impl Quota {
    /// How many more are allowed.
    pub fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl Acr {
    /// `GetInstance`; `None` if there is no such instance.
    pub async fn instance(&self) -> Result<Option<Instance>, Error> {
        self.look("GetInstance", &[]).await
    }

    /// `GetInstanceUsage`.
    pub async fn usage(&self) -> Result<InstanceUsage, Error> {
        let action = "GetInstanceUsage";
        let answer: UsageAnswer = self.read(action, self.ask(action, &[]).await?)?;
        Ok(InstanceUsage {
            namespaces: Quota { limit: answer.namespace_quota, used: answer.namespace_usage },
            repositories: Quota { limit: answer.repo_quota, used: answer.repo_usage },
            networks: Quota { limit: answer.vpc_quota, used: answer.vpc_usage },
        })
    }
}
