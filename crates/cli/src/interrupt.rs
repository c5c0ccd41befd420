//! Signals. The first of SIGINT, SIGTERM and SIGHUP stops the run in an orderly way, the second ends the program at
//! once; SIGUSR1 asks how far it is.
//!
//! SIGHUP is left alone where it is ignored when the program starts: so `nohup` asks for it. SIGPIPE is ignored, as in
//! any Rust program; SIGQUIT, SIGTSTP and SIGCONT do what they always do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

const INTERRUPTED: u8 = 130;
/// Also by SIGHUP: a session that is closed ends what runs in it.
const TERMINATED: u8 = 143;

/// Listens for signals for as long as it lives.
pub(crate) struct Interrupt {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    code: Arc<AtomicU8>,
    is_over: Arc<AtomicBool>,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    /// Begins to listen. Where signals cannot be caught, they end the program as they always did.
    pub(crate) fn listen(tell_status: impl Fn() + Send + 'static) -> Self {
        let (cancel, code, is_over) = (CancellationToken::new(), Arc::default(), Arc::default());
        let (cancelled, received, over) = (cancel.clone(), Arc::clone(&code), Arc::clone(&is_over));
        let mut signals = Signals::catch();
        let listener = tokio::spawn(async move {
            loop {
                match signals.next().await {
                    Caught::Status => tell_status(),
                    Caught::Stop(signal) => {
                        if cancelled.is_cancelled() || AtomicBool::load(&over, Ordering::Relaxed) {
                            end_at_once(signal);
                        }
                        AtomicU8::store(&received, signal, Ordering::Relaxed);
                        cancelled.cancel();
                    }
                }
            }
        });
        Self { cancel, code, is_over, listener }
    }

    /// The run has ended: nothing is left that a signal could stop in an orderly way.
    pub(crate) fn run_is_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The exit status, if a signal came.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// From now on SIGUSR1 ends no program: who sends it asks a question, also of a verb that has no answer.
pub(crate) fn let_questions_be() {
    let _ = signal(SignalKind::user_defined1());
}

enum Caught {
    /// With the exit status.
    Stop(u8),
    Status,
}

struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
    status: Option<Signal>,
}

impl Signals {
    fn catch() -> Self {
        let catch = |kind| signal(kind).ok();
        Self {
            interrupt: catch(SignalKind::interrupt()),
            terminate: catch(SignalKind::terminate()),
            hangup: if ignores_hangup() { None } else { catch(SignalKind::hangup()) },
            status: catch(SignalKind::user_defined1()),
        }
    }

    async fn next(&mut self) -> Caught {
        tokio::select! {
            () = received(&mut self.interrupt) => Caught::Stop(INTERRUPTED),
            () = received(&mut self.terminate) => Caught::Stop(TERMINATED),
            () = received(&mut self.hangup) => Caught::Stop(TERMINATED),
            () = received(&mut self.status) => Caught::Status,
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[expect(unsafe_code, reason = "the standard library does not tell what happens to a signal")]
fn ignores_hangup() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one, and all zeros is one, too.
    let action = unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

#[expect(clippy::exit, reason = "the user asked twice: nothing may hold the end up")]
fn end_at_once(code: u8) {
    std::process::exit(i32::from(code));
}
