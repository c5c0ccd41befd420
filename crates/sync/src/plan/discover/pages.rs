//! Reads the tags of a source page by page.

use std::sync::Arc;

use oci::{ErrorKind, Tag, TagOrDigest};

use super::Discovery;
use super::gate::Origin;
use crate::endpoint::{EndpointError, TagPage, Tags};
use crate::plan::followers::is_follower;
use crate::{Error, Event, Operation};

/// The result of a request for tags.
pub(super) enum Page {
    Tags(Vec<Tag>),
    End,
    /// The tag list does not exist.
    NoTags,
}

impl Discovery<'_> {
    /// Plans each page as it comes.
    pub(super) async fn stream(&self) -> Result<(), Arc<Error>> {
        let mut pages = self.rule.source.tags();
        let (mut any, mut followers) = (false, Vec::new());
        loop {
            match self.next_page(&mut *pages).await? {
                Page::Tags(tags) => {
                    let images = self.select(tags);
                    any |= !images.is_empty();
                    self.tell_names(&images);
                    let (follow, images): (Vec<_>, Vec<_>) = images.into_iter().partition(is_follower);
                    followers.extend(follow);
                    self.plan(images).await?;
                }
                Page::NoTags => {
                    self.telling.has_told_all();
                    return Ok(());
                }
                // The subjects of the followers may be on any page.
                Page::End if any => {
                    self.telling.has_told_all();
                    return self.plan(followers).await;
                }
                Page::End => {
                    self.telling.has_told_all();
                    self.tell_of_nothing(None);
                    return Ok(());
                }
            }
        }
    }

    pub(super) async fn list_all(&self) -> Result<Vec<TagOrDigest>, Arc<Error>> {
        let mut pages = self.rule.source.tags();
        let mut all = Vec::new();
        while let Page::Tags(tags) = self.next_page(&mut *pages).await? {
            all.extend(self.select(tags));
        }
        Ok(all)
    }

    pub(super) async fn next_page(&self, pages: &mut dyn Tags) -> Result<Page, Arc<Error>> {
        let error = |cause: EndpointError| {
            self.rivals.is_failing(self.index);
            self.error(Operation::ListTags, cause.into())
        };
        match self.run.retrying_list(&self.source, (pages, |pages| pages.next()), error).await {
            Ok(Some(page)) => Ok(Page::Tags(self.take(page))),
            Ok(None) => {
                self.run.referrer_tags.listed_all(&self.source);
                Ok(Page::End)
            }
            Err(error) if error.kind() == Some(ErrorKind::NotFound) && self.is_listed() => {
                self.tell_of_no_tags();
                Ok(Page::NoTags)
            }
            Err(error) => Err(error),
        }
    }

    fn is_listed(&self) -> bool {
        matches!(self.origin, Origin::Listed(_))
    }

    /// Registries list repositories that have only parts of an image, or that were emptied, and answer 404 to
    /// requests for their tags.
    fn tell_of_no_tags(&self) {
        let text = "the registry lists this repository, but no tags of it: nothing is copied from it";
        self.run.tell(&Event::Note { place: self.source.clone(), text: text.to_owned() });
    }

    /// Takes a page, and reports invalid tags.
    fn take(&self, page: TagPage) -> Vec<Tag> {
        for tag in page.invalid {
            self.run.tell(&Event::InvalidTag { source: self.source.clone(), tag });
        }
        self.run.referrer_tags.listed(&self.source, self.rule, &page.tags);
        if self.run.mode.looks_for_extra() {
            self.listed.add(&page.tags);
        }
        page.tags
    }

    fn select(&self, mut tags: Vec<Tag>) -> Vec<TagOrDigest> {
        let listed = tags.len();
        tags.retain(|tag| self.rule.policy.referrers.takes_tag(tag));
        let images = self.rule.selection.by_name(tags);
        let (source, selected) = (self.source.clone(), Some(images.len()));
        self.run.tell(&Event::TagsListed { rule: self.index, source, tags: listed, selected });
        images
    }
}
