//! Reads answers into memory, up to a limit.

use bytes::{Bytes, BytesMut};
use http::Method;

use super::failure::in_time;
use super::stall::FIRST_BYTE_TIMEOUT;
use crate::error::Problem;
use crate::{Error, RedactedUrl};

/// Reads the whole body, refusing at once what exceeds `limit` bytes.
///
/// # Errors
/// More than `limit` bytes, a connection that breaks or stalls.
pub async fn read_to_limit(
    method: &Method,
    mut response: reqwest::Response,
    limit: u64,
) -> Result<Bytes, Error> {
    let url = response.url().clone();
    let too_large = || Error::Protocol {
        method: method.clone(),
        url: RedactedUrl::from(&url),
        problem: Problem::TooLarge(limit),
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit {
        return Err(too_large());
    }
    // A length is only a claim: memory follows the bytes that really come.
    let mut body = BytesMut::with_capacity(usize::try_from(announced.min(1 << 20)).unwrap_or(0));
    loop {
        let piece = in_time((method, &url), FIRST_BYTE_TIMEOUT, response.chunk()).await?;
        let Some(piece) = piece else { return Ok(body.freeze()) };
        if body.len() as u64 + piece.len() as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
}
