//! An Enterprise Edition instance and what is in it.

use std::collections::BTreeMap;

/// An instance. Everything in it can be looked at.
#[derive(Clone, Debug)]
pub struct AcrInstance {
    /// Its id, `cri-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `RUNNING` and so on.
    pub status: String,
    /// How many namespaces there may be.
    pub namespace_quota: usize,
    /// How many repositories there may be.
    pub repository_quota: usize,
    /// Namespaces by name, with the parameters that they were made with.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Repositories by namespace and name.
    pub repositories: BTreeMap<(String, String), AcrRepository>,
    /// Which addresses may come in from the Internet, with a comment each.
    pub acl: Vec<(String, String)>,
    /// Host names of the endpoint, beside the instance's own.
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
    /// A running instance with nothing in it, whose list of addresses has only the one that Alibaba puts there.
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

    /// With a namespace where pushes make repositories (`auto_create` is `true`) or do not.
    #[must_use]
    pub fn namespace(mut self, name: &str, auto_create: &str) -> Self {
        let parameters = [("AutoCreateRepo", auto_create), ("DefaultRepoType", "PRIVATE")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.namespaces.insert(name.to_owned(), BTreeMap::from(parameters));
        self
    }

    /// With a repository that has these tags; digests are hex.
    #[must_use]
    pub fn repository(mut self, namespace: &str, name: &str, tags: Vec<(String, String)>) -> Self {
        let repository = AcrRepository { kind: "PRIVATE".to_owned(), tags };
        self.repositories.insert((namespace.to_owned(), name.to_owned()), repository);
        self
    }

    /// With one more host name, as users give them to their instances.
    #[must_use]
    pub fn domain(mut self, host: &str) -> Self {
        self.domains.push(host.to_owned());
        self
    }
}
