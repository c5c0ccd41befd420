//! Sources of access keys: the vendor's default chain, in its order.
//!
//! The first configured source is used, and is named as the origin. If it gives no key, that is an error: using
//! another source would act as another user. Only the metadata server is asked without configuration, so it comes last.

mod answer;
mod assume_role;
mod cli_profile;
mod credentials_uri;
mod ecs_role;
mod environment;
mod ini_file;
mod oidc_role;
mod origin;

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use registry::{Fresh, Kept};
use tokio::time::Instant;

use super::access_key::{AccessKey, AccessKeySource};
use super::endpoint::{Endpoint, Network};
use super::error::Error;
use super::http::Http;
use super::name::Region;

pub use origin::{CredentialOrigin, NotApplied};

/// Gives the values of environment variables.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Other addresses of the services that give keys; `None` for Alibaba Cloud's own.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The token service for roles.
    pub sts: Option<Endpoint>,
    /// The metadata server of ECS instances.
    pub metadata: Option<Endpoint>,
}

/// Finds an access key in the environment, in files or at the metadata server, and renews it.
pub struct CredentialChain {
    context: Context,
    held: Fresh<Held, Error>,
    /// The source of the first key: it gives all others, too.
    source: OnceLock<Source>,
}

/// The tools of every source.
struct Context {
    http: Http,
    lookup: Lookup,
    endpoints: Endpoints,
}

/// A key and its source.
#[derive(Clone)]
struct Held {
    source: Source,
    origin: CredentialOrigin,
    key: AccessKey,
}

/// A source's answer.
enum Answer {
    Found(CredentialOrigin, AccessKey),
    /// The source is not configured; the text names what is missing.
    NotApplied(String),
}

/// All sources.
#[derive(Clone, Copy)]
enum Source {
    Environment,
    OidcRole,
    CliProfile,
    IniFile,
    CredentialsUri,
    EcsRole,
}

const ORDER: [Source; 6] = [
    Source::Environment,
    Source::OidcRole,
    Source::CliProfile,
    Source::IniFile,
    // The vendor's chain has it after the metadata server, but it is explicitly configured, and costs no time-out.
    Source::CredentialsUri,
    Source::EcsRole,
];

impl CredentialChain {
    /// Searches the variables and files that `lookup` gives. Nothing is read before a key is needed.
    pub fn new(http: Http, lookup: Lookup, endpoints: Endpoints) -> Self {
        Self { context: Context { http, lookup, endpoints }, held: Fresh::default(), source: OnceLock::new() }
    }

    /// The source of the current key; `None` before one was needed.
    pub async fn origin(&self) -> Option<CredentialOrigin> {
        self.held.last().await.map(|held| held.origin)
    }

    async fn search(&self) -> Result<Kept<Held>, Error> {
        let asked = Instant::now();
        let found = match self.source.get() {
            Some(source) => self.context.search(&[*source]).await?,
            None => self.context.search(&ORDER).await?,
        };
        let key = found.key.clone();
        let _ = self.source.set(found.source);
        Ok(key.keep(found, asked))
    }
}

impl AccessKeySource for CredentialChain {
    fn access_key(&self) -> BoxFuture<'_, Result<AccessKey, Error>> {
        self.held.get(self.search()).map_ok(|held| held.key).boxed()
    }
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::OidcRole => "OIDC role",
            Self::CliProfile => "aliyun CLI profile",
            Self::IniFile => "credentials file",
            Self::CredentialsUri => "credentials URI",
            Self::EcsRole => "ECS instance role",
        }
    }
}

impl Context {
    async fn search(&self, sources: &[Source]) -> Result<Held, Error> {
        let mut tried = Vec::new();
        for source in sources {
            match self.ask(*source).await? {
                Answer::Found(origin, key) => return Ok(Held { source: *source, origin, key }),
                Answer::NotApplied(reason) => tried.push(NotApplied { source: source.name(), reason }),
            }
        }
        Err(Error::NoAccessKey { tried })
    }

    async fn ask(&self, source: Source) -> Result<Answer, Error> {
        match source {
            Source::Environment => Ok(environment::read(self)),
            Source::OidcRole => oidc_role::from_environment(self).await,
            Source::CliProfile => cli_profile::read(self).await,
            Source::IniFile => ini_file::read(self).await,
            Source::CredentialsUri => credentials_uri::ask(self).await,
            Source::EcsRole => ecs_role::discover(self).await,
        }
    }

    /// A variable of the environment; empty ones count as unset.
    fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn is_true(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A file's path from a variable, or in the home folder.
    fn path(&self, variable: &str, at_home: &str) -> Option<std::path::PathBuf> {
        let home = || self.variable("HOME").map(|home| std::path::Path::new(&home).join(at_home));
        self.variable(variable).map(Into::into).or_else(home)
    }

    /// The token service from the environment, unless `region` names one.
    fn sts(&self, region: Option<&str>, network: Option<Network>) -> Endpoint {
        if let Some(endpoint) = &self.endpoints.sts {
            return endpoint.clone();
        }
        let named = region.map(str::to_owned).or_else(|| self.variable("ALIBABA_CLOUD_STS_REGION"));
        let region: Option<Region> = named.and_then(|name| name.parse().ok());
        let private = if self.is_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED") {
            Network::Private
        } else {
            Network::Public
        };
        Endpoint::sts(region.as_ref(), network.unwrap_or(private))
    }

    fn session_name(&self) -> String {
        self.variable("ALIBABA_CLOUD_ROLE_SESSION_NAME")
            .unwrap_or_else(|| assume_role::SESSION_NAME.to_owned())
    }
}

impl CredentialOrigin {
    /// The error of a source that is configured but fails.
    fn failed(self, reason: impl Into<String>) -> Error {
        Error::Source { origin: self, reason: reason.into() }
    }
}
