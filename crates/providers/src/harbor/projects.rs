//! Lists, finds and creates projects.

use std::collections::HashSet;

use http::StatusCode;
use serde_json::json;

use super::api::Call;
use super::pager::Pager;
use super::project::ProjectAnswer;
use super::{ApiVersion, Error, Harbor, Project, ProjectName, Visibility};

/// Iterates over the pages of the projects that this login may see.
pub struct ProjectPages {
    pager: Pager,
    seen: HashSet<u64>,
    invalid: Vec<String>,
}

/// The result of creating a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The project was created.
    Created,
    /// The project existed before.
    AlreadyThere,
}

impl Harbor {
    /// The projects that this login may see, including proxy caches.
    pub fn projects(&self) -> ProjectPages {
        ProjectPages::new(Pager::new(self, "projects").query("with_detail", "false"))
    }

    /// One project; `None` if there is none with this name.
    ///
    /// # Errors
    /// Harbor also answers 403 for a project that does not exist, unless the login is an administrator's.
    pub async fn project(&self, name: &ProjectName) -> Result<Option<Project>, Error> {
        if self.version() == ApiVersion::One {
            return self.listed_project(name).await;
        }
        let asked = self.value::<ProjectAnswer>(&Call::get(format!("projects/{name}"))).await;
        match asked {
            // Harbor before 2.2 takes only ids here, and may return the project with that id.
            Ok(answer) if answer.name == name.as_str() => Ok(answer.try_into().ok()),
            Ok(_) => self.listed_project(name).await,
            Err(error) if error.has_status(&[404]) => Ok(None),
            // 422 by Harbor before 2.2; 403 to robots that may list projects, but not read one.
            Err(error) if error.has_status(&[403, 422]) => {
                self.listed_project(name).await?.map_or(Err(error), |project| Ok(Some(project)))
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a project.
    pub async fn create_project(
        &self,
        name: &ProjectName,
        visibility: Visibility,
    ) -> Result<Creation, Error> {
        let public = if visibility == Visibility::Public { "true" } else { "false" };
        let mut project = json!({"project_name": name.as_str(), "metadata": {"public": public}});
        if self.version() == ApiVersion::Two {
            // No limit for this project.
            project["storage_limit"] = json!(-1);
        }
        let hoped = [StatusCode::CREATED, StatusCode::OK];
        match self.ask(&Call::post("projects", &project), &hoped).await {
            Ok(_) => Ok(Creation::Created),
            Err(error) if error.has_status(&[409]) => Ok(Creation::AlreadyThere),
            Err(error) => Err(error),
        }
    }

    /// Finds the project in a list, because Harbor's filter matches every name that contains `name`.
    async fn listed_project(&self, name: &ProjectName) -> Result<Option<Project>, Error> {
        let mut pages = ProjectPages::new(Pager::new(self, "projects").query("name", name.as_str()));
        while let Some(page) = pages.next().await? {
            if let Some(project) = page.into_iter().find(|project| project.name == *name) {
                return Ok(Some(project));
            }
        }
        Ok(None)
    }
}

impl ProjectPages {
    fn new(pager: Pager) -> Self {
        Self { pager, seen: HashSet::new(), invalid: Vec::new() }
    }

    /// The next page; `None` after the last. A page that failed can be requested again. Each project comes once.
    pub async fn next(&mut self) -> Result<Option<Vec<Project>>, Error> {
        let Some(page) = self.pager.next::<ProjectAnswer>().await? else { return Ok(None) };
        self.invalid.extend(page.odd);
        let mut projects = Vec::new();
        for answer in page.read {
            match Project::try_from(answer) {
                Ok(project) if self.seen.insert(project.id) => projects.push(project),
                Ok(_) => {}
                Err(error) => self.invalid.push(error.text),
            }
        }
        Ok(Some(projects))
    }

    /// Names on the pages so far that cannot be a project's: they are reported and do not end a run.
    pub fn invalid(&self) -> &[String] {
        &self.invalid
    }
}
