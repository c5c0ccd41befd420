//! Sends all requests: with the available login, after redirects, within the host's limits.

use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::answered::{Answered, Party};
use super::refused::{Next, Refusals};
use super::{Call, Registry};
use crate::Error;
use crate::auth::basic_trial::FirstUse;
use crate::auth::challenge::{bearer, challenges};
use crate::concern::is_from_registry;
use crate::connect::Connection;
use crate::error::Problem;
use crate::face::Face;
use crate::http::failure::{stalled, transport_error};
use crate::http::limit::Permit;
use crate::http::redirect::Rule;
use crate::http::refusal::{refusal, retry_after};
use crate::http::resend::{self, Broke, Resends};
use crate::http::route::Route;
use crate::http::stall::{Progress, while_moving};
use crate::http::streamed_body::StreamedBody;
use crate::http::taken::Taken;
use crate::http::walk::Walk;

/// A request's answer, and the login that was sent.
pub(super) struct Attempt<'a> {
    pub(super) response: reqwest::Response,
    /// The `Authorization` that the last hop carried.
    pub(super) sent: Option<HeaderValue>,
    /// Whether the registry had not asked for a login when the request went out.
    pub(super) was_open: bool,
    /// A user and password that the registry refused when it saw them for the first time.
    pub(super) first_use: Option<FirstUse<'a>>,
}

impl Registry {
    /// Sends a request whose body, if any, is in memory: logs in when asked to, follows redirects that
    /// do not change the request. Returns the answer whatever its status.
    pub(crate) async fn send(&self, call: &Call) -> Result<reqwest::Response, Error> {
        let mut refusals = Refusals::default();
        loop {
            let attempt = self.attempt(call).await?;
            if let Next::Answer(response) = self.judge(call, attempt, &mut refusals).await? {
                return Ok(response);
            }
        }
    }

    /// Sends a request once, with the available login: a refusal is an answer.
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

    /// Sends a body that can be read once. There is no time limit while bytes move.
    pub(crate) async fn send_stream(
        &self,
        call: &Call,
        body: &StreamedBody,
        progress: &Progress,
    ) -> Result<reqwest::Response, Error> {
        let connection = self.connection().await?;
        let party = self.party_at(call.named_by, &call.url);
        let (sent, first_use) = match party {
            Party::Registry => self.0.authenticator.login(connection.base(), &call.scopes).await?,
            Party::Another => (None, None),
        };
        // An upload may take minutes, and its own source may be this registry: nobody waits for its result. The next request without
        // a stream tries a new password.
        drop(first_use);
        let mut resends = Resends::default();
        let response = loop {
            let client = self.client_for(connection, (party, &call.method, &call.url), call.route)?;
            let request = request(&client, call, &call.url, sent.as_ref()).body(body.lend(&self.0.traffic));
            let permit = self.0.traffic.waiting(self.0.limits.acquire(&call.url, call.kind)).await;
            progress.begin();
            let answer = while_moving(progress, self.patience(), self.0.traffic.send(request)).await;
            // A body that was partly read is gone: the session knows how to continue.
            if self.is_sent_again(call, &call.url, answer.as_ref(), &mut resends) && body.is_whole().await {
                continue;
            }
            let answered = self.answered(call, party, sent.as_ref());
            break self.settle((&call.method, &call.url), permit, answer, answered)?;
        };
        if response.status() == StatusCode::UNAUTHORIZED && party == Party::Registry {
            // The body is gone. A refused token is not used again, so the next attempt gets a new one.
            self.0.authenticator.learn(&challenges(response.headers()), &call.scopes, sent.as_ref()).await;
        }
        Ok(response)
    }

    /// Sends a request, and once more if a storage service answered that its link has expired.
    async fn attempt(&self, call: &Call) -> Result<Attempt<'_>, Error> {
        let first = self.follow(call).await?;
        if is_expired_link(call, &first.response) { self.follow(call).await } else { Ok(first) }
    }

    async fn follow(&self, call: &Call) -> Result<Attempt<'_>, Error> {
        let connection = self.connection().await?;
        let was_open = self.0.authenticator.is_open();
        let (header, first_use) = match call.named_by {
            Party::Registry => self.0.authenticator.login(connection.base(), &call.scopes).await?,
            Party::Another => (None, None),
        };
        let (response, sent) = self.follow_with(connection, call, header).await?;
        let first_use = first_use.and_then(|first| settled(first, &response));
        Ok(Attempt { response, sent, was_open, first_use })
    }

    /// Follows redirects. `header` is sent only while the registry's own origin named each address: if another server
    /// redirects back to the registry, no login is sent.
    pub(super) async fn follow_with(
        &self,
        connection: &Connection,
        call: &Call,
        header: Option<HeaderValue>,
    ) -> Result<(reqwest::Response, Option<HeaderValue>), Error> {
        let mut walk = self.walk(connection, call);
        loop {
            let (party, url) = (walk.party(), walk.url());
            let sent = match party {
                Party::Registry => header.clone(),
                Party::Another => self.0.visitor_tokens.header(url, &call.scopes).await,
            };
            let response = self.exchange(connection, call, url, (party, sent.as_ref())).await?;
            if !walk.goes_on((response.status(), response.headers()))? {
                return Ok((response, sent));
            }
            let leaves = (party, walk.party()) == (Party::Registry, Party::Another);
            if leaves && call.method == Method::GET && call.route == Route::Own {
                self.0.learned.note_reads_lead_elsewhere();
            }
        }
    }

    /// The redirects of a request that the registry's settings allow.
    pub(crate) fn walk<'a>(&self, connection: &'a Connection, call: &Call) -> Walk<'a> {
        let (home, named_by, leaving_tls) = (&connection.url, call.named_by, self.leaving_tls());
        Walk::begin(Rule::Registry { home, named_by, leaving_tls }, &call.method, call.url.clone())
    }

    /// One request and its answer, without judging the answer.
    async fn exchange(
        &self,
        connection: &Connection,
        call: &Call,
        url: &Url,
        (party, authorization): (Party, Option<&HeaderValue>),
    ) -> Result<reqwest::Response, Error> {
        // The registry checks and moves a stored blob or manifest before it answers.
        let patience = self.patience();
        let patience = if call.method == Method::PUT { patience.commit } else { patience.answer };
        let mut resends = Resends::default();
        loop {
            let client = self.client_for(connection, (party, &call.method, url), self.route(call, url))?;
            let request = request(&client, call, url, authorization);
            let permit = self.0.traffic.waiting(self.0.limits.acquire(url, call.kind)).await;
            let answer = tokio::time::timeout(patience, self.0.traffic.send(request)).await.ok();
            if !self.is_sent_again(call, url, answer.as_ref(), &mut resends) {
                let answered = self.answered(call, party, authorization);
                return self.settle((&call.method, url), permit, answer, answered);
            }
        }
    }

    /// The route of one hop: a registry that redirects blob reads answers them with a few bytes.
    fn route(&self, call: &Call, url: &Url) -> Route {
        let leads_elsewhere =
            call.method == Method::GET && *url == call.url && self.0.learned.reads_lead_elsewhere();
        if leads_elsewhere { Route::Shared } else { call.route }
    }

    /// Whether to send a request again at once, because its connection ended or because it took the wrong route.
    fn is_sent_again(
        &self,
        call: &Call,
        url: &Url,
        answer: Option<&reqwest::Result<reqwest::Response>>,
        resends: &mut Resends,
    ) -> bool {
        let broke = match answer {
            Some(Err(error)) => resend::broke(error),
            // Only a request that really used HTTP/1.1 although HTTP/2 was possible.
            Some(Ok(response))
                if resend::is_version_refusal(response.status())
                    && call.route == Route::Own
                    && url.scheme() == "https"
                    && response.version() < http::Version::HTTP_2 =>
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

    fn answered(&self, call: &Call, by: Party, sent: Option<&HeaderValue>) -> Answered {
        let sent = sent.filter(|_| by == Party::Registry);
        let login = self.0.authenticator.login_sent(sent);
        let search = self.0.settings.login_search.clone();
        Answered { endpoint: call.endpoint, by, login, search, proven: self.0.answers.proven() }
    }

    /// Reports a request's result to the host's limits, and reads warnings and quotas, only from the registry's own
    /// answers. An `answer` of `None` means that none came in time.
    fn settle(
        &self,
        (method, url): (&Method, &Url),
        permit: Permit,
        answer: Option<reqwest::Result<reqwest::Response>>,
        answered: Answered,
    ) -> Result<reqwest::Response, Error> {
        let Some(answer) = answer else {
            permit.taken(Taken::TooMuch(None));
            return Err(stalled(method, url));
        };
        let mut response = answer.map_err(|error| transport_error(method, url, error))?;
        let wait = retry_after(response.headers(), SystemTime::now());
        permit.taken(Taken::of(answered.endpoint, response.status(), wait));
        if answered.is_of_registry() {
            if is_from_registry(answered.endpoint, response.status()) {
                self.0.answers.add();
            }
            self.0.answers.note(Face::of(response.status(), response.headers()));
            self.0.notices.read(response.headers());
        }
        response.extensions_mut().insert(answered);
        Ok(response)
    }
}

/// Tells the waiting requests that the registry took the user and password. If it refused them, returns `first`.
fn settled<'a>(first: FirstUse<'a>, response: &reqwest::Response) -> Option<FirstUse<'a>> {
    let is_refused = response.status() == StatusCode::UNAUTHORIZED;
    if is_refused && Answered::of(response).is_of_registry() {
        return Some(first);
    }
    first.was_taken();
    None
}

/// A request without a streamed body.
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

/// Whether a storage service may mean that its link has expired. A server that challenges a reader for a token means something else.
fn is_expired_link(call: &Call, response: &reqwest::Response) -> bool {
    let asks_reader = || call.is_read() && bearer(&challenges(response.headers())).is_some();
    !Answered::of(response).is_of_registry()
        && match response.status() {
            StatusCode::UNAUTHORIZED => !asks_reader(),
            status => matches!(status, StatusCode::FORBIDDEN | StatusCode::GONE),
        }
}

/// An error for an unexpected status: a refusal, or nonsense such as 204 for a manifest.
pub(crate) async fn unexpected(call: &Call, response: reqwest::Response) -> Error {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        refusal(&call.method, response).await
    } else {
        call.protocol(Problem::Status(status))
    }
}
