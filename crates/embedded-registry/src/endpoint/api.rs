//! Registries' APIs for deletion beside the protocol: Harbor's API v2.0, and Azure's.

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::deletion::DeletionApi;
use crate::place::Place;
use crate::server::Shared;

const HARBOR: &str = "/api/v2.0/";
const AZURE: &str = "/acr/v1/";

impl Shared {
    /// The answer of the API, if the registry has one and the path belongs to it.
    pub(crate) fn api(&self, head: &Parts, path: &str) -> Option<Answer> {
        let answer = match self.settings.deletion.api {
            DeletionApi::None => return None,
            DeletionApi::Harbor if path == "/api/version" => Ok(Answer::json(&json!({"version": "v2.0"}))),
            DeletionApi::Harbor => self.harbor(head, path.strip_prefix(HARBOR)?),
            DeletionApi::Azure => {
                let (repository, tag) = path.strip_prefix(AZURE)?.rsplit_once("/_tags/")?;
                self.delete_tag(head, repository, tag, StatusCode::ACCEPTED)
            }
        };
        Some(answer.unwrap_or_else(|refusal| refusal))
    }

    fn harbor(&self, head: &Parts, path: &str) -> Result<Answer, Answer> {
        if path == "systeminfo" {
            let info = json!({"harbor_version": "v2.16.0", "auth_mode": "db_auth", "read_only": false});
            return Ok(Answer::json(&info));
        }
        match &path.split('/').collect::<Vec<_>>()[..] {
            // A repository's name is encoded twice; a proxy in front has decoded it at most once.
            ["projects", project, "repositories", rest, "artifacts", _, "tags", tag] => {
                let rest = rest.replace("%252F", "/").replace("%2F", "/");
                self.delete_tag(head, &format!("{project}/{rest}"), tag, StatusCode::OK)
            }
            _ => Err(Refusal::NoSuchEndpoint.into()),
        }
    }

    fn delete_tag(
        &self,
        head: &Parts,
        repository: &str,
        tag: &str,
        done: StatusCode,
    ) -> Result<Answer, Answer> {
        if head.method != Method::DELETE {
            return Err(Refusal::Unsupported.into());
        }
        let caller = self.admit(head, Place::Manifest { repository, reference: tag })?;
        let call = Call { shared: self, head, caller };
        let mut content = self.store.content();
        let found = content.repositories.get_mut(repository);
        let found = found.ok_or_else(|| Refusal::NameUnknown.of(repository))?;
        call.untag(found, repository, tag, done)
    }
}
