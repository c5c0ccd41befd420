//! Whether a source lists its tags and gives images: some sample manifests, and where their blobs come from.

use registry::{
    Access, BlobPlace, Digest, Error, ErrorKind, MediaType, RawManifest, RegistryHost, Repository,
    RepositoryName, TagOrDigest,
};
use sync::Selection;

use super::finding::{Finding, Step};
use super::limit::{NO_ANSWER, within};
use crate::config::KnownRegistry;
use crate::diagnostic::registry_words;

/// So many images are looked at: what a repository holds is often alike.
const SAMPLES: usize = 3;

/// What is odd about the images that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Images whose manifests are of the form from before 2016.
    pub(super) schema1: Vec<String>,
    /// Images that carry attestations as children for the platform `unknown/unknown`.
    pub(super) attestations: Vec<String>,
}

/// Lists and reads.
pub(super) async fn look(
    known: &KnownRegistry,
    repository: &RepositoryName,
    selection: &Selection,
) -> (Vec<Finding>, Holdings) {
    let handle = known.registry.repository(repository, Access::Pull);
    let place = format!("{}/{repository}", known.registry.host());
    let (mut findings, mut holdings) = (Vec::new(), Holdings::default());
    let images = match select(&handle, selection).await {
        Ok((images, found)) => {
            findings.extend(found.map(|what| Finding::ok(&place, Step::Tags, what)));
            images
        }
        Err(Trouble::Refused(error)) => {
            findings.push(
                refused(known, &place, repository, Step::Tags, "its tags cannot be listed", &error).await,
            );
            return (findings, holdings);
        }
        Err(Trouble::NoAnswer) => {
            findings.push(no_answer(&place, Step::Tags));
            return (findings, holdings);
        }
    };
    if images.is_empty() {
        let what = "no tag of the first page is selected";
        findings.push(
            Finding::warning(&place, Step::Tags, what)
                .next("check the rule's pattern, and the repository's tags"),
        );
        return (findings, holdings);
    }
    let mut blob = None;
    for image in samples(&images) {
        match pull(&handle, image).await {
            Ok(Some((manifest, found))) => {
                holdings.note(image, &manifest);
                blob = blob.or(found);
                findings.push(Finding::ok(&place, Step::Pull, format!("`{image}` can be read")));
            }
            Ok(None) => findings.push(missing(&place, image)),
            Err(Trouble::Refused(error)) => {
                let what = format!("`{image}` cannot be read");
                findings.push(refused(known, &place, repository, Step::Pull, &what, &error).await);
            }
            Err(Trouble::NoAnswer) => findings.push(no_answer(&place, Step::Pull)),
        }
    }
    if let Some(digest) = blob {
        findings.push(match within(handle.locate_blob(&digest)).await {
            Some(located) => judge_blob(&place, known.registry.host(), &digest, located),
            None => no_answer(&place, Step::Blobs),
        });
    }
    (findings, holdings)
}

enum Trouble {
    Refused(Error),
    NoAnswer,
}

async fn timely<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match within(question).await {
        Some(answer) => answer.map_err(Trouble::Refused),
        None => Err(Trouble::NoAnswer),
    }
}

/// The images that the rule means, as far as the first page shows them; and what the page holds.
async fn select(
    handle: &Repository,
    selection: &Selection,
) -> Result<(Vec<TagOrDigest>, Option<String>), Trouble> {
    if let Selection::These(images) = selection {
        return Ok((images.clone(), None));
    }
    let page = timely(handle.tags().next()).await?.unwrap_or_default();
    let listed = page.tags.len();
    let images = selection.select(page.tags);
    let selected = images.len();
    Ok((images, Some(format!("lists {listed} tags on its first page, {selected} of which are selected"))))
}

/// The first, the middle and the last one.
fn samples(images: &[TagOrDigest]) -> Vec<&TagOrDigest> {
    let last = images.len().saturating_sub(1);
    let mut indexes = vec![0, last / 2, last];
    indexes.dedup();
    indexes.into_iter().take(SAMPLES).filter_map(|index| images.get(index)).collect()
}

/// A manifest and one blob of the image, as small as there is; `None` if the image is not there.
async fn pull(
    handle: &Repository,
    image: &TagOrDigest,
) -> Result<Option<(RawManifest, Option<Digest>)>, Trouble> {
    // As a copy does: HEAD tells whether it is there, and costs no pull.
    if timely(handle.resolve(image)).await?.is_none() {
        return Ok(None);
    }
    let manifest = timely(handle.pull_manifest(image)).await?;
    let Ok(links) = manifest.links() else { return Ok(Some((manifest, None))) };
    let smallest = |links: registry::Links| {
        links.config.or_else(|| links.blobs.into_iter().next()).map(|descriptor| descriptor.digest)
    };
    let blob = match links.manifests.first() {
        Some(child) => {
            let child = timely(handle.pull_manifest(&TagOrDigest::Digest(child.digest.clone()))).await?;
            child.links().ok().and_then(smallest)
        }
        None => smallest(links),
    };
    Ok(Some((manifest, blob)))
}

impl Holdings {
    fn note(&mut self, image: &TagOrDigest, manifest: &RawManifest) {
        let is_schema1 =
            [MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED].contains(&manifest.media_type);
        if is_schema1 {
            self.schema1.push(image.to_string());
        }
        let Ok(links) = manifest.links() else { return };
        let is_attestation = |child: &registry::Descriptor| {
            child
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown")
        };
        if links.manifests.iter().any(is_attestation) {
            self.attestations.push(image.to_string());
        }
    }
}

fn no_answer(place: &str, step: Step) -> Finding {
    Finding::problem(place, step, NO_ANSWER).next("run the check again")
}

fn missing(place: &str, image: &TagOrDigest) -> Finding {
    Finding::problem(place, Step::Pull, format!("`{image}` is not there"))
        .next("check repository and tag at the source; if they exist, whether this login may see them")
}

/// What to make of a refused look; Harbor hides missing projects behind 401.
async fn refused(
    known: &KnownRegistry,
    place: &str,
    repository: &RepositoryName,
    step: Step,
    what: &str,
    error: &Error,
) -> Finding {
    let may_be_missing =
        matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied | ErrorKind::NotFound);
    if may_be_missing && lacks_project(known, repository).await {
        let project = repository.as_str().split('/').next().unwrap_or_default();
        let what = format!("Harbor has no project `{project}` that this login may see");
        return Finding::problem(place, step, what)
            .why(registry_words(error))
            .next("check the project's name, and that the login is its member");
    }
    judge_refusal(place, step, what, error.kind(), &registry_words(error), known.login.is_some())
}

async fn lacks_project(known: &KnownRegistry, repository: &RepositoryName) -> bool {
    let ask = async {
        let harbor = known.extras.harbor().await.ok()??;
        let project = providers::harbor::ProjectName::of(repository)?;
        match harbor.project(&project).await {
            Ok(found) => Some(found.is_none()),
            // Whoever does not administrate Harbor is told so of projects that are not there.
            Err(error) => Some(error.kind() == ErrorKind::Denied),
        }
    };
    within(ask).await.flatten().unwrap_or(false)
}

fn judge_refusal(
    place: &str,
    step: Step,
    what: &str,
    kind: ErrorKind,
    words: &str,
    has_login: bool,
) -> Finding {
    let finding = Finding::problem(place, step, what).why(words);
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Denied if has_login => {
            finding.next("check that the repository exists, and that the login may pull from it").by_login()
        }
        ErrorKind::Unauthorized | ErrorKind::Denied => finding
            .next("check that the repository exists; if it is private, give a login for it in `auth`")
            .by_login(),
        ErrorKind::NotFound => finding.next("check the repository's name, and whether this login may see it"),
        ErrorKind::RateLimited => {
            finding.next("wait a while, or log in: registries let known users pull more")
        }
        _ => finding.next("see what the registry says, and run the check again"),
    }
}

fn judge_blob(
    place: &str,
    host: &RegistryHost,
    digest: &Digest,
    located: Result<BlobPlace, Error>,
) -> Finding {
    let error = match located {
        Ok(BlobPlace::Registry) => {
            return Finding::ok(place, Step::Blobs, "blobs come from the registry itself");
        }
        Ok(BlobPlace::Storage(storage)) => {
            return Finding::ok(place, Step::Blobs, format!("blobs come from {storage}, which answers"));
        }
        Ok(BlobPlace::Nowhere) => {
            return Finding::problem(
                place,
                Step::Blobs,
                format!("the blob {digest} of an image is not there"),
            )
            .next("push the image again at the source");
        }
        Err(error) => error,
    };
    let asked = match &error {
        Error::Transport { url, .. } => url.host(),
        Error::Refused(refusal) => refusal.url.host(),
        _ => None,
    };
    match asked.filter(|asked| asked != host.api_host()) {
        Some(storage) => {
            let what = format!("the registry sends readers of blobs to {storage}, which gives nothing");
            Finding::problem(place, Step::Blobs, what).why(registry_words(&error)).next(format!(
                "let this machine out to {storage}, too: firewalls and whitelists of the registry do not cover its blob store"
            ))
        }
        None => Finding::problem(place, Step::Blobs, "a blob cannot be read")
            .why(registry_words(&error))
            .next("see what the registry says, and run the check again"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Blame;
    use super::*;

    fn tags(texts: &[&str]) -> Vec<TagOrDigest> {
        texts.iter().map(|text| TagOrDigest::Tag(text.parse().unwrap())).collect()
    }

    #[test]
    fn few_samples_are_taken_each_once() {
        let taken = |texts: &[&str]| {
            let images = tags(texts);
            samples(&images).into_iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(taken(&["a"]), ["a"]);
        assert_eq!(taken(&["a", "b"]), ["a", "b"]);
        assert_eq!(taken(&["a", "b", "c", "d", "e"]), ["a", "c", "e"]);
        assert!(taken(&[]).is_empty());
    }

    #[test]
    fn schema1_and_attestations_are_noted() {
        let mut holdings = Holdings::default();
        let note = |holdings: &mut Holdings, media_type: &str, body: &str| {
            let media_type: MediaType = serde_json::from_value(serde_json::Value::from(media_type)).unwrap();
            let bytes = body.as_bytes().to_vec().into();
            let manifest = RawManifest::from_answer(&media_type, bytes, None).unwrap();
            holdings.note(&tags(&["v1"])[0], &manifest);
        };
        let digest = Digest::sha256(b"");
        let index = |os: &str| {
            format!(
                r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","size":1,"platform":{{"os":"{os}","architecture":"{os}"}}}}]}}"#
            )
        };
        note(&mut holdings, "application/vnd.oci.image.index.v1+json", &index("linux"));
        assert_eq!(holdings, Holdings::default());
        note(&mut holdings, "application/vnd.oci.image.index.v1+json", &index("unknown"));
        note(
            &mut holdings,
            "application/vnd.docker.distribution.manifest.v1+json",
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
        );
        assert_eq!((holdings.attestations.len(), holdings.schema1.len()), (1, 1));
    }

    #[test]
    fn refusals_of_logins_are_told_apart() {
        let judge = |kind, has_login| judge_refusal("r.io/a", Step::Tags, "no", kind, "401", has_login);
        assert!(judge(ErrorKind::Unauthorized, false).next.unwrap().contains("give a login"));
        assert_eq!(judge(ErrorKind::Denied, true).blame, Blame::Login);
        assert_eq!(judge(ErrorKind::NotFound, true).blame, Blame::Other);
    }
}
