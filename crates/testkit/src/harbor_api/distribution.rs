//! The registry protocol: Harbor's own check of logins, its refusals, then the registry.
//!
//! Source: goharbor/harbor, `src/server/middleware/v2auth/auth.go` and the middlewares of `src/server/registry`.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::answer::{self, Answer};
use super::artifact::{Artifacts, INDEX};
use super::caller::Caller;
use super::forward::forward;
use super::front::is_write;
use super::page::Query;
use super::state::State;

/// The parts of a path of the protocol.
struct Target<'a> {
    repository: &'a str,
    /// `manifests/v1` and the like.
    rest: &'a str,
    /// The source repository of a mount.
    mounted_from: Option<String>,
}

impl<'a> Target<'a> {
    fn of(path: &'a str, query: &Query) -> Option<Self> {
        let path = path.strip_prefix("/v2/")?;
        let markers = ["/manifests/", "/blobs/", "/tags/list", "/referrers/"];
        let place = markers.iter().filter_map(|marker| path.rfind(marker)).max()?;
        let mounted_from = query.get("mount").and(query.get("from")).map(String::from);
        Some(Self { repository: &path[..place], rest: &path[place + 1..], mounted_from })
    }

    fn project(&self) -> &'a str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn tag(&self) -> Option<&'a str> {
        self.rest.strip_prefix("manifests/").filter(|reference| !reference.contains(':'))
    }
}

pub(super) async fn answer(state: &State, head: &Parts, body: Incoming) -> Answer {
    let caller = Caller::of(state, &head.headers);
    let query = Query::of(&head.uri);
    let Some(target) = Target::of(head.uri.path(), &query) else {
        return base_or_catalog(state, head, body, &caller).await;
    };
    if let Some(refused) = refuse_access(state, head, &caller, &target) {
        return refused;
    }
    if let Some(refused) = refuse_content(state, &head.method, &target) {
        return refused;
    }
    if let (&Method::GET, Some(subject)) = (&head.method, target.rest.strip_prefix("referrers/")) {
        let list = Artifacts::read(&state.content, target.repository).referrers(&state.content, subject);
        return answer::text(StatusCode::OK, INDEX, list.to_string());
    }
    let mut grants: Vec<(&str, &[&str])> = vec![(target.repository, &["pull", "push", "delete"])];
    if let Some(from) = &target.mounted_from {
        grants.push((from, &["pull"]));
    }
    let token = bearer(&state.signer.repository_token(&grants));
    forward(state, &state.registry_host, head, body, token).await
}

/// The registry requires a token, whatever credentials the caller sent to Harbor.
fn bearer(token: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("Bearer {token}")).ok()
}

async fn base_or_catalog(state: &State, head: &Parts, body: Incoming, caller: &Caller) -> Answer {
    let is_catalog = head.uri.path() == "/v2/_catalog";
    if is_catalog && !caller.is_administrator() {
        return answer::challenge("Basic realm=\"harbor\"", "unauthorized to list catalog");
    }
    if !caller.is_known() {
        return answer::challenge(&challenge(state, head, caller, ""), "unauthorized");
    }
    let access = if is_catalog {
        json!([{"type": "registry", "name": "catalog", "actions": ["*"]}])
    } else {
        json!([])
    };
    let token = bearer(&state.signer.token("bench", Duration::from_secs(3600), &access));
    forward(state, &state.registry_host, head, body, token).await
}

fn action(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "push",
    }
}

fn refuse_access(state: &State, head: &Parts, caller: &Caller, target: &Target<'_>) -> Option<Answer> {
    let wanted = action(&head.method);
    let mut accesses = vec![(target.repository, wanted)];
    accesses.extend(target.mounted_from.as_deref().map(|from| (from, "pull")));
    let scope = |(repository, action): &(&str, &'static str)| {
        let actions = if *action == "push" { "pull,push" } else { action };
        format!("repository:{repository}:{actions}")
    };
    let scope: Vec<String> = accesses.iter().map(scope).collect();
    let challenge = challenge(state, head, caller, &scope.join(" "));
    if matches!(caller, Caller::Silent) && wanted == "pull" {
        return Some(answer::challenge(&challenge, "authorize header needed to send HEAD to repository"));
    }
    accesses.into_iter().find_map(|(repository, action)| {
        let project = repository.split('/').next().unwrap_or_default();
        // For an unknown project, Harbor sends an empty challenge.
        let Some(project) = state.project(project) else {
            return Some(answer::challenge("", &format!("project {project} not found")));
        };
        let message = format!("unauthorized to access repository: {repository}, action: {action}");
        (!caller.may(action, repository, &project)).then(|| answer::challenge(&challenge, &message))
    })
}

/// A refused caller with credentials gets a Basic challenge, not one for a token.
fn challenge(state: &State, head: &Parts, caller: &Caller, scope: &str) -> String {
    if !matches!(caller, Caller::Silent) {
        return "Basic realm=\"harbor\"".to_owned();
    }
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let realm = format!("{}://{host}/service/token", state.external_scheme);
    let scope = if scope.is_empty() { String::new() } else { format!(",scope=\"{scope}\"") };
    format!("Bearer realm=\"{realm}\",service=\"harbor-registry\"{scope}")
}

fn refuse_content(state: &State, method: &Method, target: &Target<'_>) -> Option<Answer> {
    let (repository, project) = (target.repository, target.project());
    let rules = state.rules();
    let denied = |message: &str| Some(answer::error(StatusCode::FORBIDDEN, "DENIED", message));
    if *method == Method::GET
        && target.rest.starts_with("manifests/")
        && rules.vulnerable_repositories.iter().any(|name| name == repository)
    {
        let message = "current image with 3 vulnerabilities cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"High\" or higher from running.'";
        return Some(answer::error(StatusCode::PRECONDITION_FAILED, "PROJECTPOLICYVIOLATION", message));
    }
    if !is_write(method) || *method == Method::DELETE {
        return None;
    }
    if state.project(project).is_some_and(|project| project.registry_id > 0) {
        return denied(&format!("can not push artifact to a proxy project: {project}"));
    }
    if *method == Method::PUT && rules.full_projects.iter().any(|name| name == project) {
        return denied(
            "Quota exceeded when processing the request of adding 1.0 MiB of storage resource, which when updated to current usage of 9.5 MiB will exceed the configured upper limit of 10.0 MiB.",
        );
    }
    let tag = target.tag().filter(|_| *method == Method::PUT)?;
    let is_there = state.content.tags(repository).iter().any(|(name, _)| name == tag);
    let is_immutable = rules.immutable_tags.iter().any(|(name, one)| name == repository && one == tag);
    (is_there && is_immutable).then(|| {
        let message =
            format!("Failed to process request due to '{repository}:{tag}' configured as immutable.");
        answer::error(StatusCode::PRECONDITION_FAILED, "PRECONDITION", &message)
    })
}
