//! Broken answers, and proxies between us and Harbor.

use std::time::Duration;

use oci::ErrorKind;
use providers::harbor::refusal::{Reason, explain};
use providers::harbor::{Error, Harbor};
use registry::{Access, Login, Registry, Security, Settings, Transport};
use testkit::seed::{Flavour, Image};
use testkit::{CannedAnswer, DockerRegistry, HarborBench};

use crate::harbor_support::{administrator, connect, project, reached, tag_pages, texts};

fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> CannedAnswer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    CannedAnswer { status, body: body.to_owned(), headers }
}

async fn listed(harbor: &Harbor) -> Error {
    harbor.projects().next().await.unwrap_err()
}

#[tokio::test]
async fn a_plain_registry_is_no_harbor() {
    let registry = DockerRegistry::open().await.unwrap();
    let (client, base) = reached(&registry.host()).await;
    registry.forget_requests();
    let login = registry::Credentials::new("admin", "secret".to_owned().into());
    let error = Harbor::connect(client, &base, Some(&login)).await.err().unwrap();
    assert!(matches!(error, Error::NotHarbor { .. }), "{error:?}");
    assert_eq!(registry.requests(), ["GET /api/version 404", "GET /api/systeminfo 404"]);
}

#[tokio::test]
async fn web_pages_are_no_harbor_and_no_list() {
    let bench = HarborBench::start().await.unwrap();
    let page = answer(200, "<html>Sign in</html>", &[("content-type", "text/html; charset=utf-8")]);
    bench.answer_next(2, &page);
    assert!(matches!(connect(&bench, None).await.err().unwrap(), Error::NotHarbor { .. }));
    let elsewhere = answer(302, "", &[("location", "https://login.example/")]);
    bench.answer_next(2, &elsewhere);
    assert!(matches!(connect(&bench, None).await.err().unwrap(), Error::NotHarbor { .. }));

    let harbor = administrator(&bench).await;
    bench.answer_next(1, &page);
    assert!(matches!(listed(&harbor).await, Error::WebPage { .. }));
    bench.answer_next(1, &elsewhere);
    let error = listed(&harbor).await;
    assert!(error.to_string().contains("the login would go to another server"), "{error}");
}

#[tokio::test]
async fn waits_and_reasons_are_told() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    bench.answer_next(1, &answer(429, "slow down", &[("retry-after", "7")]));
    let limited = listed(&harbor).await;
    assert_eq!(
        (limited.kind(), limited.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(7)))
    );
    assert!(limited.is_retryable());

    bench.answer_next(1, &answer(502, "<html>502</html>", &[("content-type", "text/html")]));
    let unavailable = listed(&harbor).await;
    assert_eq!((unavailable.kind(), unavailable.is_retryable()), (ErrorKind::Unavailable, true));

    let body = r#"{"errors":[{"code":"UNKNOWN","message":"database is gone"}]}"#;
    bench.answer_next(1, &answer(500, body, &[("x-request-id", "4711")]));
    let unknown = listed(&harbor).await;
    let refusal = unknown.refusal().unwrap();
    assert_eq!((refusal.errors[0].code.as_str(), refusal.request_id.as_deref()), ("UNKNOWN", Some("4711")));
    assert!(unknown.to_string().contains("database is gone"));

    bench.answer_next(1, &answer(422, r#"{"errors":[{"code":"UNPROCESSABLE_ENTITY","message":"q"}]}"#, &[]));
    assert!(!listed(&harbor).await.is_retryable());
    bench.answer_next(1, &answer(200, "[{", &[]));
    assert_eq!(listed(&harbor).await.kind(), ErrorKind::Protocol);
    assert_eq!(harbor.projects().next().await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn a_failed_page_can_be_asked_for_again() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    let mut pages = harbor.projects();
    bench.answer_next(1, &answer(503, "", &[]));
    assert!(pages.next().await.unwrap_err().is_retryable());
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 1);
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_page_for_ever_is_an_error() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    let entries: Vec<String> =
        (1..=100).map(|number| format!(r#"{{"project_id":{number},"name":"p{number}"}}"#)).collect();
    bench.answer_next(2, &answer(200, &format!("[{}]", entries.join(",")), &[]));
    let mut pages = harbor.projects();
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 100);
    assert_eq!(pages.next().await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_proxy_that_decodes_names_is_told() {
    let bench = HarborBench::builder().decoding_proxy().start().await.unwrap();
    let image = Image::new(Flavour::Oci);
    bench.pusher().image("library/a/b", "v1", &image).await.unwrap();
    bench.pusher().image("library/app", "v1", &image).await.unwrap();
    let harbor = administrator(&bench).await;
    let error = tag_pages(&harbor, "library/a/b").await.unwrap_err();
    assert!(matches!(error, Error::EncodedName { .. }), "{error:?}");
    assert_eq!(error.refusal().unwrap().status.as_u16(), 404);
    let flat = tag_pages(&harbor, "library/app").await.unwrap().concat();
    assert_eq!(flat.len(), 1, "names without a slash get through");
    let bare = tag_pages(&harbor, "app").await.unwrap_err();
    assert!(matches!(bare, Error::NoProject { .. }));
}

/// [`explain`] understands the errors of the protocol's client.
#[tokio::test]
async fn refusals_of_pulls_are_explained() {
    let bench = HarborBench::start().await.unwrap();
    bench.pusher().image("library/app", "v1", &Image::new(Flavour::Oci)).await.unwrap();
    bench.add_project("team");
    bench.forbid_pulls("library/app");
    let (user, secret) = HarborBench::ROBOT;
    let login = Login::User(registry::Credentials::new(user, secret.to_owned().into()));
    let host = bench.host().parse().unwrap();
    let settings = Settings { login, security: Security::INSECURE, ..Settings::new(host) };
    let registry = Registry::new(settings, Transport::new("image-syncer/test", &[]).unwrap());
    let reason = async |repository: &str| {
        let repository = registry.repository(&repository.parse().unwrap(), Access::Pull);
        let tag = oci::TagOrDigest::Tag("v1".parse().unwrap());
        match repository.pull_manifest(&tag).await.unwrap_err() {
            registry::Error::Refused(refusal) => explain(&refusal).map(|explanation| explanation.reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason("library/app").await, Some(Reason::Policy));
    assert_eq!(reason("team/app").await, Some(Reason::NoPull));
}

#[tokio::test]
async fn p4_an_odd_entry_of_a_list_costs_no_other_and_is_told() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    let library = project(&harbor, "library").await;
    bench.answer_next(1, &answer(200, r#"[{"name":"library/a"},null,{"name":7},{"name":"library/b"}]"#, &[]));
    let mut pages = harbor.repositories(&library);
    let names = pages.next().await.unwrap().unwrap();
    assert_eq!(texts(&names), ["library/a", "library/b"]);
    assert_eq!(pages.invalid(), ["null", r#"{"name":7}"#]);
}
