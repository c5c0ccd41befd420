//! Reads an instance, and changes it.

use providers::alibaba::{Acr, AutoCreateRepository, NamespaceSettings, Quota, RepositoryType};
use testkit::{AcrApi, AcrInstance};

use super::{INSTANCE, api, server};

fn acr(server: &AcrApi) -> Acr {
    Acr::new(api(server), INSTANCE.parse().unwrap())
}

fn hex(number: usize) -> String {
    format!("{number:064x}")
}

#[tokio::test]
async fn instance_quota_and_endpoint() {
    let server = server().await;
    assert_eq!(acr(&server).instance().await.unwrap(), None);
    server.add_instance(AcrInstance::new(INSTANCE, "test").namespace("mirror", "true"));
    let acr = acr(&server);
    let instance = acr.instance().await.unwrap().unwrap();
    assert_eq!((instance.name.as_str(), instance.status.as_str()), ("test", "RUNNING"));
    assert_eq!(instance.issue, "");
    let usage = acr.usage().await.unwrap();
    assert_eq!(usage.namespaces, Quota { limit: 15, used: 1 });
    assert_eq!(usage.namespaces.left(), 14);
    let endpoint = acr.internet_endpoint().await.unwrap().unwrap();
    assert!(endpoint.is_enabled() && endpoint.is_restricted());
    assert_eq!(endpoint.acl[0].entry, "127.0.0.1/32");
}

#[tokio::test]
async fn namespaces_are_made_once() {
    let server = server().await;
    server.add_instance(AcrInstance::new(INSTANCE, "test"));
    let acr = acr(&server);
    assert_eq!(acr.namespace("mirror").await.unwrap(), None);
    let made = acr.create_namespace("mirror", NamespaceSettings::default()).await.unwrap();
    assert_eq!(made.auto_create, AutoCreateRepository::Enabled);
    assert_eq!((made.repository_type, made.status.as_str()), (Some(RepositoryType::Private), "NORMAL"));
    let configuration = &server.instance(INSTANCE).unwrap().namespaces["mirror"]["DefaultRepoConfiguration"];
    assert_eq!(configuration, r#"{"RepoType":"PRIVATE","TagImmutability":false}"#);

    let closed =
        NamespaceSettings { auto_create: AutoCreateRepository::Disabled, ..NamespaceSettings::default() };
    let again = acr.create_namespace("mirror", closed).await.unwrap();
    assert_eq!(again, made, "one that is there is left as it is");
}

#[tokio::test]
async fn repositories_are_made_once() {
    let server = server().await;
    server.add_instance(AcrInstance::new(INSTANCE, "test").namespace("mirror", "false"));
    let acr = acr(&server);
    assert_eq!(acr.repository("mirror", "app").await.unwrap(), None);
    let made = acr.create_repository("mirror", "app", RepositoryType::Private).await.unwrap();
    assert_eq!((made.namespace.as_str(), made.name.as_str()), ("mirror", "app"));
    assert_eq!(acr.create_repository("mirror", "app", RepositoryType::Public).await.unwrap(), made);
    acr.create_repository("missing", "app", RepositoryType::Private).await.unwrap_err();
}

#[tokio::test]
async fn a_hundred_tags_cost_one_request() {
    let server = server().await;
    let tags = |count| (0..count).map(|number| (format!("v{number}"), hex(number))).collect();
    let instance = AcrInstance::new(INSTANCE, "test").namespace("mirror", "true");
    let instance = (0..101).fold(instance, |instance, number| {
        instance.repository("mirror", &format!("app{number:03}"), Vec::new())
    });
    server.add_instance(instance.repository("mirror", "many", tags(250)).repository(
        "other",
        "app",
        Vec::new(),
    ));
    let acr = acr(&server);
    let repositories = acr.repositories("mirror").await.unwrap().entries;
    assert_eq!(repositories.len(), 102);
    assert_eq!(server.calls("ListRepository"), 2);
    let many = repositories.iter().find(|repository| repository.name == "many").unwrap();
    let tags = acr.tags(&many.id).await.unwrap();
    assert_eq!(tags.len(), 250);
    assert_eq!(server.calls("ListRepoTag"), 3);
    assert_eq!(tags[7].tag, "v7");
    assert_eq!(tags[7].digest.as_ref().unwrap().to_string(), format!("sha256:{}", hex(7)));
    let sizes: Vec<_> = server
        .requests()
        .iter()
        .filter_map(|request| request.parameter("PageSize").map(str::to_owned))
        .collect();
    assert!(sizes.iter().all(|size| size == "100"), "{sizes:?}");
    assert!(acr.tags(&repositories[0].id).await.unwrap().is_empty());
}

#[tokio::test]
async fn addresses_are_added_and_none_is_taken_away() {
    let server = server().await;
    server.add_instance(AcrInstance::new(INSTANCE, "test"));
    let acr = acr(&server);
    acr.allow_addresses("192.0.2.1/32", "image-syncer").await.unwrap();
    acr.allow_addresses("192.0.2.1/32", "image-syncer").await.unwrap();
    let acl = acr.internet_endpoint().await.unwrap().unwrap().acl;
    let entries: Vec<_> = acl.iter().map(|entry| entry.entry.as_str()).collect();
    assert_eq!(entries, ["127.0.0.1/32", "192.0.2.1/32"]);
    acr.allow_addresses("192.0.2.1", "").await.unwrap_err();
}
