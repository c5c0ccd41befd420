//! `image-syncer worker`: brings the jobs that a coordinator hands out.

use std::sync::Arc;
use std::time::Duration;

use ::fleet::{Connection, Error, NatsLeases, Tools, Worked, Worker};
use ::sync::{Engine, Observer, Options, RunId};
use oci::Digest;

use super::execute::{planned, tell_requests};
use super::fleet::{Limits, Notices, bind, connect, count_spending, digest, explain, own_name, with_next};
use super::refuse::refuse;
use super::resolve::written;
use super::sync::of_written;
use super::watchers::{odd_log, open_log};
use crate::args::{JobArgs, LogLevel, Meaningless, OnlyArgs, WorkerArgs};
use crate::config::{ConfigError, Resolved, SharedRegistries};
use crate::interrupt::Interrupt;
use crate::output::{Display, LogFile, PlannedRule, RuleNames, Tally, Volume, ask_hosts, counted, warn};
use crate::{exit_code, state_file};

/// Works until it is stopped; returns the exit status.
pub(crate) async fn run(args: WorkerArgs) -> u8 {
    match ready(&args).await {
        Ok(ready) => Box::pin(ready.work(&args)).await,
        Err(errors) => refuse(&errors),
    }
}

/// A worker that is ready to begin.
struct Ready {
    job: JobArgs,
    resolved: Resolved,
    /// The digest of the rules.
    config: Digest,
    connection: Connection,
    notices: Arc<Notices>,
}

async fn ready(args: &WorkerArgs) -> Result<Ready, Vec<ConfigError>> {
    if let Some(error) = meaningless(args) {
        return Err(vec![error]);
    }
    let job = JobArgs { config: args.job.config.clone().of_verb("worker"), ..args.job.clone() };
    // A config on standard input can be read only once.
    let config = written(&job.config, &job.reach)?;
    let resolved = of_written(config.clone(), &job, &OnlyArgs::default())?;
    let config = digest(config, &job)?;
    let name = args.name.clone().unwrap_or_else(own_name);
    let notices = Notices::new(job.run.show);
    let connection = connect(&args.fleet, &args.login, &name, notices.clone()).await;
    let connection = connection.map_err(|error| vec![error])?;
    Ok(Ready { job, resolved, config, connection, notices })
}

/// The error for a flag that a worker cannot obey.
fn meaningless(args: &WorkerArgs) -> Option<ConfigError> {
    if let Some(odd) = odd_log(&args.job.run) {
        return Some(ConfigError::new(odd));
    }
    let (flag, why, next) = match args.meaningless()? {
        Meaningless::Decides(flag) => {
            let next = format!("give {flag} to `image-syncer sync --fleet`, which decides for all workers");
            (flag, "a worker brings what it is handed out", next)
        }
        Meaningless::Writes(flag) => {
            let next = format!("give {flag} to `image-syncer sync --fleet`");
            (flag.to_owned(), "the coordinator writes it, of what all workers brought", next)
        }
        Meaningless::DryRun => {
            let next = "`image-syncer plan` with the same config says what a run would bring".to_owned();
            ("--dry-run".to_owned(), "a worker brings what it is handed out", next)
        }
    };
    Some(ConfigError::new(format!("{flag} does nothing here: {why}")).help(next))
}

impl Ready {
    async fn work(self, args: &WorkerArgs) -> u8 {
        let Self { job, resolved, config, connection, notices } = self;
        let Resolved { rules, patterns, tasks, registries, warnings, .. } = resolved;
        for warning in &warnings {
            warn(warning);
        }
        let rules = planned(rules, patterns, tasks);
        let name = connection.name().to_owned();
        let watch = Watch::begin(&job, &name, (&rules, &registries), notices.clone());
        let interrupt = watch.listen();
        notices.note(&format!("worker {name}: waiting for work at {}", args.fleet));
        let (cancel, say) = (&interrupt.cancel, |text: &str| notices.warn(text));
        let leases = NatsLeases::when_there(&connection, args.idle_exit, cancel, &say).await;
        let ended = match leases {
            Ok(Some(leases)) => {
                let engine = Engine::sharing(job.run.proc, job.run.bandwidth, Arc::new(leases));
                let to_do = ToDo { args, job: &job, config, rules, registries, connection, notices };
                to_do.bring(engine, watch.observers(), &interrupt).await
            }
            Ok(None) => Ok(Worked { jobs: 0 }),
            Err(error) => Err(error),
        };
        watch.end(&name, &ended);
        match ended {
            Ok(_) => interrupt.exit_code().unwrap_or(exit_code::DONE),
            Err(error @ Error::NoInbox(_)) => refuse(&[ConfigError::new(error.to_string()).help(NO_INBOX)]),
            Err(error) => refuse(&[with_next(&error)]),
        }
    }
}

/// Advice for a login that may not subscribe to this worker's inbox.
const NO_INBOX: &str = "a login has an inbox of its own, which the server's config names: where that is `_INBOX_NAME.>`, start this worker with --name NAME; otherwise with --fleet-inbox, which takes it without its end `.>`";

/// What a worker needs once the lease buckets exist.
struct ToDo<'a> {
    args: &'a WorkerArgs,
    job: &'a JobArgs,
    config: Digest,
    rules: Vec<PlannedRule>,
    registries: SharedRegistries,
    connection: Connection,
    notices: Arc<Notices>,
}

impl ToDo<'_> {
    async fn bring(
        self,
        engine: Engine,
        mut observers: Vec<Arc<dyn Observer>>,
        interrupt: &Interrupt,
    ) -> Result<Worked, Error> {
        let run = &self.job.run;
        let state = state_file::open_for_worker(run, |name| std::env::var(name).ok());
        let limits = Limits::new(&engine, run.bandwidth, self.registries.lock().transport());
        let tally = Arc::new(Tally::default());
        let spending = count_spending(self.registries.clone(), tally.clone());
        observers.push(tally);
        let tools = Tools {
            engine,
            options: options(self.job),
            state: state.clone(),
            bind: bind(self.rules, self.registries),
            explain: explain(),
            observer: Arc::new(observers),
            spending,
        };
        let worker = Worker {
            config: self.config,
            tools,
            limits: Arc::new(limits),
            idle_exit: self.args.idle_exit,
            say: Arc::new(move |text: &str| self.notices.warn(text)),
            connection: self.connection,
        };
        let ended = worker.work(interrupt.cancel.clone()).await;
        state_file::close(&state);
        ended
    }
}

/// A worker's display and log.
struct Watch {
    display: Display,
    log: Option<Arc<LogFile>>,
    notices: Arc<Notices>,
}

impl Watch {
    fn begin(
        job: &JobArgs,
        name: &str,
        (rules, registries): (&[PlannedRule], &SharedRegistries),
        notices: Arc<Notices>,
    ) -> Self {
        let names = RuleNames::of(rules);
        let display = Display::start(Volume::of(job.run.show), names.clone(), ask_hosts(registries));
        display.observer().waits_for_work();
        let log = open_log(&job.run, &RunId::new(name), names);
        tell_requests(registries, log.clone());
        notices.also_to(log.clone());
        Self { display, log, notices }
    }

    /// Listens to signals. SIGUSR1 prints the status on stderr and writes it to the log.
    fn listen(&self) -> Interrupt {
        let (shown, log) = (self.display.observer(), self.log.clone());
        Interrupt::listen(move || {
            shown.tell_status();
            if let Some(log) = &log {
                log.write(LogLevel::Info, &shown.status());
            }
        })
    }

    fn observers(&self) -> Vec<Arc<dyn Observer>> {
        let mut observers: Vec<Arc<dyn Observer>> = vec![self.display.observer()];
        observers.extend(self.log.clone().map(|log| log as _));
        observers
    }

    fn end(self, name: &str, ended: &Result<Worked, Error>) {
        let Self { display, log, notices } = self;
        display.finish();
        if let Ok(done) = ended {
            let jobs = counted(done.jobs, "job", "jobs");
            notices.note(&format!("worker {name} ends: it has done {jobs}"));
        }
        if let Some(log) = log {
            log.finish();
        }
    }
}

fn options(job: &JobArgs) -> Options {
    Options {
        drain: Duration::from_secs(job.run.drain.into()),
        ..Options::new(job.run.proc, job.run.retries.retries)
    }
}
