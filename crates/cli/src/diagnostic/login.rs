//! The login that an error is about, for the hints about refused logins.

use endpoints::Trouble;
use registry::LoginSearch;
use sync::Cause;

/// The origin of the login that a request used; `None` if the error does not tell.
pub(super) fn of_cause(cause: &Cause) -> Option<&LoginSearch> {
    match cause {
        Cause::Endpoint(error) => match error.inner() {
            Some(error) => of_registry(error),
            None => error.inner::<Trouble>().and_then(|trouble| trouble.login.as_ref()),
        },
        Cause::NoAnswer(silence) => of_cause(&silence.last.cause),
        Cause::Undivided(error) => of_cause(&error.cause),
        _ => None,
    }
}

fn of_registry(error: &registry::Error) -> Option<&LoginSearch> {
    use registry::Error as Registry;

    match error {
        Registry::Refused(refusal) | Registry::ManifestType { source: refusal, .. } => {
            refusal.answered.search.as_ref()
        }
        Registry::Token { source, .. } => of_registry(source),
        Registry::Login { search, .. } => search.as_ref(),
        _ => None,
    }
}

/// The login with its place, or the places without one.
pub(super) fn words(search: Option<&LoginSearch>, host: &str) -> String {
    match search {
        Some(LoginSearch::Found(words) | LoginSearch::NotFound(words)) => words.to_string(),
        None => format!("the login for `{host}`"),
    }
}
