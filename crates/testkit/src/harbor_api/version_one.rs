//! The API of Harbor 1.x for projects, repositories and tags.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::front::ApiRequest;
use super::page::page;
use super::state::State;
use super::version_two::{create_project, project, projects};

pub(super) fn answer(state: &State, request: &ApiRequest<'_>) -> Answer {
    let path = request.path.strip_prefix("/api/").unwrap_or_default();
    match (request.method, path) {
        (&Method::GET, "systeminfo") => {
            let info = json!({"harbor_version": "v1.10.19-bench", "auth_mode": "db_auth", "read_only": state.rules().read_only});
            answer::data(StatusCode::OK, &info)
        }
        (&Method::GET, "projects") => projects(state, request),
        (&Method::POST, "projects") => create_project(state, request, "/api"),
        (&Method::GET, "repositories") => repositories(state, request),
        (&Method::GET, path) => match (path.strip_prefix("projects/"), path.strip_prefix("repositories/")) {
            (Some(id), _) if id.parse::<u64>().is_ok() => project(state, request, id),
            (_, Some(rest)) => match rest.strip_suffix("/tags") {
                Some(repository) => tags(state, request, repository),
                None => no_such_path(),
            },
            _ => no_such_path(),
        },
        _ => no_such_path(),
    }
}

fn no_such_path() -> Answer {
    answer::text(StatusCode::NOT_FOUND, "text/plain", "404 page not found")
}

fn repositories(state: &State, request: &ApiRequest<'_>) -> Answer {
    let id = request.query.get("project_id").and_then(|id| id.parse().ok());
    let Some(project) = id.and_then(|id| state.project_by_id(id)) else {
        return answer::text(StatusCode::BAD_REQUEST, "text/plain", "invalid project_id");
    };
    if !request.caller.sees(&project) {
        return answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "UnAuthorized");
    }
    let names = state.content.repositories(&project.name).into_iter().enumerate();
    let values = names.map(
        |(number, name)| json!({"id": number + 1, "project_id": project.id, "name": name, "tags_count": 1}),
    );
    page(request.path, &request.query, &values.collect::<Vec<_>>())
}

fn tags(state: &State, request: &ApiRequest<'_>, repository: &str) -> Answer {
    let project = state.project(repository.split('/').next().unwrap_or_default());
    if !project.is_some_and(|project| request.caller.sees(&project)) {
        return answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "UnAuthorized");
    }
    let tags = state.content.tags(repository);
    if tags.is_empty() {
        return answer::text(
            StatusCode::NOT_FOUND,
            "text/plain",
            format!("repository {repository} not found"),
        );
    }
    let value =
        |(name, digest): (String, String)| json!({"name": name, "digest": digest, "size": 1, "labels": []});
    answer::data(StatusCode::OK, &Value::Array(tags.into_iter().map(value).collect()))
}
