//! Registries that hide content from anonymous requests, and do not ask for a login.

use base64::Engine as _;
use registry::{Access, Error, LoginSent, Registry};

use crate::bench::{client, tag};
use crate::small_server::{Asked, hiding};

const USER: (&str, &str) = ("robot", "hunter2");

fn login() -> &'static str {
    base64::engine::general_purpose::STANDARD.encode("robot:hunter2").leak()
}

async fn look(registry: &Registry, name: &str) -> Result<bool, Error> {
    let repository = registry.repository(&name.parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.map(|found| found.is_some())
}

/// The requests without pings, and whether each carried a login.
fn logins(asked: &Asked) -> Vec<bool> {
    let lines = asked.lines().into_iter().filter(|line| !line.contains(" /v2/ "));
    lines.map(|line| line.contains("authorization")).collect()
}

#[tokio::test]
async fn p12_a_login_is_shown_to_who_hides_things_from_strangers_and_then_goes_along() {
    for stranger in ["404 Not Found", "403 Forbidden", "401 Unauthorized"] {
        let (host, asked) = hiding(stranger, login(), "200 OK");
        let registry = client(&host, Some(USER));
        assert!(look(&registry, "a/app").await.unwrap(), "{stranger}");
        assert!(look(&registry, "a/other").await.unwrap());
        assert_eq!(logins(&asked), [false, true, true], "{stranger}: {:?}", asked.lines());
    }
}

#[tokio::test]
async fn p12_what_is_not_there_costs_an_open_registry_one_request_more_in_all() {
    let (host, asked) = hiding("404 Not Found", login(), "404 Not Found");
    let registry = client(&host, Some(USER));
    for name in ["a/one", "a/two", "a/three"] {
        assert!(!look(&registry, name).await.unwrap());
    }
    assert_eq!(logins(&asked), [false, true, true, true], "{:?}", asked.lines());
}

#[tokio::test]
async fn p12_a_login_that_an_open_registry_does_not_know_does_no_harm() {
    let (host, asked) = hiding("404 Not Found", "another", "200 OK");
    let registry = client(&host, Some(USER));
    for name in ["a/one", "a/two", "a/three"] {
        assert!(!look(&registry, name).await.unwrap());
    }
    assert_eq!(logins(&asked), [false, true, false, false], "{:?}", asked.lines());
}

#[tokio::test]
async fn p12_the_error_tells_whether_a_login_was_sent() {
    let sent = async |login: Option<(&str, &str)>| {
        let (host, _) = hiding("403 Forbidden", "another", "200 OK");
        match look(&client(&host, login), "a/app").await.unwrap_err() {
            Error::Refused(refusal) => refusal.answered.login,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sent(None).await, LoginSent::No);
    assert_eq!(sent(Some(USER)).await, LoginSent::Yes);
}
