//! Reads all small bodies: whole, into memory, with a limit in bytes and one in time.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method};

use super::failure::{in_time, stalled};
use super::stall::FIRST_BYTE_TIMEOUT;
use super::traffic::chunk;
use crate::client::Answered;
use crate::error::Problem;
use crate::{Error, RedactedUrl};

/// How long a body may take: a fixed time, plus more for each received byte. Without it, a server that sends a byte now and then
/// would block the request for a token or a manifest for ever.
#[derive(Clone, Copy)]
struct Pace {
    /// The most time for one piece, and the base time of a whole body.
    grace: Duration,
    /// The bytes that a body must bring in each second after that: the slowest lines bring more.
    least: u64,
}

const PACE: Pace = Pace { grace: FIRST_BYTE_TIMEOUT, least: 4 << 10 };

impl Pace {
    /// How long the next piece may take; `None` if the time is over.
    fn left(self, begun: Instant, received: usize) -> Option<Duration> {
        let earned = Duration::from_millis(received as u64 * 1000 / self.least);
        (self.grace + earned).checked_sub(begun.elapsed()).map(|left| left.min(self.grace))
    }
}

/// Reads the whole body. Fails at once if it exceeds `limit` bytes, or comes too slowly.
///
/// # Errors
/// More than `limit` bytes, a connection that breaks or stalls.
pub(crate) async fn read_to_limit(
    method: &Method,
    response: reqwest::Response,
    limit: u64,
) -> Result<Bytes, Error> {
    read_at_pace(method, response, limit, PACE).await
}

async fn read_at_pace(
    method: &Method,
    response: reqwest::Response,
    limit: u64,
    pace: Pace,
) -> Result<Bytes, Error> {
    // The announced length is only a claim: memory grows with the bytes that really come.
    let announced = response.content_length().unwrap_or(0);
    let mut body = BytesMut::with_capacity(usize::try_from(announced.min(1 << 20)).unwrap_or(0));
    let keep = |piece: &[u8]| {
        body.extend_from_slice(piece);
        Ok(())
    };
    pieces_at_pace(method, response, limit, pace, keep).await?;
    Ok(body.freeze())
}

/// Passes on the body piece by piece. Fails at once if it exceeds `limit` bytes.
pub(crate) async fn for_each_piece(
    method: &Method,
    response: reqwest::Response,
    limit: u64,
    each: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(), Error> {
    pieces_at_pace(method, response, limit, PACE, each).await
}

async fn pieces_at_pace(
    method: &Method,
    mut response: reqwest::Response,
    limit: u64,
    pace: Pace,
    mut each: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(), Error> {
    let (url, begun) = (response.url().clone(), Instant::now());
    let proven = Answered::of(&response).proven;
    let wrong =
        |problem| Error::Protocol { method: method.clone(), url: RedactedUrl::from(&url), problem, proven };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit {
        return Err(wrong(Problem::TooLarge(limit)));
    }
    let mut size = 0;
    loop {
        let left = pace.left(begun, size).ok_or_else(|| stalled(method, &url))?;
        let piece = in_time((method, &url), left, chunk(&mut response)).await?;
        let Some(piece) = piece else { return Ok(()) };
        size += piece.len();
        if size as u64 > limit {
            return Err(wrong(Problem::TooLarge(limit)));
        }
        each(&piece).map_err(wrong)?;
    }
}

/// The encoding of a body that was not requested: every request says `identity`.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(CONTENT_ENCODING)?;
    let text = String::from_utf8_lossy(encoding.as_bytes()).trim().to_owned();
    let is_plain = text.is_empty() || text.eq_ignore_ascii_case("identity");
    (!is_plain).then_some(text)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use oci::ErrorKind;

    /// An answer that never ends, `bytes` every few milliseconds.
    fn dripping(bytes: usize, end: usize) -> reqwest::Response {
        let drops = stream::unfold(0, move |given| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let piece = Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]));
            (given < end).then_some((piece, given + 1))
        });
        http::Response::new(reqwest::Body::wrap_stream(drops)).into()
    }

    #[tokio::test]
    async fn p16_a_body_that_drips_ends_and_one_that_is_only_slow_is_read() {
        let pace = Pace { grace: Duration::from_millis(200), least: 100_000 };
        let read = async |response| read_at_pace(&Method::GET, response, 1 << 20, pace).await;
        let error = read(dripping(1, usize::MAX)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stalled);
        assert!(error.is_retryable());
        // Takes longer than the grace, but is always faster than required.
        assert_eq!(read(dripping(10_000, 40)).await.unwrap().len(), 400_000);
    }

    #[test]
    fn p16_every_body_that_has_a_limit_has_an_end() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(120)).unwrap();
        assert_eq!(PACE.left(long_ago, 1000), None);
        assert_eq!(PACE.left(long_ago, 8 << 20), Some(FIRST_BYTE_TIMEOUT));
    }
}
