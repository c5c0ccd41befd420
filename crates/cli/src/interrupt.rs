//! Signals. The first of SIGINT, SIGTERM and SIGHUP stops the run in an orderly way, the second ends the program at
//! once; SIGUSR1 asks how far it is.
//!
//! SIGHUP is left alone where it is ignored when the program starts: so `nohup` asks for it. SIGPIPE is ignored, as in
//! any Rust program; SIGQUIT and SIGTSTP do what they always do;
//! SIGCONT, too, and has the picture drawn anew below what others wrote meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output;

/// Also of a run that was interrupted elsewhere.
pub(crate) const INTERRUPTED: u8 = 130;
/// Also by SIGHUP: a session that is closed ends what runs in it.
const TERMINATED: u8 = 143;

/// Listens for signals for as long as it lives.
pub(crate) struct Interrupt {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    code: Arc<AtomicU8>,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    /// Begins to listen. Where signals cannot be caught, they end the program as they always did.
    pub(crate) fn listen(tell_status: impl Fn() + Send + Sync + 'static) -> Self {
        let tell_status = Arc::new(tell_status);
        let (cancel, code) = (CancellationToken::new(), Arc::default());
        let (cancelled, received) = (cancel.clone(), Arc::clone(&code));
        let mut signals = Signals::catch();
        let listener = tokio::spawn(async move {
            let mut first = None;
            loop {
                match signals.next().await {
                    Caught::Status => {
                        // Whatever it takes to tell: signals are heard meanwhile.
                        let tell = tell_status.clone();
                        tokio::task::spawn_blocking(move || tell());
                    }
                    Caught::Continued => output::leave_picture(),
                    Caught::Stop(signal) => {
                        let now = Instant::now();
                        match first {
                            Some(first) if is_the_same(first, (signal, now)) => continue,
                            Some(_) => end_at_once(signal),
                            None => first = Some((signal, now)),
                        }
                        AtomicU8::store(&received, signal, Ordering::Relaxed);
                        cancelled.cancel();
                    }
                }
            }
        });
        Self { cancel, code, listener }
    }

    /// The exit status, if a signal came: also one that came after the run, whose files are written all the same.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

impl Drop for Interrupt {
    /// From now on the first signal ends the program: nobody else would hear it.
    fn drop(&mut self) {
        self.listener.abort();
        let_signals_end();
    }
}

/// `timeout` of coreutils signals the program, and right after it the program's group. Nobody asks twice so fast.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// Whether a signal is the first one, which came twice.
fn is_the_same((first, then): (u8, Instant), (signal, now): (u8, Instant)) -> bool {
    signal == first && now.saturating_duration_since(then) < ONE_SIGNAL
}

/// Whether an exit status says that a signal came.
pub(crate) fn is_status(code: u8) -> bool {
    matches!(code, INTERRUPTED | TERMINATED)
}

/// From now on SIGUSR1 ends no program: who sends it asks a question, also of a verb that has no answer.
pub(crate) fn let_questions_be() {
    let _ = signal(SignalKind::user_defined1());
}

enum Caught {
    /// With the exit status.
    Stop(u8),
    Status,
    /// The program was stopped, and others have used its terminal meanwhile.
    Continued,
}

struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
    status: Option<Signal>,
    continued: Option<Signal>,
}

impl Signals {
    fn catch() -> Self {
        let catch = |kind| signal(kind).ok();
        Self {
            interrupt: catch(SignalKind::interrupt()),
            terminate: catch(SignalKind::terminate()),
            hangup: if ignores_hangup() { None } else { catch(SignalKind::hangup()) },
            status: catch(SignalKind::user_defined1()),
            continued: catch(SignalKind::from_raw(libc::SIGCONT)),
        }
    }

    async fn next(&mut self) -> Caught {
        tokio::select! {
            () = received(&mut self.interrupt) => Caught::Stop(INTERRUPTED),
            () = received(&mut self.terminate) => Caught::Stop(TERMINATED),
            () = received(&mut self.hangup) => Caught::Stop(TERMINATED),
            () = received(&mut self.status) => Caught::Status,
            () = received(&mut self.continued) => Caught::Continued,
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

/// Takes the handlers away that stay when nobody listens any more.
#[expect(unsafe_code, reason = "the standard library cannot set what happens to a signal")]
fn let_signals_end() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        if signal == libc::SIGHUP && ignores_hangup() {
            continue;
        }
        // SAFETY: the default action runs no code of this program.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

#[expect(clippy::exit, reason = "the user asked twice: nothing may hold the end up")]
fn end_at_once(code: u8) {
    output::leave();
    std::process::exit(i32::from(code));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_comes_twice_at_once_is_one() {
        let (then, after) = (Instant::now(), |millis| Duration::from_millis(millis));
        for (signal, wait, is_one) in
            [(TERMINATED, 0, true), (TERMINATED, 99, true), (TERMINATED, 100, false), (INTERRUPTED, 0, false)]
        {
            assert_eq!(
                is_the_same((TERMINATED, then), (signal, then + after(wait))),
                is_one,
                "{signal} {wait}"
            );
        }
    }
}
