//! Checks whether a target's namespace or project exists and creates repositories, by Alibaba's or Harbor's API.

use oci::RepositoryName;
use providers::alibaba::{self, Acr, AutoCreateRepository, InstanceUsage};
use providers::harbor::{Harbor, ProjectKind, ProjectName};

use super::finding::{Finding, Step};
use super::limit::{answer, within};
use super::quota;
use crate::config::{KnownRegistry, MissingRepositories};
use crate::diagnostic::with_sources;

/// The finding, and whether a push can be tried.
pub(super) enum Seen {
    /// Everything exists.
    Ready(Finding),
    /// The API told nothing, or only a part.
    Unclear(Option<Finding>),
    /// The copy will create it, so a push cannot be tried yet.
    Later(Finding),
    Wrong(Finding),
}

/// Asks the API that the registry has.
pub(super) async fn look(
    known: &KnownRegistry,
    repository: &RepositoryName,
    usage: Option<&InstanceUsage>,
) -> Seen {
    let place = format!("{}/{repository}", known.registry.host());
    let place = place.as_str();
    if let Some(access) = known.registry_api.acr() {
        let ask = async {
            match access.acr().await? {
                Some(acr) => acr_namespace(place, &acr, repository, known.missing, usage).await,
                None => Ok(Seen::Unclear(None)),
            }
        };
        return match within(ask).await {
            Some(Ok(seen)) => seen,
            Some(Err(error)) => unclear(place, with_sources(&error)),
            None => Seen::Unclear(None),
        };
    }
    let ask = async {
        match known.registry_api.harbor().await {
            Ok(Some(harbor)) => harbor_project(place, &harbor, repository, known.missing).await,
            // The push trial decides.
            Ok(None) | Err(_) => Seen::Unclear(None),
        }
    };
    answer(&known.registry, ask).await.unwrap_or(Seen::Unclear(None))
}

fn unclear(place: &str, why: String) -> Seen {
    let what = "the namespace cannot be looked at";
    Seen::Unclear(Some(Finding::warning(place, Step::Namespace, what).why(why)))
}

async fn acr_namespace(
    place: &str,
    acr: &Acr,
    repository: &RepositoryName,
    missing: MissingRepositories,
    usage: Option<&InstanceUsage>,
) -> Result<Seen, alibaba::Error> {
    let are_created = missing == MissingRepositories::AreCreated;
    let Some((namespace, name)) = repository.as_str().split_once('/') else {
        let what = "the target names no namespace: here repositories are `namespace/repository`";
        let next = "write a namespace before the repository's name";
        return Ok(Seen::Wrong(Finding::problem(place, Step::Namespace, what).next(next)));
    };
    let Some(found) = acr.namespace(namespace).await? else {
        if let Some(full) = usage.and_then(|usage| quota::judge_missing_namespace(place, usage.namespaces)) {
            return Ok(Seen::Wrong(full));
        }
        return Ok(if are_created {
            later(place, "namespace", namespace)
        } else {
            no_namespace(place, namespace)
        });
    };
    if found.status == "DELETING" {
        let what = format!("the namespace `{namespace}` is being deleted");
        return Ok(Seen::Wrong(
            Finding::problem(place, Step::Namespace, what).next("wait, and create it again"),
        ));
    }
    let creates = found.auto_create == AutoCreateRepository::Enabled;
    let is_full = usage.is_some_and(|usage| usage.repositories.left() == 0);
    if creates && !is_full {
        let what = format!("the namespace `{namespace}` is there and creates repositories by itself");
        return Ok(Seen::Ready(Finding::ok(place, Step::Namespace, what)));
    }
    if acr.repository(namespace, name).await?.is_some() {
        let what = format!("the repository is there, in the namespace `{namespace}`");
        return Ok(Seen::Ready(Finding::ok(place, Step::Namespace, what)));
    }
    if let Some(full) = usage.and_then(|usage| quota::judge_missing(place, usage.repositories)) {
        return Ok(Seen::Wrong(full));
    }
    Ok(if are_created {
        later(place, "repository", repository.as_str())
    } else {
        no_repository(place, namespace)
    })
}

fn later(place: &str, kind: &str, name: &str) -> Seen {
    let what = format!("the {kind} `{name}` is not there yet: it will be created, as \"create\": true says");
    Seen::Later(Finding::ok(place, Step::Namespace, what))
}

fn no_namespace(place: &str, namespace: &str) -> Seen {
    Seen::Wrong(
        Finding::problem(place, Step::Namespace, format!("the instance has no namespace `{namespace}`"))
            .why("GetNamespace: NAMESPACE_NOT_EXIST")
            .next("create it with automatic creation of repositories (`image-syncer acr setup`, or the console), or set \"create\": true in the auth entry"),
    )
}

fn no_repository(place: &str, namespace: &str) -> Seen {
    let what = format!(
        "the repository is not there, and the namespace `{namespace}` does not create repositories by itself"
    );
    Seen::Wrong(
        Finding::problem(place, Step::Namespace, what)
            .why("GetNamespace: AutoCreateRepo is false; GetRepository: REPO_NOT_EXIST")
            .next("switch automatic creation on in the namespace (`image-syncer acr setup`, or the console), create the repository, or set \"create\": true in the auth entry"),
    )
}

async fn harbor_project(
    place: &str,
    harbor: &Harbor,
    repository: &RepositoryName,
    missing: MissingRepositories,
) -> Seen {
    let Some(project) = ProjectName::of(repository) else {
        let what = "the target names no project: Harbor's repositories are `project/repository`";
        let next = "write a project before the repository's name";
        return Seen::Wrong(Finding::problem(place, Step::Namespace, what).next(next));
    };
    let name = project.as_str();
    match harbor.project(&project).await {
        Ok(Some(found)) if matches!(found.kind, ProjectKind::ProxyCache { .. }) => Seen::Wrong(
            Finding::problem(
                place,
                Step::Namespace,
                format!("the project `{name}` is a cache of another registry, to which nobody can push"),
            )
            .next("write another project as the target"),
        ),
        Ok(Some(_)) => {
            let what = format!("the project `{name}` is there, and makes repositories by itself");
            Seen::Ready(Finding::ok(place, Step::Namespace, what))
        }
        Ok(None) if missing == MissingRepositories::AreCreated => later(place, "project", name),
        Ok(None) => Seen::Wrong(
            Finding::problem(
                place,
                Step::Namespace,
                format!("Harbor has no project `{name}` that this login may see"),
            )
            .next(
                "create the project and make the login its member, or set \"create\": true in the auth entry",
            ),
        ),
        Err(error) => unclear(place, with_sources(&error)),
    }
}
