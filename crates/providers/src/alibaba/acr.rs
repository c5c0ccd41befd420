//! Reads and changes an instance of ACR's Enterprise Edition.
//!
//! Spec: the API reference of Container Registry, version 2018-12-01. A namespace, a repository or an instance that
//! does not exist is an answer, not an error.

mod answer;
mod endpoint;
mod instance;
mod namespace;
mod repository;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Error, ErrorKind};
use super::name::InstanceId;
use super::open_api::OpenApi;

pub use answer::Page;
pub use endpoint::{AclEntry, InstanceEndpoint};
pub use instance::{Instance, InstanceUsage, Quota};
pub use namespace::{AutoCreateRepository, ImmutableTags, Namespace, NamespaceSettings, RepositoryType};
pub use repository::{ListedTag, Repository};

/// Parses an answer as each kind of list.
pub(super) fn read_anything(json: &Value) {
    let _ = InstanceEndpoint::deserialize(json);
    if let Ok(listed) = repository::RepositoriesAnswer::deserialize(json) {
        drop(listed.page());
    }
    if let Ok(listed) = repository::TagsAnswer::deserialize(json) {
        drop(listed.page());
    }
}

/// The most entries of a page.
pub const LIST_PAGE_SIZE: u32 = 100;

/// One instance, through its region's API.
#[derive(Clone)]
pub struct Acr {
    api: OpenApi,
    instance: InstanceId,
}

impl Acr {
    /// The instance `instance`; `api` is of its region.
    pub fn new(api: OpenApi, instance: InstanceId) -> Self {
        Self { api, instance }
    }

    /// The instance's id.
    pub fn instance_id(&self) -> &InstanceId {
        &self.instance
    }

    async fn ask(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Value, Error> {
        let mut all = vec![("InstanceId", self.instance.as_str())];
        all.extend_from_slice(parameters);
        self.api.rpc(action, &all).await
    }

    /// The typed answer; `None` if the object does not exist.
    async fn look<T: DeserializeOwned>(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<T>, Error> {
        match self.ask(action, parameters).await {
            Ok(json) => self.read(action, json).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object; an existing one is no error.
    async fn make(&self, action: &str, parameters: &[(&str, &str)]) -> Result<(), Error> {
        match self.ask(action, parameters).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn read<T: DeserializeOwned>(&self, action: &str, json: Value) -> Result<T, Error> {
        read(&self.api, action, json)
    }

    fn missing(&self, action: &str, what: &str) -> Error {
        Error::answer(
            action,
            &self.api.endpoint().authority(),
            format!("{what} is not there although it was just made"),
        )
    }
}

/// Parses an answer. Its text stays out of the error.
fn read<T: DeserializeOwned>(api: &OpenApi, action: &str, json: Value) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "a field is missing or of another type",
            _ => "it is not JSON",
        };
        Error::answer(action, &api.endpoint().authority(), what)
    })
}
