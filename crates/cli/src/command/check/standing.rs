//! Checks one registry step by step. The first failure ends the check, because the later steps depend on it.

use std::time::SystemTime;

use providers::alibaba::InstanceUsage;
use providers::harbor::WriteMode;

use super::answer::{self, Encryption};
use super::cloud::Edition;
use super::edition::Meant;
use super::finding::{Finding, Step};
use super::limit::{NO_ANSWER, asked, within};
use super::{clock, edition, limit, login, name, port, push, quota, whitelist};
use crate::config::KnownRegistry;

/// How the rules use a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) reads: bool,
    /// The number of target repositories at it.
    pub(super) writes: usize,
}

/// The result of checking a registry.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) findings: Vec<Finding>,
    /// Set for Alibaba's registries.
    pub(super) edition: Option<Edition>,
    /// The instance's usage and quotas.
    pub(super) usage: Option<InstanceUsage>,
}

impl Standing {
    /// Whether its repositories can be checked.
    pub(super) fn is_usable(&self) -> bool {
        !self.findings.iter().any(Finding::is_problem)
    }

    /// Records a finding; returns whether to go on.
    fn note(&mut self, finding: Finding) -> bool {
        let goes_on = !finding.is_problem();
        self.findings.push(finding);
        goes_on
    }
}

/// Checks the registry. `entries`: the keys of all auth entries with a login.
pub(super) async fn look(known: &KnownRegistry, roles: Roles, entries: &[String]) -> Standing {
    let mut standing = Standing::default();
    let host = known.registry.host();
    if roles.writes > 0
        && let Some(slip) = edition::judge_target(host, known.login.found(), entries)
        && !standing.note(slip)
    {
        return standing;
    }
    if !is_reached(known, &mut standing).await || !is_registry(known, &mut standing).await {
        return standing;
    }
    if !is_as_meant(known, &mut standing).await || !standing.note(login::look(known).await) {
        return standing;
    }
    if roles.writes > 0 {
        takes_writes(known, roles, &mut standing).await;
    }
    standing
}

/// Checks name and port. Behind a proxy, both are the proxy's concern.
async fn is_reached(known: &KnownRegistry, standing: &mut Standing) -> bool {
    let host = known.registry.host();
    if known.registry.is_proxied() {
        return standing.note(Finding::ok(host.as_str(), Step::Port, "is asked through a proxy"));
    }
    let resolved = name::resolve(host).await;
    if !standing.note(name::judge(host, &resolved)) {
        return false;
    }
    let port = name::split(host).1.unwrap_or(known.usual_port);
    let knock = port::knock(&resolved.unwrap_or_default(), port).await;
    let is_open = standing.note(port::judge(host, port, &knock, known.registry_api.acr().is_some()));
    if !is_open {
        standing.findings.extend(whitelist::look(known).await);
    }
    is_open
}

/// Checks TLS, `/v2/` and the clock.
async fn is_registry(known: &KnownRegistry, standing: &mut Standing) -> bool {
    let host = known.registry.host();
    let ping = match asked(&known.registry, host.as_str(), async || known.registry.ping().await).await {
        Some(Ok(ping)) => ping,
        Some(Err(error)) => {
            let finding = answer::judge_failure(host, &error, known.registry_api.acr().is_some());
            let may_be_closed = matches!(finding.step, Step::Whitelist | Step::Port);
            standing.note(finding);
            if may_be_closed {
                standing.findings.extend(whitelist::look(known).await);
            }
            return false;
        }
        None => {
            let finding =
                Finding::problem(host.as_str(), Step::Answer, "it accepts the connection, and says nothing");
            let advice = super::cloud::reach_advice(host, known.registry_api.acr().is_some());
            standing.note(finding.why(NO_ANSWER).next(advice));
            standing.findings.extend(whitelist::look(known).await);
            return false;
        }
    };
    let encryption = if known.registry.is_unencrypted() { Encryption::None } else { Encryption::Tls };
    let [tls, answer] = answer::judge(host, &ping, encryption);
    let is_registry = standing.note(tls) && standing.note(answer);
    match ping.date {
        Some(date) if is_registry => {
            standing.note(clock::judge(host.as_str(), "the registry", date, SystemTime::now()))
        }
        _ => is_registry,
    }
}

/// Checks whether it is the kind of registry that its auth entry says.
async fn is_as_meant(known: &KnownRegistry, standing: &mut Standing) -> bool {
    let service =
        limit::answer(&known.registry, known.registry.service()).await.and_then(Result::ok).flatten();
    standing.edition = service.as_deref().and_then(Edition::of_service);
    let login = known.registry_api.acr().map(|acr| acr.login());
    let instance = match &login {
        Some(login) => within(login.instance()).await.and_then(Result::ok).flatten(),
        None => None,
    };
    let meant = if login.is_some() { Meant::Acr(instance.as_ref()) } else { Meant::Anything };
    let place = known.registry.host().as_str();
    edition::judge_service(place, service.as_deref(), meant).is_none_or(|finding| standing.note(finding))
}

/// Checks quotas and read-only modes.
async fn takes_writes(known: &KnownRegistry, roles: Roles, standing: &mut Standing) {
    if let Some((usage, finding)) = quota::look(known, roles.writes).await {
        standing.usage = usage;
        standing.note(finding);
    }
    let ask = async {
        let harbor = known.registry_api.harbor().await.ok()??;
        harbor.system_info().await.ok()
    };
    if known.registry_api.acr().is_none()
        && let Some(Some(info)) = limit::answer(&known.registry, ask).await
        && info.write_mode == Some(WriteMode::ReadOnly)
    {
        let place = known.registry.host().as_str();
        let finding = Finding::problem(place, Step::Push, "Harbor is in read-only mode: it takes no pushes");
        standing.note(finding.why("systeminfo: read_only is true").next(push::READ_ONLY));
    }
}
