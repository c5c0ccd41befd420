//! The main job: reads the config, copies, tells what was done.

use std::sync::Arc;
use std::time::Instant;

use ::sync::{Observer, Options, Report, Sync};
use registry::Transport;

use crate::args::SyncArgs;
use crate::config::{self, ConfigError, Defaults, Resolved};
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::output::{self, All, Display, LogFile, Paint, print, say};

/// How the tool introduces itself to registries.
pub(crate) const USER_AGENT: &str = concat!("image-syncer/", env!("CARGO_PKG_VERSION"));

/// Runs the old command form; gives the exit status.
pub(crate) async fn run(args: &SyncArgs) -> u8 {
    let paint = Paint::for_stderr();
    let warn = |warning: &str| say(&format!("{}: {warning}", paint.yellow("warning")));
    if !args.ignored.is_empty() {
        warn(&format!("ignored, because they are no flags: {}", args.ignored.join(" ")));
    }
    let resolved = match prepare(args) {
        Ok(resolved) => resolved,
        Err(errors) => {
            for error in errors {
                say(&format!("{}: {error}", paint.red("error")));
            }
            return exit_code::USAGE;
        }
    };
    for warning in &resolved.warnings {
        warn(warning);
    }
    let log = open_log(args, &warn);
    let (report, code) = copy(args, resolved, log.clone()).await;
    if let Some(log) = log {
        log.write("info", &output::old_sentence(&report));
    }
    print(&output::old_sentence(&report));
    code
}

/// Everything that can be wrong with flags and files shows here, before anything is asked of any registry.
fn prepare(args: &SyncArgs) -> Result<Resolved, Vec<ConfigError>> {
    let lookup = |name: &str| std::env::var(name).ok();
    let written = config::load(args, &lookup)?;
    let transport = Transport::new(USER_AGENT, &[])
        .map_err(|error| vec![ConfigError::new(format!("TLS cannot be set up: {error}"))])?;
    let defaults = Defaults {
        registry: args.registry.as_deref().unwrap_or_default(),
        namespace: args.namespace.as_deref().unwrap_or_default(),
    };
    config::resolve(written, defaults, &transport, &lookup)
}

fn open_log(args: &SyncArgs, warn: &impl Fn(&str)) -> Option<Arc<LogFile>> {
    let path = args.log.as_ref().filter(|path| !path.as_os_str().is_empty())?;
    match LogFile::create(path) {
        Ok(log) => Some(Arc::new(log)),
        Err(error) => {
            warn(&format!("Failed to log to file, using default stderr: {}: {error}", path.display()));
            None
        }
    }
}

async fn copy(args: &SyncArgs, resolved: Resolved, log: Option<Arc<LogFile>>) -> (Report, u8) {
    let started = Instant::now();
    let display = Display::for_stderr();
    let mut observers = vec![display.observer()];
    observers.extend(log.map(|log| log as Arc<dyn Observer>));
    let interrupt = Interrupt::listen();
    let options = Options { blobs_at_once: args.proc, retries: args.retries };
    let report =
        Sync::new(resolved.rules, options, Arc::new(All(observers))).run(interrupt.cancel.clone()).await;
    display.finish();
    say(&output::table(&report, started.elapsed(), Paint::for_stderr()));
    let code = interrupt.exit_code().unwrap_or_else(|| exit_code::of(&report));
    (report, code)
}
