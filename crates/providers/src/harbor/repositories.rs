//! Lists the repositories of a project.

use std::collections::HashSet;

use oci::RepositoryName;
use serde::Deserialize;

use super::pager::Pager;
use super::{ApiVersion, Error, Harbor, Project, ProjectName};

/// Iterates over the pages of a project's repositories.
pub struct RepositoryPages {
    pager: Pager,
    seen: HashSet<RepositoryName>,
    invalid: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RepositoryAnswer {
    /// With the project.
    pub(super) name: String,
}

impl Harbor {
    /// The repositories of a project. An unknown project is answered with 401, 403 or 404.
    pub fn repositories(&self, project: &Project) -> RepositoryPages {
        let pager = match self.version() {
            ApiVersion::One => Pager::new(self, "repositories").query("project_id", project.id.to_string()),
            ApiVersion::Two => Pager::new(self, format!("projects/{}/repositories", project.name)),
        };
        RepositoryPages::new(pager)
    }

    /// The repositories of a project that this login may list, but not read: robots can have the one right without
    /// the other (<https://github.com/goharbor/harbor/issues/14640>). `None` with Harbor 1.x, which lists by id.
    pub fn repositories_of(&self, project: &ProjectName) -> Option<RepositoryPages> {
        let pager = || Pager::new(self, format!("projects/{project}/repositories"));
        (self.version() == ApiVersion::Two).then(|| RepositoryPages::new(pager()))
    }
}

impl RepositoryPages {
    fn new(pager: Pager) -> Self {
        Self { pager, seen: HashSet::new(), invalid: Vec::new() }
    }

    /// The next page of full names, `project/repository`; `None` after the last. A page that failed can be requested
    /// again.
    ///
    /// A repository that comes twice, because others were created between two pages, is returned once.
    pub async fn next(&mut self) -> Result<Option<Vec<RepositoryName>>, Error> {
        let Some(page) = self.pager.next::<RepositoryAnswer>().await? else { return Ok(None) };
        self.invalid.extend(page.odd);
        let mut repositories = Vec::new();
        for answer in page.read {
            match answer.name.parse::<RepositoryName>() {
                Ok(name) if self.seen.insert(name.clone()) => repositories.push(name),
                Ok(_) => {}
                Err(_) => self.invalid.push(answer.name),
            }
        }
        Ok(Some(repositories))
    }

    /// Names on the pages so far that cannot be a repository's: they are reported and do not end a run.
    pub fn invalid(&self) -> &[String] {
        &self.invalid
    }
}
