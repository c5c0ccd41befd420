//! API v2.0, as `src/server/v2.0/handler` of Harbor answers it.

use http::header::LOCATION;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::artifact::{Artifacts, Details, Listed};
use super::front::{ApiRequest, decode};
use super::page::page;
use super::state::{Project, State};

pub(super) fn answer(state: &State, request: &ApiRequest<'_>) -> Answer {
    if request.path == "/api/version" {
        return answer::data(StatusCode::OK, &json!({"version": "v2.0"}));
    }
    let Some(path) = request.path.strip_prefix("/api/v2.0/") else { return no_such_path(request) };
    let segments: Vec<&str> = path.split('/').collect();
    match (request.method, segments.as_slice()) {
        (&Method::GET, ["ping"]) => answer::text(StatusCode::OK, "text/plain", "Pong"),
        (&Method::GET, ["health"]) => answer::data(StatusCode::OK, &json!({"status": "healthy"})),
        (&Method::GET, ["systeminfo"]) => system_info(state, request),
        (&Method::GET, ["projects"]) => projects(state, request),
        (&Method::HEAD, ["projects"]) => project_exists(state, request),
        (&Method::POST, ["projects"]) => create_project(state, request, "/api/v2.0"),
        (&Method::GET, ["projects", name]) => project(state, request, name),
        (&Method::GET, ["projects", project, "repositories"]) => {
            in_project(state, request, project, |project| {
                if state.rules().unlisted_projects.contains(&project.name) {
                    return refused(request);
                }
                repositories(state, request, &[project])
            })
        }
        (&Method::GET, ["repositories"]) => {
            let projects: Vec<Project> =
                state.projects().into_iter().filter(|project| request.caller.sees(project)).collect();
            repositories(state, request, &projects.iter().collect::<Vec<_>>())
        }
        (&Method::GET, ["projects", project, "repositories", repository, rest @ ..]) => {
            // The router decodes the name once, and then it must not contain a slash; the handler decodes it again.
            let repository = decode(repository);
            if repository.contains('/') {
                return no_such_path(request);
            }
            in_project(state, request, project, |project| {
                in_repository(state, request, &format!("{}/{}", project.name, decode(&repository)), rest)
            })
        }
        _ => no_such_path(request),
    }
}

fn no_such_path(request: &ApiRequest<'_>) -> Answer {
    let message = format!("path {} was not found", request.path);
    answer::data(StatusCode::NOT_FOUND, &json!({"code": 404, "message": message}))
}

fn system_info(state: &State, request: &ApiRequest<'_>) -> Answer {
    let mut info = json!({"auth_mode": "db_auth", "self_registration": false});
    // A wrong password is no error: the caller gets the anonymous answer.
    if request.caller.is_user() {
        info["harbor_version"] = json!("v2.16.0-bench");
        info["external_url"] = json!(format!("{}://bench", state.external_scheme));
        info["registry_url"] = json!("bench");
        info["read_only"] = json!(state.rules().read_only);
    }
    answer::data(StatusCode::OK, &info)
}

pub(super) fn project_value(project: &Project) -> Value {
    let mut value = json!({
        "project_id": project.id,
        "name": project.name,
        "owner_name": "admin",
        "metadata": {"public": project.public.to_string()},
    });
    if project.registry_id > 0 {
        value["registry_id"] = json!(project.registry_id);
    }
    value
}

/// The answer to a caller without the right, even if the resource does not exist.
fn refused(request: &ApiRequest<'_>) -> Answer {
    if request.caller.is_user() {
        answer::error(StatusCode::FORBIDDEN, "FORBIDDEN", "forbidden")
    } else {
        answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "unauthorized")
    }
}

/// Numeric names are ids, unless the request says otherwise.
fn found(state: &State, request: &ApiRequest<'_>, name_or_id: &str) -> Option<Project> {
    match name_or_id.parse() {
        Ok(id) if !request.names_are_names => state.project_by_id(id),
        _ => state.project(&decode(name_or_id)),
    }
}

pub(super) fn projects(state: &State, request: &ApiRequest<'_>) -> Answer {
    let part = request.query.get("name").unwrap_or_default();
    let projects = state.projects().into_iter();
    let hidden = state.rules().unseen_projects.clone();
    let shown = projects.filter(|project| {
        request.caller.sees(project) && project.name.contains(part) && !hidden.contains(&project.name)
    });
    page(request.path, &request.query, &shown.map(|project| project_value(&project)).collect::<Vec<_>>())
}

fn project_exists(state: &State, request: &ApiRequest<'_>) -> Answer {
    let name = request.query.get("project_name").unwrap_or_default();
    let status = if state.project(name).is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    answer::text(status, "application/json", "")
}

pub(super) fn create_project(state: &State, request: &ApiRequest<'_>, root: &str) -> Answer {
    if !request.caller.is_administrator() {
        return refused(request);
    }
    let Some(name) = request.body["project_name"].as_str() else {
        return answer::error(StatusCode::BAD_REQUEST, "BAD_REQUEST", "project_name is missing");
    };
    let Some(id) = state.add_project(name, request.body["registry_id"].as_u64().unwrap_or(0)) else {
        let message = format!("The project named {name} already exists");
        return answer::error(StatusCode::CONFLICT, "CONFLICT", &message);
    };
    if request.body["metadata"]["public"] == "true" {
        state.publish_project(name);
    }
    let answer = answer::text(StatusCode::CREATED, "application/json", "");
    answer::with_header(answer, LOCATION, &format!("{root}/projects/{id}"))
}

pub(super) fn project(state: &State, request: &ApiRequest<'_>, name_or_id: &str) -> Answer {
    match found(state, request, name_or_id) {
        Some(project) if state.rules().unseen_projects.contains(&project.name) => refused(request),
        Some(project) if request.caller.sees(&project) => {
            answer::data(StatusCode::OK, &project_value(&project))
        }
        None if request.caller.is_administrator() => answer::not_found(&format!("project {name_or_id}")),
        _ => refused(request),
    }
}

fn in_project(
    state: &State,
    request: &ApiRequest<'_>,
    name_or_id: &str,
    then: impl FnOnce(&Project) -> Answer,
) -> Answer {
    match found(state, request, name_or_id) {
        Some(project) if request.caller.sees(&project) => then(&project),
        _ => refused(request),
    }
}

fn repositories(state: &State, request: &ApiRequest<'_>, projects: &[&Project]) -> Answer {
    let part = request.query.get("q").and_then(|q| q.strip_prefix("name=~")).unwrap_or_default();
    let names = projects.iter().flat_map(|project| {
        let names = state.content.repositories(&project.name).into_iter();
        names.map(move |name| (project.id, name))
    });
    let vanished = state.vanished(request.query.get("page"));
    let names = names.filter(|(_, name)| name.contains(part) && !vanished.contains(name));
    let values = names.enumerate().map(|(number, (project, name))| {
        json!({"id": number + 1, "project_id": project, "name": name, "artifact_count": 1, "pull_count": 0})
    });
    page(request.path, &request.query, &values.collect::<Vec<_>>())
}

fn in_repository(state: &State, request: &ApiRequest<'_>, repository: &str, rest: &[&str]) -> Answer {
    let details = Details {
        tags: request.query.flag("with_tag", true),
        accessories: request.query.flag("with_accessory", false),
    };
    match rest {
        [] => {
            let project = repository.split('/').next().unwrap_or_default();
            if state.content.repositories(project).iter().any(|name| name == repository) {
                answer::data(StatusCode::OK, &json!({"name": repository}))
            } else {
                answer::not_found(&format!("repository {repository}"))
            }
        }
        ["artifacts"] => {
            let listed = if request.query.get("q") == Some("tags=*") { Listed::Tagged } else { Listed::All };
            let push_times = state.rules().push_times.clone().into_iter();
            let here = push_times.filter(|(name, ..)| name == repository);
            let push_times = here.map(|(_, tag, time)| (tag, time)).collect();
            let artifacts = Artifacts::read(&state.content, repository).pushed_at(push_times);
            page(request.path, &request.query, &artifacts.list(listed, details))
        }
        ["artifacts", reference] => one_artifact(state, repository, &decode(reference), details),
        _ => no_such_path(request),
    }
}

fn one_artifact(state: &State, repository: &str, reference: &str, details: Details) -> Answer {
    match Artifacts::read(&state.content, repository).find(reference, details) {
        Some(artifact) => answer::data(StatusCode::OK, &artifact),
        None => answer::not_found(&format!("artifact {repository}@{reference}")),
    }
}
