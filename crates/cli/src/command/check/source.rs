//! Checks whether a source lists its tags and serves images: some sample manifests, and where their blobs come from.

use oci::{Descriptor, Digest, ErrorKind, RawManifest, RepositoryName, TagOrDigest};
use registry::{Access, Error, LoginSearch, Registry, Repository};
use sync::Selection;

use super::blob;
use super::finding::{Finding, Step};
use super::holdings::Holdings;
use super::limit::{NO_ANSWER, answer, asked};
use crate::config::KnownRegistry;
use crate::diagnostic::registry_words;

/// Lists tags and reads sample images.
pub(super) async fn look(
    known: &KnownRegistry,
    repository: &RepositoryName,
    selection: &Selection,
) -> (Vec<Finding>, Holdings) {
    let handle = known.registry.repository(repository, Access::Pull);
    let place = format!("{}/{repository}", known.registry.host());
    let mut look = Look { known, handle, place, findings: Vec::new(), holdings: Holdings::default() };
    let images = look.images(selection).await;
    let mut blob = None;
    for image in samples(&images) {
        blob = look.image(image).await.or(blob);
    }
    if let Some(digest) = blob {
        look.blob(&digest).await;
    }
    (look.findings, look.holdings)
}

/// The check of one repository, and its results so far.
struct Look<'a> {
    known: &'a KnownRegistry,
    handle: Repository,
    place: String,
    findings: Vec<Finding>,
    holdings: Holdings,
}

impl Look<'_> {
    /// The images that the rule selects; none if the list cannot be read.
    async fn images(&mut self, selection: &Selection) -> Vec<TagOrDigest> {
        match select(&self.asker(), selection).await {
            Ok((images, found)) => {
                self.findings.extend(found.map(|what| Finding::ok(&self.place, Step::Tags, what)));
                if images.is_empty() {
                    let what = "none of its tags is selected";
                    let finding = Finding::warning(&self.place, Step::Tags, what);
                    self.findings.push(finding.next("check the rule's pattern, and the repository's tags"));
                }
                images
            }
            Err(trouble) => {
                self.trouble(Step::Tags, "its tags cannot be listed", trouble).await;
                Vec::new()
            }
        }
    }

    /// Reads one image; returns the digest of one of its blobs.
    async fn image(&mut self, image: &TagOrDigest) -> Option<Digest> {
        match pull(&self.asker(), image).await {
            Ok(Some(Pulled { manifest, smallest, largest })) => {
                self.holdings.note(image, &manifest);
                self.holdings.note_largest(largest);
                self.findings.push(Finding::ok(&self.place, Step::Pull, format!("`{image}` can be read")));
                smallest
            }
            Ok(None) => {
                self.findings.push(missing(&self.place, image));
                None
            }
            Err(trouble) => {
                self.trouble(Step::Pull, &format!("`{image}` cannot be read"), trouble).await;
                None
            }
        }
    }

    fn asker(&self) -> Asker {
        Asker {
            registry: self.known.registry.clone(),
            handle: self.handle.clone(),
            place: self.place.clone(),
        }
    }

    async fn blob(&mut self, digest: &Digest) {
        let (registry, place) = (&self.known.registry, self.place.as_str());
        self.findings.push(
            match asked(registry, place, async || self.handle.locate_blob(digest).await).await {
                Some(located) => blob::judge(&self.place, self.known.registry.host(), digest, located),
                None => no_answer(&self.place, Step::Blobs),
            },
        );
    }

    /// Records a failure. Harbor answers 401 for missing projects, so its API is asked, too.
    async fn trouble(&mut self, step: Step, what: &str, trouble: Trouble) {
        let place = self.place.as_str();
        let error = match trouble {
            Trouble::Refused(error) => error,
            Trouble::NoAnswer => {
                self.findings.push(no_answer(place, step));
                return;
            }
        };
        let (kind, words) = (error.kind(), registry_words(&error));
        let may_be_missing =
            matches!(kind, ErrorKind::Unauthorized | ErrorKind::Denied | ErrorKind::NotFound);
        self.findings.push(if may_be_missing && lacks_project(self.known, self.handle.name()).await {
            let project = self.handle.name().as_str().split('/').next().unwrap_or_default();
            let what = format!("Harbor has no project `{project}` that this login may see");
            let next = "check the project's name, and that the login is its member";
            Finding::problem(place, step, what).why(words).next(next)
        } else {
            judge_refusal(place, step, what, (kind, &words), &self.known.login)
        });
    }
}

enum Trouble {
    Refused(Error),
    NoAnswer,
}

/// Asks one repository.
struct Asker {
    registry: Registry,
    handle: Repository,
    place: String,
}

impl Asker {
    async fn ask<T>(&self, question: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Trouble> {
        match asked(&self.registry, &self.place, question).await {
            Some(answer) => answer.map_err(Trouble::Refused),
            None => Err(Trouble::NoAnswer),
        }
    }
}

/// The images that the rule selects, up to the first page that has any; and a text about what was listed.
async fn select(asker: &Asker, selection: &Selection) -> Result<(Vec<TagOrDigest>, Option<String>), Trouble> {
    if let Some(images) = selection.named() {
        return Ok((images, None));
    }
    let (mut pages, mut listed, mut images) = (asker.handle.tags(), 0, Vec::new());
    while images.is_empty()
        && let Some(page) = asker.ask(async || pages.next().await).await?
    {
        listed += page.tags.len();
        images = selection.by_name(page.tags);
    }
    let selected = images.len();
    Ok((images, Some(format!("tags read: {listed}, selected of these: {selected}"))))
}

/// The first, the middle and the last image: images of a repository are often alike.
fn samples(images: &[TagOrDigest]) -> Vec<&TagOrDigest> {
    let last = images.len().saturating_sub(1);
    let mut indexes = vec![0, last / 2, last];
    indexes.dedup();
    indexes.into_iter().filter_map(|index| images.get(index)).collect()
}

/// The facts about an image that was read.
struct Pulled {
    manifest: RawManifest,
    /// The digest of its smallest blob.
    smallest: Option<Digest>,
    largest: Option<Descriptor>,
}

/// Reads an image's manifests; `None` if the image does not exist.
async fn pull(asker: &Asker, image: &TagOrDigest) -> Result<Option<Pulled>, Trouble> {
    // A copy also starts with HEAD: it tells whether the image exists, and does not count as a pull.
    let handle = &asker.handle;
    if asker.ask(async || handle.resolve(image).await).await?.is_none() {
        return Ok(None);
    }
    let manifest = asker.ask(async || handle.pull_manifest(image).await).await?;
    let mut links = manifest.links().ok();
    if let Some(child) = links.as_ref().and_then(|links| links.manifests.first()) {
        let child = TagOrDigest::Digest(child.digest.clone());
        let child = asker.ask(async || handle.pull_manifest(&child).await).await?;
        links = child.links().ok();
    }
    let Some(links) = links else { return Ok(Some(Pulled { manifest, smallest: None, largest: None })) };
    let largest = links.blobs.iter().max_by_key(|blob| blob.size).cloned();
    let smallest = links.config.or_else(|| links.blobs.into_iter().next());
    Ok(Some(Pulled { manifest, smallest: smallest.map(|blob| blob.digest), largest }))
}

fn no_answer(place: &str, step: Step) -> Finding {
    Finding::problem(place, step, NO_ANSWER).next("run the check again")
}

fn missing(place: &str, image: &TagOrDigest) -> Finding {
    Finding::problem(place, Step::Pull, format!("`{image}` is not there"))
        .next("check repository and tag at the source; if they exist, whether this login may see them")
}

async fn lacks_project(known: &KnownRegistry, repository: &RepositoryName) -> bool {
    let ask = async {
        let harbor = known.registry_api.harbor().await.ok()??;
        let project = providers::harbor::ProjectName::of(repository)?;
        match harbor.project(&project).await {
            Ok(found) => Some(found.is_none()),
            // Harbor answers `Denied` for a missing project unless the user is an administrator.
            Err(error) => Some(error.kind() == ErrorKind::Denied),
        }
    };
    answer(&known.registry, ask).await.flatten().unwrap_or(false)
}

fn judge_refusal(
    place: &str,
    step: Step,
    what: &str,
    (kind, words): (ErrorKind, &str),
    login: &LoginSearch,
) -> Finding {
    let finding = Finding::problem(place, step, what).why(words);
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Denied => match login {
            LoginSearch::Found(login) => {
                finding.next(format!("check that the repository exists, and that {login} may pull from it"))
            }
            LoginSearch::NotFound(places) => finding.next(format!(
                "check that the repository exists; if it is private, give a login for it in `auth`: {places}"
            )),
        }
        .by_login(),
        ErrorKind::NotFound => finding.next("check the repository's name, and whether this login may see it"),
        ErrorKind::RateLimited => {
            finding.next("wait a while, or log in: registries let known users pull more")
        }
        _ => finding.next("see what the registry says, and run the check again"),
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
    fn refusals_of_logins_are_told_apart() {
        let judge = |kind, login| judge_refusal("r.io/a", Step::Tags, "no", (kind, "401"), &login);
        let found = || LoginSearch::Found("`u` (auth entry `r.io`)".into());
        let nobody = LoginSearch::NotFound("no file with logins is given (--auth)".into());
        let next = judge(ErrorKind::Unauthorized, nobody).next.unwrap();
        assert!(next.contains("give a login") && next.contains("(--auth)"), "{next}");
        let denied = judge(ErrorKind::Denied, found());
        assert_eq!(denied.blame, Blame::Login);
        assert!(denied.next.unwrap().contains("`u` (auth entry `r.io`) may pull"));
        assert_eq!(judge(ErrorKind::NotFound, found()).blame, Blame::Other);
    }
}
