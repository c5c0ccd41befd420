//! One connection: reads requests, applies faults and limits to them, and sends the answers.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::answer_body::{AnswerBody, Delivery};
use crate::body::{RequestBody, TooLarge};
use crate::hang_up::HangUp;
use crate::log::Entry;
use crate::misbehaviour::{early_end, instead, spoil};
use crate::service::{BodyLimit, LargeBodies, Service};

/// nginx's page for a body larger than its `client_max_body_size`.
const TOO_LARGE_PAGE: &str = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n\
<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx/1.27.5</center>\r\n</body>\r\n</html>\r\n";

pub(crate) async fn serve<S: Service>(stream: TcpStream, service: Arc<S>) {
    // If it fails, small answers are only slower.
    let _ = stream.set_nodelay(true);
    let handler = hyper::service::service_fn(move |request| {
        let service = service.clone();
        async move { handle(&*service, request).await }
    });
    let io = TokioIo::new(stream);
    let mut connection = hyper::server::conn::http1::Builder::new().serve_connection(io, handler);
    // A client that disconnects is no error here.
    let Err(error) = Pin::new(&mut connection).await else { return };
    if error.source().and_then(|source| source.downcast_ref()) == Some(&HangUp::Reset) {
        // If it fails, the connection is closed normally.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn handle<S: Service>(service: &S, request: Request<Incoming>) -> Result<Response<AnswerBody>, HangUp> {
    let (head, incoming) = request.into_parts();
    let desk = service.desk();
    let entry = desk.log.begin(&head);
    let effect = desk.faults.effect_on(&head);
    let mut body = RequestBody::new(incoming, entry.clone(), early_end(effect.as_ref()));
    if let Some(limit) = desk.body_limit
        && let Err(TooLarge) = body.read_ahead(limit.largest).await
    {
        return refuse_large(limit, &head, body, &entry);
    }
    let answer = match instead(service, &head, effect.as_ref()).await? {
        Some(answer) => answer,
        None => service.answer(&head, &mut body).await,
    };
    if !head.headers.contains_key(http::header::EXPECT) {
        body.drain().await;
    }
    if body.is_reset() {
        return Err(HangUp::Reset);
    }
    if !desk.latency.is_zero() {
        tokio::time::sleep(desk.latency).await;
    }
    if let Some(rounds) = &desk.rounds {
        rounds.end().await;
    }
    let (answer, delivery) = spoil(effect, service.complete(answer))?;
    Ok(respond(&head, answer, delivery, &entry))
}

fn refuse_large(
    limit: BodyLimit,
    head: &Parts,
    body: RequestBody,
    entry: &Entry,
) -> Result<Response<AnswerBody>, HangUp> {
    if limit.refusal == LargeBodies::Reset {
        return Err(HangUp::Reset);
    }
    // A client that waits for `100 Continue` sends no body.
    if !head.headers.contains_key(http::header::EXPECT) {
        tokio::spawn(body.linger());
    }
    let answer = Answer::new(StatusCode::PAYLOAD_TOO_LARGE)
        .header("server", "nginx/1.27.5")
        .header("content-type", "text/html")
        .header("content-length", TOO_LARGE_PAGE.len().to_string())
        .header("connection", "close")
        .body(TOO_LARGE_PAGE);
    Ok(respond(head, answer, Delivery::Whole, entry))
}

/// Turns an answer into the response, and logs it.
fn respond(head: &Parts, answer: Answer, delivery: Delivery, entry: &Entry) -> Response<AnswerBody> {
    let bytes = if head.method == Method::HEAD { Bytes::new() } else { answer.body };
    let (body, sent_bytes) = AnswerBody::new(bytes, delivery);
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        // An invalid header value comes from a test's own texts, so it is only left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    entry.answered(response.status().as_u16(), sent_bytes);
    response
}
