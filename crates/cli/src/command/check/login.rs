//! Checks the login: which one is used, where it comes from, and which server refuses it.

use oci::ErrorKind;
use providers::alibaba::{self, CredentialOrigin};
use registry::{Error, LoginSearch};

use super::finding::{Finding, Step};
use super::limit::{NO_ANSWER, asked, within};
use crate::config::KnownRegistry;
use crate::diagnostic::{registry_words, with_sources};

/// Logs in; returns the result as a finding.
pub(super) async fn look(known: &KnownRegistry) -> Finding {
    let place = known.registry.host().as_str();
    let login: &str = match &known.login {
        LoginSearch::Found(login) => login,
        LoginSearch::NotFound(places) => {
            let lack = known.lack.as_deref().unwrap_or(places);
            return Finding::ok(place, Step::Login, format!("nobody: {lack}"));
        }
    };
    let Some(tried) = asked(&known.registry, place, async || known.registry.try_login().await).await else {
        return Finding::problem(place, Step::Login, format!("{login} gets no answer")).why(NO_ANSWER).next(
            "check that this machine reaches the token server (in firewalls, too), and the source of the access key if there is one",
        );
    };
    let acr = known.registry_api.acr();
    match (tried, acr) {
        (Ok(()), Some(acr)) => {
            let origin = acr.origin().await.map(|origin| format!(", access key: {origin}"));
            Finding::ok(place, Step::Login, format!("{login} is accepted{}", origin.unwrap_or_default()))
        }
        (Ok(()), None) => Finding::ok(place, Step::Login, format!("{login} is accepted")),
        (Err(Error::Login { source, .. }), Some(acr)) => {
            // Fetched again, because only the API's own error tells the cause.
            let origin = acr.origin().await;
            match within(acr.login().fetch()).await {
                Some(Err(error)) => judge_key(place, &error, origin.as_ref()),
                _ => Finding::problem(place, Step::Login, format!("{login} cannot be had"))
                    .why(source.to_string())
                    .by_login(),
            }
        }
        (Err(error), _) => judge(place, login, &error),
    }
}

/// Judges a refused login.
fn judge(place: &str, login: &str, error: &Error) -> Finding {
    let words = registry_words(error);
    match (error, error.kind()) {
        (Error::Token { realm, .. }, ErrorKind::Unauthorized | ErrorKind::Denied) => {
            let what = format!("the token server {realm} refuses {login}");
            Finding::problem(place, Step::Login, what).why(words).next(advice(place)).by_login()
        }
        (Error::Token { realm, .. }, _) => {
            let what = format!("the token server {realm} gives no usable answer");
            Finding::problem(place, Step::Login, what).why(words).next(
                "check that this machine reaches it: firewalls must let it out to the token server, too",
            )
        }
        (_, ErrorKind::Unauthorized | ErrorKind::Denied) => {
            let what = format!("the registry refuses {login}");
            Finding::problem(place, Step::Login, what).why(words).next(advice(place)).by_login()
        }
        (Error::RealmNotTrusted { .. }, _) => Finding::problem(
            place,
            Step::Login,
            "the login is not sent to the token server that the registry names",
        )
        .why(words)
        .next("name that token server as `realm` in the auth entry if you trust it"),
        (Error::Login { .. }, _) => {
            Finding::problem(place, Step::Login, format!("{login} does not give a login"))
                .why(words)
                .next("run the helper by hand, or write user and password into `auth`")
                .by_login()
        }
        _ => Finding::problem(place, Step::Login, "logging in broke off")
            .why(words)
            .next("run the check again"),
    }
}

fn advice(place: &str) -> String {
    format!(
        "check user and password for `{place}`: registries have passwords of their own (Alibaba Cloud: not the console's, and each RAM user another; Harbor: robots expire, and `robot$` belongs to the name)"
    )
}

/// Judges a refusal of Alibaba's API.
fn judge_key(place: &str, error: &alibaba::Error, origin: Option<&CredentialOrigin>) -> Finding {
    use alibaba::ErrorKind as Kind;

    let from = origin.map_or_else(String::new, |origin| format!(" ({origin})"));
    let (what, next) = match error.kind() {
        Kind::InvalidKey => (
            format!("Alibaba Cloud does not know the access key{from}, or it is disabled"),
            "check the access key's id, and in RAM that it is enabled",
        ),
        Kind::WrongSecret => (
            format!("the access key's secret is wrong{from}"),
            "check the access key's secret: it may be cut off, quoted twice, or of another key",
        ),
        Kind::ExpiredToken => (
            format!("the temporary access key has ended{from}"),
            "get a new one, or use a source that renews it",
        ),
        Kind::NoKey => (
            "no access key for Alibaba Cloud is found".to_owned(),
            "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or configure one of the other sources",
        ),
        Kind::NoPermission => (
            format!("the RAM user of the access key{from} may not get a registry login"),
            "allow cr:GetAuthorizationToken on `*`: `image-syncer acr policy` prints the policy",
        ),
        Kind::NotFound => (
            "Alibaba Cloud knows no such instance or user".to_owned(),
            "check instanceId and region; a RAM user of the Personal Edition must have opened the console of ACR once",
        ),
        Kind::ClockSkew => return skewed(place, error),
        _ => (
            "Alibaba Cloud gives no login".to_owned(),
            "check that this machine reaches the API `cr.REGION.aliyuncs.com`, and run the check again",
        ),
    };
    let finding = Finding::problem(place, Step::Login, what).why(with_sources(error)).next(next);
    if error.kind().concerns_key() { finding.by_login() } else { finding }
}

fn skewed(place: &str, error: &alibaba::Error) -> Finding {
    Finding::problem(place, Step::Clock, "this machine's clock is not Alibaba Cloud's")
        .why(with_sources(error))
        .next("set this machine's clock by NTP")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Blame;
    use super::*;

    fn refused(status: u16, code: &str) -> Finding {
        let error = alibaba::Error::Refused(Box::new(alibaba::Refusal {
            action: "GetAuthorizationToken".to_owned(),
            host: "cr.io".to_owned(),
            status,
            code: code.to_owned(),
            message: "told".to_owned(),
            request_id: Some("R-1".to_owned()),
        }));
        judge_key("acr.io", &error, Some(&CredentialOrigin::Environment))
    }

    #[test]
    fn each_refusal_of_the_api_has_its_name() {
        for (code, words) in [
            ("InvalidAccessKeyId.NotFound", "does not know the access key (environment"),
            ("SignatureDoesNotMatch", "secret is wrong (environment"),
            ("InvalidSecurityToken.Expired", "has ended"),
            ("NoPermission", "may not get a registry login"),
        ] {
            let finding = refused(403, code);
            assert!(finding.what.contains(words), "{finding:?}");
            assert!(finding.why.as_ref().unwrap().contains("RequestId R-1"), "{finding:?}");
            assert_eq!(finding.blame, Blame::Login, "{code}");
        }
        assert_eq!(refused(400, "InvalidTimeStamp.Expired").step, Step::Clock);
        assert_eq!(refused(200, "INSTANCE_NOT_EXIST").blame, Blame::Other);
    }
}
