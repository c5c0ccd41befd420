//! Lists the artifacts of a repository: a hundred digests with their tags in one request.

use oci::{Digest, RepositoryName, Tag};
use registry::Problem;
use serde::Deserialize;

use super::api::Call;
use super::pager::Pager;
use super::{ApiVersion, Error, Harbor};

/// A manifest with what Harbor knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags that point at it.
    pub tags: Vec<Tag>,
    /// Names among its tags that the specification does not allow.
    pub invalid_tags: Vec<String>,
    /// The manifests of an index. They may have accessories of their own: [`Harbor::artifact`].
    pub children: Vec<Digest>,
    /// What belongs to it. Accessories are not artifacts of their own in a list.
    pub accessories: Vec<Accessory>,
}

/// A signature, an SBOM or something else that belongs to an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accessory {
    /// Its manifest's digest.
    pub digest: Digest,
    /// Harbor's word for what it is, such as `signature.cosign` or `sbom.harbor`.
    pub kind: String,
    /// What it belongs to.
    pub subject: Digest,
}

/// Walks over the pages of a repository's tagged artifacts.
pub struct ArtifactPages {
    harbor: Harbor,
    repository: RepositoryName,
    list: List,
}

enum List {
    Pages(Pager),
    /// Harbor 1.x knows tags alone, in one answer.
    AllTags,
    Done,
}

#[derive(Deserialize)]
pub(super) struct ArtifactAnswer {
    digest: Digest,
    tags: Option<Vec<TagAnswer>>,
    references: Option<Vec<ChildAnswer>>,
    accessories: Option<Vec<AccessoryAnswer>>,
}

#[derive(Deserialize)]
struct TagAnswer {
    name: String,
}

#[derive(Deserialize)]
struct ChildAnswer {
    child_digest: Digest,
}

#[derive(Deserialize)]
struct AccessoryAnswer {
    digest: Digest,
    #[serde(rename = "type")]
    kind: String,
    subject_artifact_digest: Option<String>,
}

#[derive(Deserialize)]
struct FirstTag {
    name: String,
    digest: Option<Digest>,
}

impl Harbor {
    /// The artifacts of a repository that have tags, with those tags. Signatures under tags of cosign's
    /// (`sha256-….sig`) are accessories here, although they are in the protocol's list of tags.
    pub fn artifacts(&self, repository: &RepositoryName) -> ArtifactPages {
        let list = match self.version() {
            ApiVersion::One => List::AllTags,
            ApiVersion::Two => match artifacts_path(repository) {
                Some(path) => List::Pages(
                    Pager::new(self, path)
                        .query("with_tag", "true")
                        .query("with_accessory", "true")
                        .query("with_label", "false")
                        .query("q", "tags=*"),
                ),
                None => List::Done,
            },
        };
        ArtifactPages { harbor: self.clone(), repository: repository.clone(), list }
    }

    /// One artifact by its digest, tagged or not; `None` when it is not there. Harbor 1.x has none.
    pub async fn artifact(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Artifact>, Error> {
        let Some(path) = artifacts_path(repository) else {
            return Err(Error::NoProject { repository: repository.clone() });
        };
        if self.version() == ApiVersion::One {
            return Ok(None);
        }
        let call =
            Call::get(format!("{path}/{digest}")).query("with_tag", "true").query("with_accessory", "true");
        match self.value::<ArtifactAnswer>(&call).await {
            Ok(answer) => Ok(Some(answer.into())),
            Err(error) if error.has_status(&[404]) && !is_nested(repository) => Ok(None),
            // Harbor's own words, which only come when it saw the name as it is meant.
            Err(error) if is_unknown_artifact(&error) => Ok(None),
            Err(error) => Err(told(error, repository)),
        }
    }
}

impl ArtifactPages {
    /// The next page; `None` after the last. A failed page can be asked for again.
    ///
    /// # Errors
    /// [`Error::EncodedName`] when something in front of Harbor does not let the name through.
    pub async fn next(&mut self) -> Result<Option<Vec<Artifact>>, Error> {
        if !self.repository.as_str().contains('/') {
            return Err(Error::NoProject { repository: self.repository.clone() });
        }
        match &mut self.list {
            List::Done => Ok(None),
            List::Pages(pager) => {
                let page = pager.next::<ArtifactAnswer>().await;
                let page = page.map_err(|error| told(error, &self.repository))?;
                // The tags of one that cannot be read are asked for one by one.
                Ok(page.map(|page| page.read.into_iter().map(Artifact::from).collect()))
            }
            List::AllTags => {
                let call = Call::get(format!("repositories/{}/tags", self.repository));
                let answer = self.harbor.ask(&call, &[http::StatusCode::OK]).await?;
                let tags = answer.json::<Option<Vec<FirstTag>>>()?.unwrap_or_default();
                let missing = || answer.broken(Problem::Json("a tag without a digest".to_owned()));
                let artifacts = tags.into_iter().map(|tag| tag.artifact().ok_or_else(missing));
                let artifacts = artifacts.collect::<Result<_, _>>()?;
                self.list = List::Done;
                Ok(Some(artifacts))
            }
        }
    }
}

impl From<ArtifactAnswer> for Artifact {
    fn from(answer: ArtifactAnswer) -> Self {
        let digest = answer.digest;
        let accessories = answer.accessories.unwrap_or_default().into_iter().map(|accessory| {
            // Harbor before 2.9 gives the subject's number alone; it is what we asked for.
            let subject = accessory.subject_artifact_digest.and_then(|subject| subject.parse().ok());
            let subject = subject.unwrap_or_else(|| digest.clone());
            Accessory { digest: accessory.digest, kind: accessory.kind, subject }
        });
        let accessories = accessories.collect();
        let (tags, invalid_tags) =
            sorted_out(answer.tags.unwrap_or_default().into_iter().map(|tag| tag.name));
        let children = answer.references.unwrap_or_default();
        let children = children.into_iter().map(|child| child.child_digest).collect();
        Self { digest, tags, invalid_tags, children, accessories }
    }
}

impl FirstTag {
    fn artifact(self) -> Option<Artifact> {
        let (tags, invalid_tags) = sorted_out([self.name].into_iter());
        let (children, accessories) = (Vec::new(), Vec::new());
        Some(Artifact { digest: self.digest?, tags, invalid_tags, children, accessories })
    }
}

fn sorted_out(names: impl Iterator<Item = String>) -> (Vec<Tag>, Vec<String>) {
    let (mut tags, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        match name.parse() {
            Ok(tag) => tags.push(tag),
            Err(_) => invalid.push(name),
        }
    }
    (tags, invalid)
}

/// `projects/{project}/repositories/{repository}/artifacts`, with the repository's name encoded twice:
/// Harbor decodes it twice.
fn artifacts_path(repository: &RepositoryName) -> Option<String> {
    let (project, rest) = repository.as_str().split_once('/')?;
    // All other characters that a name may have stand for themselves.
    Some(format!("projects/{project}/repositories/{}/artifacts", rest.replace('/', "%252F")))
}

/// Whether the name has a slash that must be encoded.
fn is_nested(repository: &RepositoryName) -> bool {
    repository.as_str().matches('/').count() > 1
}

fn is_unknown_artifact(error: &Error) -> bool {
    let errors = error.refusal().map(|refusal| refusal.errors.as_slice()).unwrap_or_default();
    errors.iter().any(|error| error.code == "NOT_FOUND" && error.message.starts_with("artifact "))
}

/// Harbor answers an unknown repository with an empty list: a 404 or 400 says that the path was changed.
fn told(error: Error, repository: &RepositoryName) -> Error {
    match error {
        Error::Api(source @ registry::Error::Refused(_))
            if is_nested(repository)
                && source.status().is_some_and(|status| [400, 404].contains(&status.as_u16())) =>
        {
            Error::EncodedName { repository: repository.clone(), source: Box::new(source) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_are_encoded_twice() {
        let path = |name: &str| artifacts_path(&name.parse().unwrap());
        assert_eq!(path("library/a/b/c").unwrap(), "projects/library/repositories/a%252Fb%252Fc/artifacts");
        assert_eq!(path("library/app").unwrap(), "projects/library/repositories/app/artifacts");
        assert_eq!(path("app"), None);
    }

    #[test]
    fn artifacts_are_read_with_what_may_be_missing() {
        let (one, two) = (format!("sha256:{}", "1".repeat(64)), format!("sha256:{}", "2".repeat(64)));
        let json = format!(
            r#"{{"digest":"{one}","tags":[{{"name":"v1"}},{{"name":"no good"}}],"references":[{{"child_digest":"{two}"}}],
                "accessories":[{{"digest":"{two}","type":"signature.cosign"}}]}}"#
        );
        let artifact = Artifact::from(serde_json::from_str::<ArtifactAnswer>(&json).unwrap());
        assert_eq!(
            (artifact.tags.len(), artifact.invalid_tags.as_slice()),
            (1, ["no good".to_owned()].as_slice())
        );
        assert_eq!(artifact.children[0].to_string(), two);
        assert_eq!(artifact.accessories[0].subject.to_string(), one);
        let bare = format!(r#"{{"digest":"{one}","tags":null,"references":null}}"#);
        assert!(Artifact::from(serde_json::from_str::<ArtifactAnswer>(&bare).unwrap()).tags.is_empty());
    }
}
