//! Instances: their state, their quota, and which there are.

use serde::Deserialize;

use super::answer::{Page, Pages, list, number, text};
use super::{Acr, LIST_PAGE_SIZE, read};
use crate::alibaba::error::Error;
use crate::alibaba::open_api::OpenApi;

/// An instance and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Its name, the first part of its host names.
    #[serde(default, rename = "InstanceName", deserialize_with = "text")]
    pub name: String,
    /// `RUNNING`, `PENDING`, `STOPPED` and so on.
    #[serde(default, rename = "InstanceStatus", deserialize_with = "text")]
    pub status: String,
    /// What is wrong with it, such as `OSS_…`; empty if nothing is.
    #[serde(default, rename = "InstanceIssue", deserialize_with = "text")]
    pub issue: String,
    /// `Enterprise_Basic` and so on.
    #[serde(default, rename = "InstanceSpecification", deserialize_with = "text")]
    pub specification: String,
}

/// How many of something there may be and are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many there may be.
    pub limit: u64,
    /// How many there are.
    pub used: u64,
}

/// How full an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceUsage {
    /// Namespaces.
    pub namespaces: Quota,
    /// Repositories.
    pub repositories: Quota,
    /// Linked networks.
    pub networks: Quota,
}

/// An instance in a listing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InstanceSummary {
    /// Its id, see [`InstanceId`](crate::alibaba::InstanceId).
    #[serde(rename = "InstanceId")]
    pub id: String,
    /// Its name.
    #[serde(default, rename = "InstanceName", deserialize_with = "text")]
    pub name: String,
    /// `RUNNING` and so on.
    #[serde(default, rename = "InstanceStatus", deserialize_with = "text")]
    pub status: String,
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAnswer {
    #[serde(default, deserialize_with = "list")]
    instances: Vec<InstanceSummary>,
    #[serde(default, deserialize_with = "number")]
    total_count: u64,
}

impl Quota {
    /// How many more there may be.
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

/// `ListInstance`: all instances of a region.
pub async fn list_instances(api: &OpenApi) -> Result<Vec<InstanceSummary>, Error> {
    let action = "ListInstance";
    let mut pages = Pages::new();
    loop {
        let (number, size) = (pages.next.to_string(), LIST_PAGE_SIZE.to_string());
        let json = api.rpc(action, &[("PageNo", &number), ("PageSize", &size)]).await?;
        let answer: ListAnswer = read(api, action, json)?;
        if pages.take(Page { entries: answer.instances, total: answer.total_count }) {
            return Ok(pages.entries);
        }
    }
}

/// The instance of a region with exactly this name.
pub async fn find_instance(api: &OpenApi, name: &str) -> Result<Option<InstanceSummary>, Error> {
    Ok(list_instances(api).await?.into_iter().find(|instance| instance.name == name))
}
