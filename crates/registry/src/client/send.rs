//! The one way in which requests go out: with the login that there is, after redirects, within the host's limits.

use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::{Call, Registry};
use crate::auth::authenticator::Verdict;
use crate::auth::challenge::challenges;
use crate::connect::Connection;
use crate::error::{NotFollowed, Problem};
use crate::http::failure::{stalled, transport_error};
use crate::http::limit::{Permit, Taken};
use crate::http::redirect::{self, MOST_HOPS, is_same_origin};
use crate::http::refusal::{refusal, retry_after};
use crate::http::resend::{self, Broke, Resends};
use crate::http::route::Route;
use crate::http::stall::{Progress, while_moving};
use crate::http::streamed_body::StreamedBody;
use crate::{Error, RedactedUrl};

/// A request whose login was refused is sent at most so often with another one.
const MOST_REFUSED_LOGINS: usize = 2;
/// A request that is answered with 401, with or without a login, is sent at most so often.
const MOST_REFUSALS: usize = 6;

impl Registry {
    /// Sends a request whose body, if any, is in memory: logs in when asked to, follows redirects that
    /// keep the request what it is. Gives the answer whatever its status.
    pub(crate) async fn send(&self, call: &Call) -> Result<reqwest::Response, Error> {
        let (mut refused_logins, mut refusals) = (0, 0);
        loop {
            let Attempt { response, sent, by } = self.attempt(call).await?;
            if response.status() != StatusCode::UNAUTHORIZED || by == AnsweredBy::Another {
                return Ok(response);
            }
            refused_logins += usize::from(sent.is_some());
            refusals += 1;
            let offered = challenges(response.headers());
            let verdict = self.0.authenticator.learn(&offered, &call.scopes, sent.as_ref()).await;
            if verdict == Verdict::Final || refused_logins >= MOST_REFUSED_LOGINS || refusals >= MOST_REFUSALS
            {
                return Ok(response);
            }
        }
    }

    /// Sends a request with the login that there is: a refusal is an answer.
    pub(crate) async fn send_once(&self, call: &Call) -> Result<reqwest::Response, Error> {
        self.follow(call).await.map(|attempt| attempt.response)
    }

    /// Like [`send`](Self::send), but only `expected` statuses are an answer; others are errors.
    pub(crate) async fn expect(
        &self,
        call: &Call,
        expected: &[StatusCode],
    ) -> Result<reqwest::Response, Error> {
        let response = self.send(call).await?;
        if expected.contains(&response.status()) {
            Ok(response)
        } else {
            Err(unexpected(call, response).await)
        }
    }

    /// Sends a body that cannot be sent twice. It may take as long as it moves.
    pub(crate) async fn send_stream(
        &self,
        call: &Call,
        body: &StreamedBody,
        progress: &Progress,
    ) -> Result<reqwest::Response, Error> {
        let connection = self.connection().await?;
        let header = self.0.authenticator.header(connection.base(), &call.scopes).await?;
        let sent = header.filter(|_| is_same_origin(&connection.url, &call.url));
        let mut resends = Resends::default();
        let response = loop {
            let client = self.client_for(connection, (&call.method, &call.url), call.route)?;
            let request = request(&client, call, &call.url, sent.as_ref()).body(body.lend());
            let permit = self.0.limits.acquire(&call.url, call.kind).await;
            progress.begin();
            let answer = while_moving(progress, self.patience(), request.send()).await;
            // A body of which something was taken is gone: the session knows how it goes on.
            if self.is_sent_again(call, &call.url, answer.as_ref(), &mut resends) && body.is_whole().await {
                continue;
            }
            break self.settle(&call.method, &call.url, permit, answer)?;
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            // The body is gone. A token that was refused is not used again, so the next try has a new one.
            self.0.authenticator.learn(&challenges(response.headers()), &call.scopes, sent.as_ref()).await;
        }
        Ok(response)
    }

    /// Sends a request once, and once more if what answers is a storage service whose link has expired on the way.
    async fn attempt(&self, call: &Call) -> Result<Attempt, Error> {
        let first = self.follow(call).await?;
        let is_expired =
            first.by == AnsweredBy::Another && matches!(first.response.status().as_u16(), 401 | 403 | 410);
        if is_expired { self.follow(call).await } else { Ok(first) }
    }

    async fn follow(&self, call: &Call) -> Result<Attempt, Error> {
        let connection = self.connection().await?;
        let header = self.0.authenticator.header(connection.base(), &call.scopes).await?;
        let mut url = call.url.clone();
        for _ in 0..MOST_HOPS {
            let is_registry = is_same_origin(&connection.url, &url);
            let sent = header.clone().filter(|_| is_registry);
            let response = self.exchange(connection, call, &url, sent.as_ref()).await?;
            let Some(next) = self.redirected((&call.method, &url), &response)? else {
                let by = if is_registry { AnsweredBy::Registry } else { AnsweredBy::Another };
                return Ok(Attempt { response, sent, by });
            };
            if is_registry
                && call.method == Method::GET
                && call.route == Route::Own
                && !is_same_origin(&url, &next)
            {
                self.0.learned.note_reads_lead_elsewhere();
            }
            url = next;
        }
        Err(call.protocol(Problem::Redirect { to: RedactedUrl::from(&url), why: NotFollowed::TooMany }))
    }

    /// Where an answer sends us on, as far as the registry's entry allows it.
    pub(crate) fn redirected(
        &self,
        asked: (&Method, &Url),
        response: &reqwest::Response,
    ) -> Result<Option<Url>, Error> {
        redirect::target(asked, (response.status(), response.headers()), self.leaving_tls())
    }

    /// One request and its answer, without any judgement.
    async fn exchange(
        &self,
        connection: &Connection,
        call: &Call,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Error> {
        // What is stored is checked and moved before the answer comes.
        let patience = self.patience();
        let patience = if call.method == Method::PUT { patience.commit } else { patience.answer };
        let mut resends = Resends::default();
        loop {
            let client = self.client_for(connection, (&call.method, url), self.route(call, url))?;
            let request = request(&client, call, url, authorization);
            let permit = self.0.limits.acquire(url, call.kind).await;
            let answer = tokio::time::timeout(patience, request.send()).await.ok();
            if !self.is_sent_again(call, url, answer.as_ref(), &mut resends) {
                return self.settle(&call.method, url, permit, answer);
            }
        }
    }

    /// The route of one hop: a registry that sends readers of blobs elsewhere answers them with a few bytes.
    fn route(&self, call: &Call, url: &Url) -> Route {
        let leads_elsewhere =
            call.method == Method::GET && *url == call.url && self.0.learned.reads_lead_elsewhere();
        if leads_elsewhere { Route::Shared } else { call.route }
    }

    /// Whether a request is sent again at once because its connection ended, or because it took the wrong route.
    fn is_sent_again(
        &self,
        call: &Call,
        url: &Url,
        answer: Option<&reqwest::Result<reqwest::Response>>,
        resends: &mut Resends,
    ) -> bool {
        let broke = match answer {
            Some(Err(error)) => resend::broke(error),
            Some(Ok(response))
                if resend::is_version_refusal(response.status()) && call.route == Route::Own =>
            {
                Broke::WantsHttp2
            }
            _ => return false,
        };
        match broke {
            Broke::WantsHttp2 => self.0.transport.host_routes().note_refused_http1(url),
            Broke::Unseen => self.0.transport.host_routes().note_ended_http2(url),
            Broke::Unsent | Broke::Closed | Broke::Otherwise => {}
        }
        resends.allow(broke, (&call.method, call.kind), self.0.answers.get() > 0)
    }

    /// Tells the limits how a request went, and reads what the registry says by the way. `None` is no answer in time.
    fn settle(
        &self,
        method: &Method,
        url: &Url,
        permit: Permit,
        answer: Option<reqwest::Result<reqwest::Response>>,
    ) -> Result<reqwest::Response, Error> {
        let Some(answer) = answer else {
            permit.taken(Taken::TooMuch(None));
            return Err(stalled(method, url));
        };
        let response = answer.map_err(|error| transport_error(method, url, error))?;
        let wait = retry_after(response.headers(), SystemTime::now());
        permit.taken(Taken::of(response.status(), wait));
        self.0.answers.note(response.status());
        self.0.notices.read(response.headers());
        Ok(response)
    }
}

/// A request with all but a streamed body.
fn request(
    client: &reqwest::Client,
    call: &Call,
    url: &Url,
    authorization: Option<&HeaderValue>,
) -> reqwest::RequestBuilder {
    let mut request = client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
    if let Some(header) = authorization {
        request = request.header(AUTHORIZATION, header);
    }
    match &call.body {
        Some(body) => request.body(body.clone()),
        None => request,
    }
}

struct Attempt {
    response: reqwest::Response,
    /// The `Authorization` that the last hop carried.
    sent: Option<HeaderValue>,
    by: AnsweredBy,
}

/// Who gave the answer: what a storage service says of logins is no word of the registry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnsweredBy {
    Registry,
    Another,
}

/// A status that the step has no use for: a refusal, or nonsense such as 204 for a manifest.
pub(crate) async fn unexpected(call: &Call, response: reqwest::Response) -> Error {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        refusal(&call.method, response).await
    } else {
        call.protocol(Problem::Status(status))
    }
}
