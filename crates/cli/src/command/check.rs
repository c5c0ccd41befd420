//! `image-syncer check`: tries every step of a copy without moving a byte, and leaves nothing behind.

mod answer;
mod blob;
mod clock;
mod cloud;
mod content;
mod document;
mod edition;
mod finding;
mod holdings;
mod limit;
mod login;
mod name;
mod namespace;
#[cfg(feature = "fleet")]
mod nats;
mod plan;
mod port;
mod push;
mod quota;
mod show;
mod source;
mod speed;
mod standing;
mod visit;
mod whitelist;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::refuse::refuse;
use super::resolve;
use crate::args::CheckArgs;
use crate::config::{Resolved, shared_names};
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::output::{Several, Status, ask_hosts, print, print_json};
use document::Document;
pub(crate) use document::schema;
use finding::{Finding, Step};
use plan::plan;
use show::CheckResult;
use speed::LargestBlobs;
use visit::Visitor;

/// The number of rules that are checked at once.
const RULES_AT_ONCE: usize = 8;

/// Checks and reports; returns the exit status.
pub(crate) async fn run(args: CheckArgs) -> u8 {
    #[cfg(not(feature = "fleet"))]
    if let Some(url) = &args.fleet.fleet {
        return super::no_fleet(url);
    }
    let resolved = match resolve::resolve(&args.config.of_verb("check"), &args.only, &args.reach) {
        Ok(resolved) => resolved,
        Err(errors) => return refuse(&errors),
    };
    let status = Status::begin(|| "looking at NATS".to_owned(), ask_hosts(&resolved.registries));
    let told = status.clone();
    let interrupt = Interrupt::listen(move || told.tell());
    #[cfg(feature = "fleet")]
    let nats = match nats::look(&args.fleet).await {
        Ok(findings) => findings,
        Err(error) => return refuse(&[error]),
    };
    #[cfg(not(feature = "fleet"))]
    let nats = Vec::new();
    let measures = args.fleet.fleet.is_some();
    let outcome = look(&resolved, nats, measures, &status, &interrupt.cancel).await;
    if args.json {
        print_json(&Document::of(&outcome));
    } else {
        outcome.lines().iter().for_each(|line| print(line));
    }
    match interrupt.exit_code() {
        Some(code) => code,
        None if resolved.refused.is_empty() => outcome.exit_code(),
        None => exit_code::USAGE,
    }
}

/// Checks the registries side by side, then the rules. Findings keep the config's order.
///
/// Once `cancel` is set, no new check begins. Rules in progress are finished, so that no trial upload session stays open.
async fn look(
    resolved: &Resolved,
    nats: Vec<Finding>,
    measures: bool,
    status: &Status,
    cancel: &CancellationToken,
) -> CheckResult {
    let mut outcome = CheckResult::default();
    outcome.findings.extend(resolved.refused.iter().map(|refused| Finding::of_config(&refused.error)));
    let warnings = resolved.warnings.iter().cloned().chain(shared_names(&resolved.rules));
    outcome.findings.extend(warnings.map(|warning| Finding::warning("config", Step::Config, warning)));
    outcome.findings.extend(nats);
    let plan = plan(resolved);
    let entries = resolved.registries.lock().entries_with_login();
    let registries = Several::new(["registry", "registries"], plan.registries.len());
    let shown = registries.clone();
    status.becomes(move || shown.words());
    let standings = join_all(plan.registries.iter().map(|(known, roles)| {
        let name = known.registry.host().to_string();
        registries.look(name, standing::look(known, *roles, &entries))
    }));
    let Some(standings) = cancel.run_until_cancelled(standings).await else { return outcome.stopped() };
    for standing in &standings {
        outcome.findings.extend(standing.findings.iter().cloned());
    }
    let known = plan.registries.iter().map(|(known, _)| known).zip(&standings).collect();
    let largest = LargestBlobs::default();
    let visitor = Visitor { registries: &resolved.registries, standings: known, largest };
    let rules = Several::new(["rule", "rules"], plan.rules.len());
    let shown = rules.clone();
    status.becomes(move || shown.words());
    let visits = plan.rules.iter().map(|rule| rules.look(rule.label(), visitor.visit(rule)));
    let visits = stream::iter(visits.collect::<Vec<_>>());
    let visits = visits.take_until(cancel.cancelled());
    for mut visited in visits.buffered(RULES_AT_ONCE).collect::<Vec<_>>().await {
        outcome.findings.append(&mut visited.findings);
        outcome.not_checked.append(&mut visited.not_checked);
    }
    if measures {
        status.becomes(|| "measuring how fast blobs are read".to_owned());
        let speeds = cancel.run_until_cancelled(visitor.largest.measure()).await;
        outcome.findings.extend(speeds.unwrap_or_default());
    }
    if cancel.is_cancelled() { outcome.stopped() } else { outcome }
}
