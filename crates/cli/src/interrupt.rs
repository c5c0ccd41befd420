//! SIGINT and SIGTERM: the first stops the run in an orderly way, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// Listens for signals for as long as it lives.
pub(crate) struct Interrupt {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    code: Arc<AtomicU8>,
    listener: Option<tokio::task::JoinHandle<()>>,
}

impl Interrupt {
    /// Begins to listen. Where signals cannot be caught, they end the program as they always did.
    pub(crate) fn listen() -> Self {
        let (cancel, code) = (CancellationToken::new(), Arc::new(AtomicU8::new(0)));
        let signals =
            signal(SignalKind::interrupt()).and_then(|one| Ok((one, signal(SignalKind::terminate())?)));
        let listener = signals.ok().map(|(mut interrupt, mut terminate)| {
            let (cancel, code) = (cancel.clone(), code.clone());
            tokio::spawn(async move {
                loop {
                    let received = tokio::select! {
                        _ = interrupt.recv() => INTERRUPTED,
                        _ = terminate.recv() => TERMINATED,
                    };
                    if cancel.is_cancelled() {
                        end_at_once(received);
                    }
                    code.store(received, Ordering::Relaxed);
                    cancel.cancel();
                }
            })
        });
        Self { cancel, code, listener }
    }

    /// The exit status, if a signal came.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

#[expect(clippy::exit, reason = "the user asked twice: nothing may hold the end up")]
fn end_at_once(code: u8) {
    std::process::exit(i32::from(code));
}
