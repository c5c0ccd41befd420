//! Shared helpers of the Harbor tests.

use oci::{Digest, RepositoryName, Tag};
use providers::harbor::{Artifact, Error, Harbor, Project, RepositoryPages};
use registry::{Credentials, HostClient, Login, Registry, Security, Settings, Transport};
use testkit::HarborBench;
use url::Url;

/// The client and the address in the same way as the program: from the registry's own settings.
pub(crate) async fn reached(host: &str) -> (HostClient, Url) {
    let settings = Settings {
        login: Login::Anonymous,
        security: Security::INSECURE,
        ..Settings::new(host.parse().unwrap())
    };
    Registry::new(settings, Transport::new("image-syncer/test", &[]).unwrap()).host_client().await.unwrap()
}

/// Logs in at a bench.
pub(crate) async fn connect(bench: &HarborBench, login: Option<(&str, &str)>) -> Result<Harbor, Error> {
    let (client, base) = reached(&bench.host()).await;
    let login = login.map(|(user, password)| Credentials::new(user, password.to_owned().into()));
    Harbor::connect(client, &base, login.as_ref()).await
}

/// Logs in as the administrator, and empties the request log.
pub(crate) async fn administrator(bench: &HarborBench) -> Harbor {
    let harbor = connect(bench, Some(HarborBench::ADMINISTRATOR)).await.unwrap();
    bench.forget_requests();
    harbor
}

pub(crate) async fn project(harbor: &Harbor, name: &str) -> Project {
    harbor.project(&name.parse().unwrap()).await.unwrap().unwrap()
}

/// All entries of the pages, and the size of each page.
pub(crate) async fn all(mut pages: RepositoryPages) -> (Vec<RepositoryName>, Vec<usize>) {
    let (mut names, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.len());
        names.extend(page);
    }
    assert!(pages.invalid().is_empty());
    (names, sizes)
}

pub(crate) fn texts(names: &[RepositoryName]) -> Vec<&str> {
    names.iter().map(RepositoryName::as_str).collect()
}

/// The tags of a repository with their digests, page by page.
pub(crate) async fn tag_pages(harbor: &Harbor, repository: &str) -> Result<Vec<Vec<(Tag, Digest)>>, Error> {
    let (mut artifacts, mut pages) = (harbor.artifacts(&repository.parse().unwrap()), Vec::new());
    while let Some(page) = artifacts.next().await? {
        let tags = |artifact: Artifact| {
            let digest = artifact.digest;
            artifact.tags.into_iter().map(move |tag| (tag.tag, digest.clone()))
        };
        pages.push(page.into_iter().flat_map(tags).collect());
    }
    Ok(pages)
}
