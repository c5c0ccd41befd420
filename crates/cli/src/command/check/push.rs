//! Checks whether a target accepts pushes: the token's grant, and an upload session that is opened and cancelled. If it could not be
//! cancelled, no session is opened.

use oci::{ErrorKind, RepositoryName};
use registry::{Access, Grant, LoginSearch, PushTrial, Registry, Repository};

use super::cloud::Edition;
use super::finding::{Finding, Step};
use super::limit::{NO_ANSWER, answer, asked};
use super::quota::MORE_ROOM;
use crate::config::KnownRegistry;
use crate::diagnostic::{no_login_hint, registry_words};

/// The result of the namespace check before the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// An API says that it exists.
    Ready,
    Unclear,
}

/// Facts that can explain a refused push.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) namespace: Namespace,
    /// Set for Alibaba's registries.
    pub(super) edition: Option<Edition>,
}

/// Tries a push.
pub(super) async fn look(
    known: &KnownRegistry,
    repository: &RepositoryName,
    circumstances: Circumstances,
) -> Finding {
    let place = format!("{}/{repository}", known.registry.host());
    let handle = known.registry.repository(repository, Access::PullPush);
    let registry = &known.registry;
    let grant = asked(registry, &place, async || handle.grant().await).await.and_then(Result::ok);
    let was_known = is_known(&handle, registry).await;
    match asked(registry, &place, async || registry.try_push(repository).await).await {
        Some(Ok(trial)) => {
            // zot and olareg create the repository when an upload begins, and keep it.
            let is_new = was_known == Some(false) && is_known(&handle, registry).await == Some(true);
            let left = if is_new { LEFT } else { "" };
            Finding::ok(place, Step::Push, format!("{}{left}", tried(trial)))
        }
        Some(Err(error)) => {
            let words = registry_words(&error);
            let is_refused = matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied);
            let search = known.registry.login_search();
            if is_refused && let Some(search @ LoginSearch::NotFound(_)) = search {
                return without_login(&place, no_login_hint(known.registry.host().as_str(), search), &words);
            }
            judge(&place, repository, grant.as_ref(), (error.kind(), &words), circumstances)
        }
        None => Finding::problem(place, Step::Push, "an upload cannot be begun")
            .why(NO_ANSWER)
            .next("run the check again"),
    }
}

/// Added to the finding when the trial left an empty repository.
const LEFT: &str = ". The registry made an empty repository of it and keeps that: delete it there if nothing is copied to it";

/// Whether the registry knows the repository; `None` if it does not say.
async fn is_known(handle: &Repository, registry: &Registry) -> Option<bool> {
    answer(registry, handle.is_known()).await.and_then(Result::ok)
}

fn tried(trial: PushTrial) -> &'static str {
    match trial {
        PushTrial::Cancelled => "may be pushed to: an upload was begun and cancelled",
        PushTrial::Asked => {
            "may be pushed to: so it says of an upload that does not exist (this login may not cancel a real one)"
        }
        PushTrial::Kept => {
            "may be pushed to: an upload was begun, and goes when the registry cleans up, because it cannot be cancelled"
        }
    }
}

/// The finding for a push that was refused to a client without a login.
fn without_login(place: &str, next: String, words: &str) -> Finding {
    Finding::problem(place, Step::Push, "nobody may push here without a login")
        .why(words)
        .next(next)
        .by_login()
}

fn judge(
    place: &str,
    repository: &RepositoryName,
    grant: Option<&Grant>,
    (kind, words): (ErrorKind, &str),
    circumstances: Circumstances,
) -> Finding {
    let lower = words.to_ascii_lowercase();
    let problem = |what: &str| Finding::problem(place, Step::Push, what).why(words);
    if lower.contains("read only") || lower.contains("read-only") {
        return problem("the registry is read-only for now").next(READ_ONLY);
    }
    if lower.contains("quota") {
        return problem("the registry's quota is full").next(MORE_ROOM);
    }
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Denied => {
            let lacks_push = matches!(grant, Some(Grant::Told { missing }) if missing.iter().any(|action| action == "push"));
            let what = if lacks_push {
                "the login gets a token, but not the right to push"
            } else {
                "the login may not push here"
            };
            problem(what).next(causes(repository, circumstances)).by_login()
        }
        ErrorKind::NotFound => {
            problem("the registry does not take uploads here").next(causes(repository, circumstances))
        }
        _ => problem("an upload cannot be begun").next("see what the registry says, and run the check again"),
    }
}

/// The advice for a read-only registry.
pub(super) const READ_ONLY: &str = "ask its administrator whether a garbage collection or a migration is under way, and have the mode switched off";

/// All possible causes of a refusal: registries do not say which. Docker prints `denied` for all of them.
fn causes(repository: &RepositoryName, circumstances: Circumstances) -> String {
    let namespace = repository.as_str().split('/').next().unwrap_or_default();
    match (circumstances.edition, circumstances.namespace) {
        (Some(_), Namespace::Ready) => {
            "give the RAM user the right to push to this namespace: `image-syncer acr policy` prints the policy"
                .to_owned()
        }
        (Some(edition), Namespace::Unclear) => {
            let edition = edition.name();
            format!(
                "it is one of four: the namespace `{namespace}` is missing; it does not create repositories by itself, and `{repository}` is missing; the RAM user has no right to push (`image-syncer acr policy` prints the policy); or the target should be another registry than this one of the {edition}. With \"provider\": \"acr\" in the auth entry the check can tell which"
            )
        }
        (None, Namespace::Ready) => "give the login the right to push in this project".to_owned(),
        (None, Namespace::Unclear) => {
            format!("check that the project or namespace `{namespace}` is there, and that the login may push to it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Blame;
    use super::*;

    fn found(words: &str, grant: Option<&Grant>, circumstances: Circumstances) -> Finding {
        let refused = (ErrorKind::Denied, words);
        judge("acr.io/ns/app", &"ns/app".parse().unwrap(), grant, refused, circumstances)
    }

    #[test]
    fn the_four_causes_are_named_where_nothing_tells_them_apart() {
        let unclear = Circumstances { namespace: Namespace::Unclear, edition: Some(Edition::Enterprise) };
        let lacks = Grant::Told { missing: vec!["push".to_owned()] };
        let finding = found("denied", Some(&lacks), unclear);
        assert!(finding.what.contains("not the right to push"), "{finding:?}");
        assert!(
            finding.next.as_ref().unwrap().contains("one of four: the namespace `ns` is missing"),
            "{finding:?}"
        );
        assert_eq!(finding.blame, Blame::Login);
        let ready = Circumstances { namespace: Namespace::Ready, ..unclear };
        assert!(found("denied", None, ready).next.unwrap().starts_with("give the RAM user"));
        let harbor = Circumstances { namespace: Namespace::Unclear, edition: None };
        assert!(found("denied", None, harbor).next.unwrap().contains("project or namespace `ns`"));
    }

    #[test]
    fn read_only_and_quota_have_their_own_names() {
        let harbor = Circumstances { namespace: Namespace::Ready, edition: None };
        let read_only =
            found("The system is in read only mode. Any modification is prohibited.", None, harbor);
        assert!(read_only.what.contains("read-only") && read_only.blame == Blame::Other);
        assert!(found("Quota exceeded when processing", None, harbor).what.contains("quota is full"));
    }
}
