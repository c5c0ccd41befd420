//! One connection: takes requests, applies faults to them, and sends the answers.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::answer::Answer;
use crate::call::RequestBody;
use crate::fault::Effect;
use crate::server::Shared;

/// A digest that nothing has.
const WRONG_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// How long the first part of a body that is cut has for its way out.
const BEFORE_CUT: Duration = Duration::from_millis(20);

pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it small answers would only be slower.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let shared = shared.clone();
        async move { shared.handle(request).await }
    });
    // A client that goes away is no event here.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Shared {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, HungUp> {
        let (head, incoming) = request.into_parts();
        let entry = self.log.begin(&head);
        let mut body = RequestBody::new(incoming, entry.clone());
        let effect = self.faults.effect_on(&head);
        let answer = match instead(effect.as_ref()).await? {
            Some(answer) => answer,
            None => self.answer(&head, &mut body).await,
        };
        if !head.headers.contains_key(http::header::EXPECT) {
            body.drain().await;
        }
        tokio::time::sleep(self.settings.latency).await;
        let (answer, cut) = spoil(effect, self.complete(answer))?;
        let (response, sent_bytes) = respond(&head, answer, cut);
        entry.answered(response.status().as_u16(), sent_bytes);
        Ok(response)
    }

    /// Adds what every answer has.
    fn complete(&self, mut answer: Answer) -> Answer {
        let length = answer.body.len();
        answer = answer.replace_header("docker-distribution-api-version", "registry/2.0");
        if !answer.headers.iter().any(|(name, _)| name == "x-request-id") {
            answer = answer.header("x-request-id", format!("embedded-{}", self.number()));
        }
        if answer.status == StatusCode::NO_CONTENT {
            return answer;
        }
        answer.replace_header("content-length", length.to_string())
    }
}

/// What a fault does before the work: an answer in its place, a wait, or the end of the connection.
async fn instead(effect: Option<&Effect>) -> Result<Option<Answer>, HungUp> {
    match effect {
        Some(Effect::Status { code, body, headers }) => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let answer = Answer::new(status).body(body.clone());
            Ok(Some(headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value.clone()))))
        }
        Some(Effect::Redirect(location)) => {
            Ok(Some(Answer::new(StatusCode::TEMPORARY_REDIRECT).header("location", location.clone())))
        }
        Some(Effect::Delay(delay)) => {
            tokio::time::sleep(*delay).await;
            Ok(None)
        }
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::DropConnection) => Err(HungUp),
        _ => Ok(None),
    }
}

/// What a fault does after the work: another answer, or one that ends after so many bytes.
fn spoil(effect: Option<Effect>, mut answer: Answer) -> Result<(Answer, Option<usize>), HungUp> {
    match effect {
        Some(Effect::LoseAnswer) => return Err(HungUp),
        Some(Effect::WrongDigestHeader) => {
            answer = answer.replace_header("docker-content-digest", WRONG_DIGEST);
        }
        Some(Effect::OmitHeader(name)) => answer.omit_header(name),
        Some(Effect::SetHeader(name, value)) => answer = answer.replace_header(name, value),
        Some(Effect::CutBodyAfter(length)) => return Ok((answer, Some(length))),
        Some(Effect::CorruptByteAt(place)) => {
            let mut body = BytesMut::from(&answer.body[..]);
            if let Some(byte) = body.get_mut(place) {
                *byte ^= 0x55;
            }
            answer.body = body.freeze();
        }
        _ => {}
    }
    Ok((answer, None))
}

/// Turns an answer into what is sent, and says how much of its body that is.
fn respond(head: &Parts, answer: Answer, cut: Option<usize>) -> (Response<AnswerBody>, usize) {
    let mut bytes = if head.method == Method::HEAD { Bytes::new() } else { answer.body };
    let is_cut = cut.is_some_and(|length| length < bytes.len());
    bytes.truncate(cut.unwrap_or(usize::MAX));
    let sent_bytes = bytes.len();
    let end = if is_cut { End::Cut } else { End::Whole };
    let mut response = Response::new(AnswerBody { bytes, end });
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        // What cannot stand in a header comes from a test's own texts; leaving it out is all one can do.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    (response, sent_bytes)
}

/// The connection is to be closed without a word.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the registry hung up, as it was told to")
    }
}

impl std::error::Error for HungUp {}

/// The body of an answer. Its length is told by the header alone, so that a fault may take that away.
struct AnswerBody {
    bytes: Bytes,
    end: End,
}

enum End {
    Whole,
    Cut,
    /// What is kept of the body is given to the connection, which sends it while this waits.
    Cutting(Pin<Box<Sleep>>),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        if !self.bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))));
        }
        if let End::Cut = self.end {
            self.end = End::Cutting(Box::pin(tokio::time::sleep(BEFORE_CUT)));
        }
        if let End::Cutting(sleep) = &mut self.end {
            ready!(sleep.as_mut().poll(context));
            return Poll::Ready(Some(Err(HungUp)));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && matches!(self.end, End::Whole)
    }
}
