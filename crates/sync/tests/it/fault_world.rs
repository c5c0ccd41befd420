//! Real registries with token logins, proxies in front of them that inject faults, and the law that holds whatever
//! the faults are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use endpoints::RegistryEndpoint;
use oci::TagOrDigest;
use registry::{Credentials, Login, Patience, Registry, Security, Settings, Transport};
use sync::{
    Event, ImageReport, Naming, Observer, Options, Outcome, Rule, RuleTarget, Selection, Stamp, Sync,
};
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, FaultProxy, TokenServer, TokenUser, compare};
use tokio_util::sync::CancellationToken;

use crate::whole_report::{RunWhole, WholeReport};

const USER: (&str, &str) = ("mirror", "secret-password");

/// No run may last longer than this, whatever the faults are: it would be a hang.
const DEADLINE: Duration = Duration::from_secs(240);

/// Short, so that hanging requests are soon replaced; long enough for a busy machine.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(4),
    upload: Duration::from_secs(4),
    commit: Duration::from_secs(10),
};

/// One registry with its token server, each behind a proxy.
pub(crate) struct Side {
    pub(crate) registry: DockerRegistry,
    pub(crate) tokens: TokenServer,
    /// In front of the token server, for all clients of this registry.
    pub(crate) token_proxy: FaultProxy,
}

pub(crate) struct World {
    pub(crate) source: Side,
    pub(crate) target: Side,
    transport: Transport,
}

/// The proxies of one run.
pub(crate) struct Way {
    pub(crate) source: FaultProxy,
    pub(crate) target: FaultProxy,
}

/// A run that has ended, with the number of its planned images.
pub(crate) struct Ran {
    pub(crate) report: WholeReport,
    planned: usize,
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Observer for Counter {
    fn event(&self, _: &Stamp, event: &Event) {
        if matches!(event, Event::ImagePlanned(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Side {
    pub(crate) async fn start(tokens: TokenServer) -> Result<Self> {
        let token_proxy = FaultProxy::start(tokens.host()).await?;
        let realm = tokens.realm().replace(&tokens.host(), &token_proxy.host());
        let registry = DockerRegistry::builder().token(&tokens).realm(realm).start().await?;
        Ok(Self { registry, tokens, token_proxy })
    }

    pub(crate) fn pusher(&self) -> Pusher {
        Pusher::new(self.registry.host()).token(&self.tokens)
    }
}

pub(crate) fn users() -> Vec<TokenUser> {
    vec![TokenUser::new(USER.0, USER.1).grant("*", &["pull", "push"])]
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let service = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
        Ok(Self {
            source: Side::start(TokenServer::harbor(users()).await?).await?,
            target: Side::start(TokenServer::acr(users(), service).await?).await?,
            transport: Transport::new("fault-test", &[])?,
        })
    }

    /// New proxies in front of both registries.
    pub(crate) async fn way(&self) -> Result<Way> {
        Ok(Way {
            source: FaultProxy::start(self.source.registry.host()).await?,
            target: FaultProxy::start(self.target.registry.host()).await?,
        })
    }

    pub(crate) fn client(&self, host: &str) -> Registry {
        let settings = Settings {
            login: Login::User(Credentials::new(USER.0, USER.1.to_owned().into())),
            security: Security::INSECURE,
            patience: PATIENCE,
            ..Settings::new(host.parse().unwrap())
        };
        Registry::new(settings, self.transport.clone())
    }

    /// Copies all tags of `from` to the repositories `to`.
    pub(crate) async fn copy(&self, way: &Way, from: &str, to: &[&str], retries: u32) -> Result<Ran> {
        let (source, target) = (self.client(&way.source.host()), self.client(&way.target.host()));
        run(&source, &target, from, to, retries).await
    }

    /// Fails unless the target has exactly what the run reports, and nothing there is incomplete.
    pub(crate) async fn law(&self, ran: &Ran, from: &str, to: &str) -> Result<()> {
        law(&self.source.pusher(), from, &self.target.pusher(), to, ran, Disk::Sound).await
    }
}

pub(crate) async fn run(
    source: &Registry,
    target: &Registry,
    from: &str,
    to: &[&str],
    retries: u32,
) -> Result<Ran> {
    let rule_target = |to: &&str| -> Result<RuleTarget> {
        let target = Arc::new(RegistryEndpoint::target(target, &to.parse()?));
        Ok(RuleTarget { target, naming: Naming::Same })
    };
    let rule = Rule {
        source: Arc::new(RegistryEndpoint::source(source, &from.parse()?)),
        selection: Selection::All,
        targets: to.iter().map(rule_target).collect::<Result<_>>()?,
        policy: Arc::default(),
    };
    let counter = Arc::new(Counter::default());
    let sync = Sync::new(vec![rule], Options::new(6, retries), counter.clone());
    let run = tokio::time::timeout(DEADLINE, sync.run_whole(CancellationToken::new())).await;
    let report = run.context("the run hangs")?;
    Ok(Ran { report, planned: counter.0.load(Ordering::Relaxed) })
}

impl Ran {
    pub(crate) fn is_all_there(&self) -> bool {
        self.report.failed() == 0 && self.report.failed_rules.is_empty()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.report.errors().map(explain).collect()
    }

    fn ended(&self, to: &str, tag: &str) -> Option<&ImageReport> {
        self.report.images.iter().find(|image| {
            let TagOrDigest::Tag(found) = &image.image.target_reference else { return false };
            found.as_str() == tag && image.image.target.ends_with(&format!("/{to}"))
        })
    }
}

/// An error with its causes.
pub(crate) fn explain(error: &sync::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What the target's disk may do to a tag.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Disk {
    Sound,
    /// docker-registry writes a tag in steps, and answers 500 for one that it had no space to finish. No client gets
    /// wrong content from it, so it may stay, if the run reported its image as failed.
    Full,
}

pub(crate) async fn law(
    source: &Pusher,
    from: &str,
    target: &Pusher,
    to: &str,
    ran: &Ran,
    disk: Disk,
) -> Result<()> {
    let report = &ran.report;
    ensure!(report.images.len() == ran.planned, "planned {}, told {}", ran.planned, report.images.len());
    let sum = report.copied() + report.skipped() + report.failed();
    ensure!(sum == ran.planned && report.not_done() == 0, "the sums do not agree");
    let mut unreadable = Vec::new();
    for tag in source.tags(from).await? {
        let wanted = source.digest(from, &tag).await?;
        let found = target.digest(to, &tag).await;
        match ran.ended(to, &tag).map(|ended| &ended.outcome) {
            None if report.failed_rules.is_empty() => bail!("{tag} was lost without a word"),
            Some(Outcome::Failed(_)) if disk == Disk::Full && found.is_err() => unreadable.push(tag),
            None | Some(Outcome::Failed(_)) => {
                found?;
            }
            Some(Outcome::Copied { .. } | Outcome::Skipped(_)) => {
                let found = found?;
                ensure!(
                    found == wanted,
                    "{tag} is reported as there, but is {found:?} instead of {wanted:?}"
                );
            }
            Some(other) => bail!("{tag} ended as {other:?}"),
        }
    }
    nothing_incomplete_but(target, to, &unreadable).await
}

/// Checks every tag that points at something. docker-registry writes a tag in steps: with a full disk it may list a
/// tag that it reported as failed and that points at nothing.
pub(crate) async fn nothing_incomplete(registry: &Pusher, repository: &str) -> Result<()> {
    nothing_incomplete_but(registry, repository, &[]).await
}

async fn nothing_incomplete_but(registry: &Pusher, repository: &str, unreadable: &[String]) -> Result<()> {
    for tag in registry.tags(repository).await? {
        if unreadable.contains(&tag) || registry.digest(repository, &tag).await?.is_none() {
            continue;
        }
        let missing = compare::missing_content(registry, repository, &tag).await?;
        ensure!(missing.is_empty(), "{repository}:{tag} is incomplete: {missing:?}");
    }
    Ok(())
}

/// A dozen images that share layers, an index over three of them, a signature, and a layer too large for one PUT.
pub(crate) async fn seed_corpus(registry: &Pusher, repository: &str) -> Result<()> {
    for number in 0..8 {
        let flavour = if number % 2 == 0 { Flavour::Docker } else { Flavour::Oci };
        let image = Image::new(flavour).layer(layer(1, 400_000)).layer(layer(100 + number / 2, 90_000));
        let image = image.layer(layer(200 + number, 7_000));
        registry.image(repository, format!("v{number}").as_str(), &image).await?;
    }
    let mut children = Vec::new();
    for (number, platform) in (0..).zip(["linux/amd64", "linux/arm64/v8", "linux/s390x"]) {
        let image = Image::new(Flavour::Oci).layer(layer(300 + number, 60_000)).platform(platform);
        children.push(registry.image(repository, None, &image).await?);
    }
    let index = registry.index(repository, "index", &children).await?;
    registry.signature(repository, &index.digest).await?;
    registry.image(repository, "large", &Image::new(Flavour::Docker).layer(layer(400, 20 << 20))).await?;
    Ok(())
}

/// How many of something to test: the variable sets more for longer tests.
pub(crate) fn count(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
