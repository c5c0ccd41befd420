//! Signals. The first SIGINT, SIGTERM or SIGHUP stops the run in an orderly way, the second ends the program at once; SIGUSR1 prints the
//! status.
//!
//! SIGHUP stays ignored if it is ignored when the program starts, as under `nohup`. SIGPIPE is ignored, as in any Rust program; SIGQUIT and
//! SIGTSTP have their default action. SIGCONT, too, and then the picture is drawn again below the lines of other programs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output;

/// Also the status of a run that was interrupted on another machine.
pub(crate) const INTERRUPTED: u8 = 130;
/// Also for SIGHUP, which ends the programs of a closed session.
const TERMINATED: u8 = 143;

/// Handles signals until it is dropped.
pub(crate) struct Interrupt {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    code: Arc<AtomicU8>,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    /// Starts handling signals. If a handler cannot be installed, the signal's default action stays.
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
                        // Printing may block, so it has its own thread: signals are still handled.
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

    /// The exit status, if a signal arrived. It may arrive after the run: its files are written nevertheless.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

impl Drop for Interrupt {
    /// From now on, the first signal ends the program, because there is no listener.
    fn drop(&mut self) {
        self.listener.abort();
        let_signals_end();
    }
}

/// coreutils' `timeout` signals the process, and right after it the process group. A user cannot repeat a signal this fast.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// Whether a signal is a duplicate of the first one.
fn is_the_same((first, then): (u8, Instant), (signal, now): (u8, Instant)) -> bool {
    signal == first && now.saturating_duration_since(then) < ONE_SIGNAL
}

/// Whether an exit status means a signal.
pub(crate) fn is_status(code: u8) -> bool {
    matches!(code, INTERRUPTED | TERMINATED)
}

/// From now on SIGUSR1 does not end the program: it asks for the status, even of a verb that has none.
pub(crate) fn let_questions_be() {
    let _ = signal(SignalKind::user_defined1());
}

enum Caught {
    /// The signal's exit status.
    Stop(u8),
    Status,
    /// The program was stopped and continued; other programs may have used its terminal.
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
    // SAFETY: without a new action, the call only writes the current one, and all zeros is a valid value.
    let action = unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Restores the default actions: tokio's handlers stay when their listeners are gone.
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
