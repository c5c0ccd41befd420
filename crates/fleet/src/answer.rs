//! Retries requests to NATS until it answers.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// How long requests are retried while NATS does not answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The wait between two tries.
pub(crate) const BETWEEN: Duration = Duration::from_millis(500);

/// Retries while NATS does not answer, until `patience` is over. Any other error counts as an answer.
pub(crate) async fn until_answered<T, F: Future<Output = Result<T, Error>>>(
    patience: Duration,
    ask: impl Fn() -> F,
) -> Result<T, Error> {
    let end = Instant::now() + patience;
    loop {
        match ask().await {
            Err(Error::NoAnswer { .. }) if Instant::now() < end => tokio::time::sleep(BETWEEN).await,
            answered => return answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_asked_again_until_patience_is_over_and_an_error_is_an_answer() {
        for (silences, patience, times, is_answered) in [
            (0, PATIENCE, 1, true),
            (3, PATIENCE, 4, true),
            (9, BETWEEN * 2, 3, false),
            (9, Duration::ZERO, 1, false),
        ] {
            let asked = Cell::new(0);
            let answer = until_answered(patience, || async {
                asked.set(asked.get() + 1);
                let (what, reason) = (String::new(), String::new());
                if asked.get() > silences { Ok(()) } else { Err(Error::NoAnswer { what, reason }) }
            });
            assert_eq!((answer.await.is_ok(), asked.get()), (is_answered, times));
        }
        let refused =
            || async { Err::<(), _>(Error::Refused { what: String::new(), reason: String::new() }) };
        assert!(matches!(until_answered(PATIENCE, refused).await, Err(Error::Refused { .. })));
    }
}
