//! `image-syncer worker`: brings what a coordinator hands out.

use std::sync::Arc;
use std::time::Duration;

use ::fleet::{NatsLeases, Worker};
use ::sync::{Engine, Observer, Options};

use super::execute::planned;
use super::fleet::{Limits, bind, connect, digest, explain, own_name};
use super::refuse::refuse;
use super::resolve::written;
use super::sync::of_written;
use super::watchers::{odd_log, open_log};
use crate::args::{JobArgs, LogLevel, OnlyArgs, WorkerArgs};
use crate::config::{ConfigError, Resolved};
use crate::interrupt::Interrupt;
use crate::output::{Display, LogFile, RuleNames, Volume, note, slow_hosts, warn};
use crate::{exit_code, state_file};

/// Works until it is stopped; gives the exit status.
pub(crate) async fn run(args: WorkerArgs) -> u8 {
    if let Some(odd) = odd_log(&args.job.run) {
        return refuse(&[ConfigError::new(odd)]);
    }
    if let Some(flag) = args.job.run.narrow.first_given() {
        let error =
            ConfigError::new(format!("{flag} does nothing here: a worker brings what it is handed out"));
        return refuse(&[
            error.help(format!("give {flag} to `image-syncer sync --fleet`, which selects for all workers"))
        ]);
    }
    let job = JobArgs { config: args.job.config.clone().of_verb("worker"), ..args.job.clone() };
    // Standard input gives a config once.
    let resolved = written(&job.config, &job.reach).and_then(|config| {
        let resolved = of_written(config.clone(), &job, &OnlyArgs::default())?;
        Ok((resolved, digest(config, &job)?))
    });
    let (resolved, config) = match resolved {
        Ok(resolved) => resolved,
        Err(errors) => return refuse(&errors),
    };
    let name = args.name.clone().unwrap_or_else(own_name);
    let connection = match connect(&args.fleet, &args.login, &name).await {
        Ok(connection) => connection,
        Err(error) => return refuse(&[error]),
    };
    let Resolved { rules, patterns, tasks, registries, warnings, .. } = resolved;
    for warning in &warnings {
        warn(warning);
    }
    let rules = planned(rules, patterns, tasks);
    let names = RuleNames::of(&rules);
    let asked_of = registries.clone();
    let ask_hosts = Box::new(move || slow_hosts(&asked_of.lock().all()));
    let volume = Volume::of(job.run.show);
    let display = Display::start(volume, names.clone(), ask_hosts);
    let log = open_log(&job.run, &::sync::RunId::new(name.as_str()), names);
    if let Some(log) = log.clone().filter(|log| log.tells_requests()) {
        registries.lock().tell_requests(log);
    }
    let mut observers: Vec<Arc<dyn Observer>> = vec![display.observer()];
    observers.extend(log.clone().map(|log| log as _));
    let (shown, asked_log) = (display.observer(), log.clone());
    let interrupt = Interrupt::listen(move || {
        shown.tell_status();
        if let Some(log) = &asked_log {
            log.write(LogLevel::Info, &shown.status());
        }
    });
    let tell = |line: &str| tell(volume, log.as_deref(), line);
    // Coordinators make the buckets: leases are asked for when they are there.
    let leases = loop {
        match NatsLeases::open(&connection).await {
            Ok(leases) => break Some(leases),
            Err(_) if interrupt.cancel.is_cancelled() => break None,
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    let Some(leases) = leases else {
        if let Some(log) = log {
            log.finish();
        }
        return interrupt.exit_code().unwrap_or(exit_code::DONE);
    };
    let state = state_file::open(&job.run, |name| std::env::var(name).ok());
    tell(&format!("worker {}: waiting for work at {}", connection.name(), args.fleet));
    let engine = Engine::sharing(job.run.proc, job.run.bandwidth, Arc::new(leases));
    let limits = Limits::new(&engine, job.run.bandwidth, registries.lock().transport());
    let worker = Worker {
        config,
        engine,
        limits: Arc::new(limits),
        options: options(&job),
        state: state.clone(),
        bind: bind(rules, registries),
        explain: explain(),
        observer: Arc::new(observers),
        idle_exit: args.idle_exit,
        say: Arc::new(warn),
        connection,
    };
    let ended = worker.work(interrupt.cancel.clone()).await;
    display.finish();
    state_file::close(&state);
    if let Ok(done) = &ended {
        let jobs = if done.jobs == 1 { "job" } else { "jobs" };
        tell(&format!("worker {name} ends: it has done {} {jobs}", done.jobs));
    }
    if let Some(log) = &log {
        log.finish();
    }
    match ended {
        Ok(_) => interrupt.exit_code().unwrap_or(exit_code::DONE),
        Err(error) => refuse(&[ConfigError::new(error.to_string())]),
    }
}

/// What is neither odd nor a failure.
fn tell(volume: Volume, log: Option<&LogFile>, line: &str) {
    if volume != Volume::Quiet {
        note(line);
    }
    if let Some(log) = log {
        log.write(LogLevel::Info, line);
    }
}

fn options(job: &JobArgs) -> Options {
    Options {
        drain: Duration::from_secs(job.run.drain.into()),
        ..Options::new(job.run.proc, job.run.retries)
    }
}
