//! Lists the artifacts of a repository: a hundred digests with their tags in one request.

use std::time::SystemTime;

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::api::Call;
use super::pager::Pager;
use super::{ApiVersion, Error, Harbor};
use crate::entries::Entries;

/// A manifest with Harbor's data about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags that point to it.
    pub tags: Vec<ArtifactTag>,
    /// How many signatures, SBOMs and the like belong to it: lists do not show these as artifacts.
    pub accessories: usize,
    /// Its bytes with those of all its layers, if Harbor states them.
    pub bytes: Option<u64>,
}

/// A tag of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactTag {
    /// The tag.
    pub tag: Tag,
    /// When it was pushed: updated when the tag is moved.
    pub pushed: Option<SystemTime>,
}

/// Iterates over the pages of a repository's tagged artifacts.
pub struct ArtifactPages {
    harbor: Harbor,
    repository: RepositoryName,
    list: List,
}

enum List {
    Pages(Pager),
    /// Harbor 1.x lists only tags, in one answer.
    AllTags,
    Done,
}

#[derive(Deserialize)]
pub(super) struct ArtifactAnswer {
    digest: Digest,
    tags: Option<Vec<TagAnswer>>,
    accessories: Option<Vec<IgnoredAny>>,
    size: Option<Size>,
    push_time: Option<PushTime>,
}

#[derive(Deserialize)]
struct TagAnswer {
    name: String,
    push_time: Option<PushTime>,
}

#[derive(Deserialize)]
struct FirstTag {
    name: String,
    digest: Digest,
    push_time: Option<PushTime>,
}

/// A time, or another value in its place: an invalid date does not make a tag lose its digest.
#[derive(Deserialize)]
#[serde(untagged)]
enum PushTime {
    Text(String),
    Other(IgnoredAny),
}

/// A number of bytes, or another value in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Other(IgnoredAny),
}

impl Size {
    /// Harbor sends 0 for a size that it has not counted.
    fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) if bytes > 0 => Some(bytes),
            Self::Bytes(_) | Self::Other(_) => None,
        }
    }
}

impl PushTime {
    /// Harbor sends the year 1 for an unknown time.
    fn time(self) -> Option<SystemTime> {
        let Self::Text(text) = self else { return None };
        let time: Timestamp = text.parse().ok()?;
        (time > Timestamp::UNIX_EPOCH).then(|| time.into())
    }
}

impl Harbor {
    /// The artifacts of a repository that have tags, with those tags. Signatures under cosign's tags
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
}

impl ArtifactPages {
    /// The next page; `None` after the last. A page that failed can be requested again.
    ///
    /// # Errors
    /// [`Error::EncodedName`] if a proxy in front of Harbor changes the encoded name.
    pub async fn next(&mut self) -> Result<Option<Vec<Artifact>>, Error> {
        if !self.repository.as_str().contains('/') {
            return Err(Error::NoProject { repository: self.repository.clone() });
        }
        match &mut self.list {
            List::Done => Ok(None),
            List::Pages(pager) => {
                let page = pager.next::<ArtifactAnswer>().await;
                let page = page.map_err(|error| told(error, &self.repository))?;
                // The tags of an artifact that cannot be parsed are resolved one by one.
                Ok(page.map(|page| page.read.into_iter().map(Artifact::from).collect()))
            }
            List::AllTags => {
                let call = Call::get(format!("repositories/{}/tags", self.repository));
                let answer = self.harbor.ask(&call, &[http::StatusCode::OK]).await?;
                let tags = answer.json::<Entries<FirstTag>>()?;
                self.list = List::Done;
                // As above: a tag that has lost its manifest has no digest.
                Ok(Some(tags.read.into_iter().map(Artifact::from).collect()))
            }
        }
    }
}

impl From<ArtifactAnswer> for Artifact {
    fn from(answer: ArtifactAnswer) -> Self {
        let of_artifact = answer.push_time.and_then(PushTime::time);
        let tag = |tag: TagAnswer| (tag.name, tag.push_time.and_then(PushTime::time).or(of_artifact));
        let tags = answer.tags.unwrap_or_default().into_iter().map(tag);
        let accessories = answer.accessories.unwrap_or_default().len();
        let bytes = answer.size.and_then(Size::bytes);
        Self { digest: answer.digest, tags: valid(tags), accessories, bytes }
    }
}

impl From<FirstTag> for Artifact {
    fn from(tag: FirstTag) -> Self {
        let tags = [(tag.name, tag.push_time.and_then(PushTime::time))];
        Self { digest: tag.digest, tags: valid(tags.into_iter()), accessories: 0, bytes: None }
    }
}

/// The tags that the specification allows: others cannot be requested.
fn valid(tags: impl Iterator<Item = (String, Option<SystemTime>)>) -> Vec<ArtifactTag> {
    tags.filter_map(|(name, pushed)| Some(ArtifactTag { tag: name.parse().ok()?, pushed })).collect()
}

/// `projects/{project}/repositories/{repository}/artifacts`, with the repository's name encoded twice:
/// Harbor decodes it twice.
pub(super) fn artifacts_path(repository: &RepositoryName) -> Option<String> {
    let (project, rest) = repository.as_str().split_once('/')?;
    // All other characters of a name need no encoding.
    Some(format!("projects/{project}/repositories/{}/artifacts", rest.replace('/', "%252F")))
}

/// Whether the name has a slash that must be encoded.
fn is_nested(repository: &RepositoryName) -> bool {
    repository.as_str().matches('/').count() > 1
}

/// Harbor answers an unknown repository with an empty list: a 404 or 400 means that a proxy changed the path.
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
    fn p4_a_tag_without_a_digest_costs_no_other_of_harbor_one() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let list = format!(
            r#"[{{"name":"v1","digest":""}},{{"name":"v2"}},null,{{"name":"v3","digest":"{digest}"}}]"#
        );
        let tags: Entries<FirstTag> = serde_json::from_str(&list).unwrap();
        let tags: Vec<_> = tags.read.into_iter().flat_map(|tag| Artifact::from(tag).tags).collect();
        assert_eq!(tags, [ArtifactTag { tag: "v3".parse().unwrap(), pushed: None }]);
    }

    #[test]
    fn artifacts_are_read_with_what_may_be_missing() {
        let one = format!("sha256:{}", "1".repeat(64));
        let json = format!(
            r#"{{"digest":"{one}","tags":[{{"name":"v1"}},{{"name":"no good"}}],"accessories":[{{"type":"sbom"}},null],"size":7}}"#
        );
        let artifact = Artifact::from(serde_json::from_str::<ArtifactAnswer>(&json).unwrap());
        assert_eq!((artifact.tags.len(), artifact.accessories, artifact.bytes), (1, 2, Some(7)));
        assert_eq!(artifact.tags[0], ArtifactTag { tag: "v1".parse().unwrap(), pushed: None });
        let bare = format!(r#"{{"digest":"{one}","tags":null,"accessories":null,"size":"?"}}"#);
        assert!(Artifact::from(serde_json::from_str::<ArtifactAnswer>(&bare).unwrap()).tags.is_empty());
    }

    #[test]
    fn a_tags_own_date_counts_before_its_artifacts_and_one_that_cannot_be_read_counts_for_nothing() {
        let one = format!("sha256:{}", "1".repeat(64));
        let json = format!(
            r#"{{"digest":"{one}","push_time":"2020-01-01T00:00:00.000Z","tags":[
                {{"name":"own","push_time":"1970-01-01T00:01:00.5Z"}},{{"name":"none"}},
                {{"name":"unset","push_time":"0001-01-01T00:00:00.000Z"}},{{"name":"odd","push_time":7}}]}}"#
        );
        let artifact = Artifact::from(serde_json::from_str::<ArtifactAnswer>(&json).unwrap());
        let since = |pushed: Option<SystemTime>| {
            pushed.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
        };
        let dates: Vec<_> = artifact.tags.iter().map(|tag| since(tag.pushed)).collect();
        let of_artifact = 1_577_836_800_000;
        assert_eq!(dates, [60_500, of_artifact, of_artifact, of_artifact]);
    }
}
