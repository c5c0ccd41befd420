//! Logins at Harbor's API, and the headers of requests.

use oci::ErrorKind;
use providers::harbor::{Error, Harbor, Visibility, WriteMode};
use registry::Credentials;
use testkit::{HarborBench, TokenUser};

use crate::harbor_support::{administrator, connect, project, reached};

#[tokio::test]
async fn a_wrong_password_is_told_although_harbor_answers() {
    let bench = HarborBench::start().await.unwrap();
    bench.publish_project("library");
    let error = connect(&bench, Some(("admin", "hunter2"))).await.err().unwrap();
    assert!(matches!(&error, Error::LoginIgnored { user, .. } if user == "admin"), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!error.is_retryable());
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let expected = ["GET /api/version 200", "GET /api/v2.0/systeminfo 200"];
    assert_eq!(bench.requests_under("/api/"), expected, "public projects are not taken for all projects");
}

#[tokio::test]
async fn p23_a_token_is_no_password_for_the_api() {
    let bench = HarborBench::start().await.unwrap();
    let (client, base) = reached(&bench.host()).await;
    for token in
        [Credentials::identity_token("hunter2".into()), Credentials::registry_token("hunter2".into())]
    {
        let error = Harbor::connect(client.clone(), &base, Some(&token)).await.err().unwrap();
        assert!(matches!(error, Error::TokenOnly { .. }), "{error:?}");
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthorized, false));
        assert!(error.to_string().contains("user and password") && !format!("{error:?}").contains("hunter2"));
    }
    assert!(bench.requests_under("/api/").is_empty(), "nothing is sent that cannot be right");
}

#[tokio::test]
async fn strangers_see_public_projects() {
    let bench = HarborBench::start().await.unwrap();
    bench.add_project("open");
    bench.publish_project("open");
    let harbor = connect(&bench, None).await.unwrap();
    let page = harbor.projects().next().await.unwrap().unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].visibility, Visibility::Public);
    let refused = harbor.project(&"library".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    assert_eq!(harbor.system_info().await.unwrap().write_mode, None);
}

#[tokio::test]
async fn robots_see_their_project_alone() {
    let bench = HarborBench::start().await.unwrap();
    bench.add_project("team");
    let robot = connect(&bench, Some(HarborBench::ROBOT)).await.unwrap();
    let page = robot.projects().next().await.unwrap().unwrap();
    assert_eq!(page.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(), ["library"]);
    let refused = robot.project(&"team".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn cookies_are_not_sent_back() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    project(&harbor, "library").await;
    // With a cookie Harbor would want a CSRF token for this.
    harbor.create_project(&"mirror".parse().unwrap(), Visibility::Private).await.unwrap();
    assert_eq!((bench.requests().len(), bench.returned_cookies()), (2, 0));
    assert_eq!(bench.last_api_header("accept-encoding").as_deref(), Some("identity"));
}

#[tokio::test]
async fn the_login_is_kept_until_harbor_is_known() {
    let user = TokenUser::new("someone", "secret").grant("library/*", &["pull"]);
    let bench = HarborBench::builder().user(user).start().await.unwrap();
    let harbor = connect(&bench, Some(("someone", "secret"))).await.unwrap();
    assert!(bench.last_api_header("authorization").unwrap().starts_with("Basic "));
    bench.make_read_only();
    let info = harbor.system_info().await.unwrap();
    assert_eq!(info.write_mode, Some(WriteMode::ReadOnly));
    assert_eq!(info.harbor_version.as_deref(), Some("v2.16.0-bench"));
    let stranger = HarborBench::builder().version_one().start().await.unwrap();
    connect(&stranger, Some(("someone", "secret"))).await.unwrap();
    assert_eq!(stranger.last_api_header("authorization"), None, "the probe has no login");
}
