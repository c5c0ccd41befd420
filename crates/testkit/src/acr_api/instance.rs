//! An Enterprise Edition instance and its content.

use std::collections::BTreeMap;

/// An instance. Tests can read all of it.
#[derive(Clone, Debug)]
pub struct AcrInstance {
    /// Its id, `cri-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `RUNNING` and so on.
    pub status: String,
    /// The maximum number of namespaces.
    pub namespace_quota: usize,
    /// The maximum number of repositories.
    pub repository_quota: usize,
    /// Namespaces by name, with the parameters of their creation.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Repositories by namespace and name.
    pub repositories: BTreeMap<(String, String), AcrRepository>,
    /// The addresses that may connect from the Internet, each with a comment.
    pub acl: Vec<(String, String)>,
    /// Host names of the endpoint, besides the instance's own.
    pub domains: Vec<String>,
}

/// A repository.
#[derive(Clone, Debug, Default)]
pub struct AcrRepository {
    /// `PUBLIC` or `PRIVATE`.
    pub kind: String,
    /// Tags and their digests, in hex, without the algorithm.
    pub tags: Vec<(String, String)>,
}

impl AcrInstance {
    /// A running, empty instance, whose address list has only the entry that Alibaba creates.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            status: "RUNNING".to_owned(),
            namespace_quota: 15,
            repository_quota: 1000,
            namespaces: BTreeMap::new(),
            repositories: BTreeMap::new(),
            acl: vec![("127.0.0.1/32".to_owned(), String::new())],
            domains: Vec::new(),
        }
    }

    /// Adds a namespace in which pushes create repositories (`auto_create` is `true`) or do not.
    #[must_use]
    pub fn namespace(mut self, name: &str, auto_create: &str) -> Self {
        let parameters = [("AutoCreateRepo", auto_create), ("DefaultRepoType", "PRIVATE")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.namespaces.insert(name.to_owned(), BTreeMap::from(parameters));
        self
    }

    /// Adds a repository with these tags; digests are hex.
    #[must_use]
    pub fn repository(mut self, namespace: &str, name: &str, tags: Vec<(String, String)>) -> Self {
        let repository = AcrRepository { kind: "PRIVATE".to_owned(), tags };
        self.repositories.insert((namespace.to_owned(), name.to_owned()), repository);
        self
    }

    /// Adds a host name, as users give them to their instances.
    #[must_use]
    pub fn domain(mut self, host: &str) -> Self {
        self.domains.push(host.to_owned());
        self
    }
}
