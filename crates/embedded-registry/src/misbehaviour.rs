//! The effects of a fault on a request and its answer.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::request::Parts;

use crate::answer::Answer;
use crate::answer_body::Delivery;
use crate::body::{EarlyEnd, EarlyEndKind};
use crate::fault::Effect;
use crate::hang_up::HangUp;
use crate::service::Service;

/// A digest that no content has.
const WRONG_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Where a fault stops reading the request's body.
pub(crate) fn early_end(effect: Option<&Effect>) -> Option<EarlyEnd> {
    match effect {
        Some(Effect::CutRequestAfter(after)) => Some(EarlyEnd { after: *after, kind: EarlyEndKind::Reset }),
        Some(Effect::StallRequestAfter(after)) => Some(EarlyEnd { after: *after, kind: EarlyEndKind::Stall }),
        _ => None,
    }
}

/// The effect of a fault before the request is processed: an answer in its place, a wait, or the end of the connection.
pub(crate) async fn instead<S: Service>(
    service: &S,
    head: &Parts,
    effect: Option<&Effect>,
) -> Result<Option<Answer>, HangUp> {
    match effect {
        Some(Effect::Status { code, body, headers }) => {
            let answer = Answer::new(status(*code)).body(body.clone());
            Ok(Some(headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value.clone()))))
        }
        Some(Effect::Redirect(location)) => {
            Ok(Some(Answer::new(StatusCode::TEMPORARY_REDIRECT).header("location", location.clone())))
        }
        Some(Effect::RedirectWith(code, location)) => {
            Ok(Some(Answer::new(status(*code)).header("location", location.clone())))
        }
        Some(Effect::Unauthorized) => Ok(Some(service.unauthorized(head))),
        Some(Effect::Delay(delay)) => {
            tokio::time::sleep(*delay).await;
            Ok(None)
        }
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::DropConnection) => Err(HangUp::Close),
        Some(Effect::ResetConnection) => Err(HangUp::Reset),
        _ => Ok(None),
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The effect of a fault after the request was processed: another answer, or another delivery.
pub(crate) fn spoil(effect: Option<Effect>, mut answer: Answer) -> Result<(Answer, Delivery), HangUp> {
    let mut delivery = Delivery::Whole;
    match effect {
        Some(Effect::LoseAnswer) => return Err(HangUp::Close),
        Some(Effect::WrongDigestHeader) => {
            answer = answer.replace_header("docker-content-digest", WRONG_DIGEST);
        }
        Some(Effect::OmitHeader(name)) => answer.omit_header(name),
        Some(Effect::SetHeader(name, value)) => answer = answer.replace_header(name, value),
        Some(Effect::AddHeaders(headers)) => {
            answer = headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        }
        Some(Effect::CutBodyAfter(length)) => delivery = Delivery::Cut(length),
        Some(Effect::StallBodyAfter(length)) => delivery = Delivery::Stall(length),
        Some(Effect::Trickle { bytes, pause }) => delivery = Delivery::Trickle(bytes, pause),
        Some(Effect::CorruptByteAt(place)) => {
            let mut body = BytesMut::from(&answer.body[..]);
            if let Some(byte) = body.get_mut(place) {
                *byte ^= 0x55;
            }
            answer.body = body.freeze();
        }
        Some(Effect::ShortBody(length)) => {
            let body = answer.body.slice(..length.min(answer.body.len()));
            answer = another_body(answer, body);
        }
        Some(Effect::TrailingBytes(trailing)) => {
            let body = [&answer.body[..], trailing.as_bytes()].concat();
            answer = another_body(answer, body.into());
        }
        _ => {}
    }
    Ok((answer, delivery))
}

/// The answer with another body and its length.
fn another_body(answer: Answer, body: Bytes) -> Answer {
    answer.replace_header("content-length", body.len().to_string()).body(body)
}
