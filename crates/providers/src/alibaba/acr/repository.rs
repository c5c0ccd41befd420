//! Repositories and their tags. A list of tags contains the digests, so a hundred tags cost one request.

use std::time::SystemTime;

use oci::Digest;
use serde::Deserialize;

use super::answer::{Page, Pages, moment, number, text, truth};
use super::namespace::{ImmutableTags, RepositoryType};
use super::{Acr, LIST_PAGE_SIZE};
use crate::alibaba::error::Error;
use crate::entries::Entries;

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its id, which is needed to list its tags.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name, without the namespace.
    pub name: String,
    /// Which users may pull; `None` if the API names an unknown type.
    pub repository_type: Option<RepositoryType>,
    /// Whether a tag may be overwritten.
    pub immutable_tags: ImmutableTags,
}

/// A tag in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTag {
    /// The tag.
    pub tag: String,
    /// The manifest that it points to; `None` if the API gives no valid digest.
    pub digest: Option<Digest>,
    /// When it was last pushed, if the API states it.
    pub updated: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RepositoryAnswer {
    #[serde(default, deserialize_with = "text")]
    repo_id: String,
    #[serde(default, deserialize_with = "text")]
    repo_namespace_name: String,
    #[serde(default, deserialize_with = "text")]
    repo_name: String,
    #[serde(default, deserialize_with = "text")]
    repo_type: String,
    #[serde(default, deserialize_with = "truth")]
    tag_immutability: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RepositoriesAnswer {
    #[serde(default)]
    repositories: Entries<RepositoryAnswer>,
    #[serde(default, deserialize_with = "number")]
    total_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagsAnswer {
    #[serde(default)]
    images: Entries<TagAnswer>,
    #[serde(default, deserialize_with = "number")]
    total_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagAnswer {
    #[serde(default, deserialize_with = "text")]
    tag: String,
    #[serde(default, deserialize_with = "text")]
    digest: String,
    #[serde(default, deserialize_with = "moment")]
    image_update: Option<SystemTime>,
}

impl RepositoriesAnswer {
    pub(super) fn page(self) -> Page<Repository> {
        Page::new(self.repositories, self.total_count)
    }
}

impl TagsAnswer {
    pub(super) fn page(self) -> Page<ListedTag> {
        Page::new(self.images, self.total_count)
    }
}

impl From<RepositoryAnswer> for Repository {
    fn from(answer: RepositoryAnswer) -> Self {
        let immutable_tags =
            if answer.tag_immutability { ImmutableTags::Enabled } else { ImmutableTags::Disabled };
        Self {
            id: answer.repo_id,
            namespace: answer.repo_namespace_name,
            name: answer.repo_name,
            repository_type: RepositoryType::parse(&answer.repo_type),
            immutable_tags,
        }
    }
}

impl From<TagAnswer> for ListedTag {
    fn from(answer: TagAnswer) -> Self {
        // The API leaves out the digest's algorithm.
        let whole =
            if answer.digest.contains(':') { answer.digest } else { format!("sha256:{}", answer.digest) };
        Self { tag: answer.tag, digest: whole.parse().ok(), updated: answer.image_update }
    }
}

impl Acr {
    /// `GetRepository`; `None` if there is none of this name.
    pub async fn repository(&self, namespace: &str, name: &str) -> Result<Option<Repository>, Error> {
        let parameters = [("RepoNamespaceName", namespace), ("RepoName", name)];
        let answer: Option<RepositoryAnswer> = self.look("GetRepository", &parameters).await?;
        Ok(answer.map(Repository::from))
    }

    /// `CreateRepository`; returns the repository. An existing one is not changed.
    pub async fn create_repository(
        &self,
        namespace: &str,
        name: &str,
        repository_type: RepositoryType,
    ) -> Result<Repository, Error> {
        let action = "CreateRepository";
        let parameters = [
            ("RepoNamespaceName", namespace),
            ("RepoName", name),
            ("RepoType", repository_type.as_str()),
            // The API requires one.
            ("Summary", "made by image-syncer"),
        ];
        self.make(action, &parameters).await?;
        self.repository(namespace, name).await?.ok_or_else(|| self.missing(action, "the repository"))
    }

    /// `ListRepository`: page `number`, from 1, of a namespace's repositories.
    pub async fn repository_page(&self, namespace: &str, number: u32) -> Result<Page<Repository>, Error> {
        let action = "ListRepository";
        let (number, size) = (number.to_string(), LIST_PAGE_SIZE.to_string());
        let parameters = [
            ("RepoNamespaceName", namespace),
            ("RepoStatus", "NORMAL"),
            ("PageNo", &number),
            ("PageSize", &size),
        ];
        let answer: RepositoriesAnswer = self.read(action, self.ask(action, &parameters).await?)?;
        Ok(answer.page())
    }

    /// All repositories of a namespace, as one page.
    pub async fn repositories(&self, namespace: &str) -> Result<Page<Repository>, Error> {
        let mut pages = Pages::new();
        while !pages.take(self.repository_page(namespace, pages.next).await?) {}
        let total = pages.entries.len() as u64;
        Ok(Page { entries: pages.entries, odd: pages.odd, total })
    }

    /// `ListRepoTag`: page `number`, from 1, of the tags of the repository with this id.
    pub async fn tag_page(&self, repository_id: &str, number: u32) -> Result<Page<ListedTag>, Error> {
        let action = "ListRepoTag";
        let (number, size) = (number.to_string(), LIST_PAGE_SIZE.to_string());
        let parameters = [("RepoId", repository_id), ("PageNo", &number), ("PageSize", &size)];
        let answer: TagsAnswer = self.read(action, self.ask(action, &parameters).await?)?;
        Ok(answer.page())
    }

    /// All tags of the repository with this id.
    pub async fn tags(&self, repository_id: &str) -> Result<Vec<ListedTag>, Error> {
        let mut pages = Pages::new();
        while !pages.take(self.tag_page(repository_id, pages.next).await?) {}
        Ok(pages.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_get_their_algorithm_back() {
        let digest = |digest: &str| {
            let (tag, digest) = ("v1".to_owned(), digest.to_owned());
            ListedTag::from(TagAnswer { tag, digest, image_update: None }).digest
        };
        let hex = "a".repeat(64);
        assert_eq!(digest(&hex).unwrap().to_string(), format!("sha256:{hex}"));
        assert_eq!(digest(&format!("sha256:{hex}")), digest(&hex));
        assert_eq!(digest(""), None);
    }
}
