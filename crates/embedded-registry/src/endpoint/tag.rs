//! Lists of tags and of repositories: end-8 and the old catalog.

use http::StatusCode;
use serde_json::json;

use super::Asked;
use crate::answer::Answer;
use crate::server::Shared;

impl Shared {
    pub(super) fn tags(&self, asked: &Asked, repository: &str) -> Answer {
        if !self.store.repositories().iter().any(|known| known == repository) {
            return Answer::error(
                StatusCode::NOT_FOUND,
                "NAME_UNKNOWN",
                "repository name not known to registry",
            );
        }
        let (tags, more) = self.page(asked, self.store.tags(repository));
        let answer = Answer::json(&json!({"name": repository, "tags": tags}));
        self.link(asked, answer, tags.last().filter(|_| more), &format!("/v2/{repository}/tags/list"))
    }

    pub(super) fn catalog(&self, asked: &Asked) -> Answer {
        let (repositories, more) = self.page(asked, self.store.repositories());
        let answer = Answer::json(&json!({"repositories": repositories}));
        self.link(asked, answer, repositories.last().filter(|_| more), "/v2/_catalog")
    }

    /// The page that was asked for, and whether there are more.
    fn page(&self, asked: &Asked, names: Vec<String>) -> (Vec<String>, bool) {
        let last = asked.parameter("last").unwrap_or_default();
        let mut rest: Vec<_> = names.into_iter().filter(|name| *name > last).collect();
        let limit = self.page_size(asked).unwrap_or(usize::MAX);
        let more = rest.len() > limit;
        rest.truncate(limit);
        (rest, more)
    }

    fn page_size(&self, asked: &Asked) -> Option<usize> {
        let wanted = asked.parameter("n").and_then(|number| number.parse().ok());
        [wanted, self.tag_page_size].into_iter().flatten().min()
    }

    fn link(&self, asked: &Asked, answer: Answer, last: Option<&String>, path: &str) -> Answer {
        let (Some(last), Some(limit)) = (last, self.page_size(asked)) else { return answer };
        answer.header("link", format!("<{path}?last={last}&n={limit}>; rel=\"next\""))
    }
}
