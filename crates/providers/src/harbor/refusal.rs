//! Explains Harbor's refusals, and how to solve them.

use registry::Refusal;

/// Why Harbor refuses, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The case.
    pub reason: Reason,
    /// What to do next: one or two sentences.
    pub hint: String,
}

/// Harbor's own reasons to refuse. None of them passes by waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The login may not read there, or the project does not exist.
    NoPull,
    /// The login may not write there, or the project does not exist.
    NoPush,
    /// The project does not exist, which Harbor tells only administrators.
    NoProject,
    /// The project's quota is exceeded.
    Quota,
    /// Harbor takes no writes at the moment.
    ReadOnly,
    /// The tag exists and may not be moved.
    ImmutableTag,
    /// The project blocks images that are vulnerable or not signed.
    Policy,
    /// The project is a proxy cache of another registry.
    ProxyCache,
}

/// Recognises a refusal of Harbor's by its status, code and text; `None` if it has no special reason.
pub fn explain(refusal: &Refusal) -> Option<Explanation> {
    let (reason, repository) = recognise(refusal)?;
    let project = repository.as_deref().and_then(|name| name.split('/').next());
    Some(Explanation { reason, hint: hint(reason, project) })
}

fn recognise(refusal: &Refusal) -> Option<(Reason, Option<String>)> {
    let status = refusal.status.as_u16();
    refusal.errors.iter().find_map(|error| {
        let message = error.message.to_ascii_lowercase();
        let reason = match status {
            401 => return missing_project(&error.message).or_else(|| refused_access(&error.message)),
            412 if error.code == "PROJECTPOLICYVIOLATION" => Reason::Policy,
            412 if message.contains("configured as immutable") => Reason::ImmutableTag,
            // 412 by Harbor before 2.0.
            403 | 412 if message.contains("quota") && message.contains("exceed") => Reason::Quota,
            403 if message.contains("read only mode") => Reason::ReadOnly,
            403 if message.contains("proxy project") => Reason::ProxyCache,
            _ => return None,
        };
        Some((reason, None))
    })
}

/// `project new-team not found`
fn missing_project(message: &str) -> Option<(Reason, Option<String>)> {
    let name = message.strip_prefix("project ")?.strip_suffix(" not found")?;
    (!name.contains(' ')).then(|| (Reason::NoProject, Some(name.to_owned())))
}

/// `unauthorized to access repository: library/app, action: push`, sometimes twice in a row.
fn refused_access(message: &str) -> Option<(Reason, Option<String>)> {
    let (_, rest) = message.split_once("unauthorized to access repository: ")?;
    let (repository, rest) = rest.split_once(", action: ")?;
    let end = rest.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rest.len());
    let reason = match &rest[..end] {
        "pull" => Reason::NoPull,
        "push" => Reason::NoPush,
        _ => return None,
    };
    Some((reason, Some(repository.to_owned())))
}

fn hint(reason: Reason, project: Option<&str>) -> String {
    let project = project.map_or_else(|| "the project".to_owned(), |name| format!("project `{name}`"));
    match reason {
        Reason::NoPull => format!(
            "the login may not read in {project}, or there is none: give the user or robot the right to pull, or check the name"
        ),
        Reason::NoPush => format!(
            "the login may not write in {project}, or there is none: create the project, or give the user or robot the right to push"
        ),
        Reason::NoProject => {
            format!("create {project} at Harbor, or write \"create\": true in the registry's auth entry, and it is created")
        }
        Reason::Quota => "the project's storage quota is used up: raise it (Administration, Project Quotas), or delete artifacts and run the garbage collection".to_owned(),
        Reason::ReadOnly => "Harbor is in read-only mode: switch it off (Configuration, System Settings), or wait until its garbage collection is done".to_owned(),
        Reason::ImmutableTag => "the tag is there and a rule of the project forbids to move it: change the rule (Policy, Tag Immutability), or choose another tag".to_owned(),
        Reason::Policy => "the project does not give out images that are vulnerable or not signed: fix the image, allow the vulnerability, or change the policy (Configuration, Deployment security)".to_owned(),
        Reason::ProxyCache => "the project is a proxy cache, which takes no pushes: choose another project as the target".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use registry::{RedactedUrl, RegistryMessage};
    use url::Url;

    use super::*;

    fn explained(status: u16, code: &str, message: &str) -> Option<Explanation> {
        explain(&Refusal {
            method: Method::PUT,
            url: RedactedUrl::from(&Url::parse("https://harbor.io/v2/library/app/manifests/v1").unwrap()),
            status: StatusCode::from_u16(status).unwrap(),
            errors: vec![RegistryMessage { code: code.to_owned(), message: message.to_owned() }],
            body: None,
            face: registry::Face::Unclear,
            request_id: None,
            retry_after: None,
            answered: registry::Answered::default(),
        })
    }

    #[test]
    fn harbors_own_refusals_are_known_by_their_texts() {
        let denied = "unauthorized to access repository: library/app, action: push";
        let quota = "Quota exceeded when processing the request of adding 1.0 MiB of storage resource, which when updated to current usage of 9.5 MiB will exceed the configured upper limit of 10.0 MiB.";
        let cases = [
            (401, "UNAUTHORIZED", denied, Reason::NoPush),
            (
                401,
                "UNAUTHORIZED",
                "unauthorized to access repository: library/app, action: pull",
                Reason::NoPull,
            ),
            (401, "UNAUTHORIZED", "project new-team not found", Reason::NoProject),
            (403, "DENIED", quota, Reason::Quota),
            (412, "PRECONDITION", quota, Reason::Quota),
            (
                403,
                "DENIED",
                "The system is in read only mode. Any modification is prohibited.",
                Reason::ReadOnly,
            ),
            (
                412,
                "PRECONDITION",
                "Failed to process request due to 'library/app:v1' configured as immutable.",
                Reason::ImmutableTag,
            ),
            (
                412,
                "PROJECTPOLICYVIOLATION",
                "current image with 3 vulnerabilities cannot be pulled",
                Reason::Policy,
            ),
            (403, "DENIED", "can not push artifact to a proxy project: library", Reason::ProxyCache),
        ];
        for (status, code, message, reason) in cases {
            let explanation = explained(status, code, message).unwrap();
            assert_eq!(explanation.reason, reason, "{message}");
            assert!(!explanation.hint.is_empty());
        }
        let twice = explained(401, "UNAUTHORIZED", &format!("{denied}: {denied}")).unwrap();
        assert!(twice.reason == Reason::NoPush && twice.hint.contains("project `library`"), "{twice:?}");
    }

    #[test]
    fn other_refusals_are_left_alone() {
        assert_eq!(explained(401, "UNAUTHORIZED", "authentication required"), None);
        assert_eq!(explained(403, "DENIED", "requested access to the resource is denied"), None);
        assert_eq!(explained(404, "NOT_FOUND", "The system is in read only mode"), None);
        assert_eq!(explained(412, "PRECONDITION", "etag"), None);
        assert_eq!(explained(500, "UNKNOWN", "quota exceeded"), None);
    }
}
