//! What is done about an answer that wants to know who asks: by the registry, or by where it sends us.

use http::{HeaderValue, Method, StatusCode};

use super::answered::{Answered, LoginSent, Party};
use super::send::{Attempt, unexpected};
use super::{Call, Registry};
use crate::Error;
use crate::auth::basic_trial::FirstUse;
use crate::auth::challenge::challenges;
use crate::auth::learn::Retry;
use crate::auth::scope::Scopes;
use crate::auth::unasked::Unasked;
use crate::auth::visitor_token::Invitation;
use crate::http::route::Route;

/// A request whose login was refused is sent at most so often with another one.
const MOST_REFUSED_LOGINS: usize = 2;
/// A request that is answered with 401, with or without a login, is sent at most so often.
const MOST_REFUSALS: usize = 6;

/// What follows from an answer.
pub(super) enum Next {
    /// The same request may succeed with another login.
    Ask,
    /// It stays as it is.
    Answer(reqwest::Response),
}

/// How often a request was refused so far.
#[derive(Default)]
pub(super) struct Refusals {
    all: usize,
    of_logins: usize,
}

impl Refusals {
    fn note(&mut self, sent: Option<&HeaderValue>) {
        self.of_logins += usize::from(sent.is_some());
        self.all += 1;
    }

    fn are_too_many(&self) -> bool {
        self.of_logins >= MOST_REFUSED_LOGINS || self.all >= MOST_REFUSALS
    }
}

impl Registry {
    /// Says whether another login may change the answer, having learned from it what can be learned.
    pub(super) async fn judge(
        &self,
        call: &Call,
        attempt: Attempt<'_>,
        refusals: &mut Refusals,
    ) -> Result<Next, Error> {
        let Attempt { response, sent, was_open, first_use } = attempt;
        let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
        let has_another = match Answered::of(&response).by {
            Party::Another if is_unauthorized => {
                refusals.note(sent.as_ref());
                !refusals.are_too_many() && Box::pin(self.visit(call, &response, sent.as_ref())).await?
            }
            Party::Registry if was_open && sent.is_none() && may_be_hidden(&response) => {
                // Rare, and large: not a part of each request.
                return Box::pin(self.log_in_unasked(call, response)).await;
            }
            Party::Registry if is_unauthorized => {
                refusals.note(sent.as_ref());
                let has_another =
                    self.learn(call, &response, sent.as_ref()).await && !refusals.are_too_many();
                if let Some(first) = first_use.filter(|_| !has_another) {
                    Box::pin(self.judge_login(first)).await;
                }
                has_another
            }
            Party::Registry | Party::Another => false,
        };
        Ok(if has_another { Next::Ask } else { Next::Answer(response) })
    }

    /// Finds out whether the registry refuses a user and password as such, or what they asked for: its root tells. Its refusal of the
    /// root is what all later requests get without being sent. Where that remains unknown, the next request is the first.
    async fn judge_login(&self, first: FirstUse<'_>) {
        let Ok(connection) = self.connection().await else { return };
        let call = Call::new(Method::GET, connection.root(), Scopes::default());
        let asked = self.follow_with(connection, &call, Some(first.header().clone())).await;
        let Ok((response, _)) = asked else { return };
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        if !is_refused || !Answered::of(&response).is_of_registry() {
            first.was_taken();
        } else if let Error::Refused(refusal) = unexpected(&call, response).await {
            first.was_refused(*refusal);
        }
    }

    /// Learns from the registry's own 401 how it wants to be asked.
    async fn learn(&self, call: &Call, response: &reqwest::Response, sent: Option<&HeaderValue>) -> bool {
        let offered = challenges(response.headers());
        self.0.authenticator.learn(&offered, &call.scopes, sent).await == Retry::Worthwhile
    }

    /// Gets an anonymous token where the registry sends its readers, if that is what is wanted there: the registry's
    /// login stays here. <https://github.com/google/go-containerregistry/issues/2333>
    async fn visit(
        &self,
        call: &Call,
        response: &reqwest::Response,
        sent: Option<&HeaderValue>,
    ) -> Result<bool, Error> {
        if !call.is_read() {
            return Ok(false);
        }
        let offered = challenges(response.headers());
        let Some(invitation) = Invitation::of(self.host(), response.url(), &offered, &call.scopes) else {
            return Ok(false);
        };
        let connection = self.connection().await?;
        let client =
            self.client_for(connection, (Party::Another, &Method::GET, invitation.realm()), Route::Shared)?;
        let through = (&client, self.traffic_meter(), self.patience().answer);
        self.0.visitor_tokens.renew(through, response.url(), &call.scopes, invitation, sent).await
    }

    /// Shows the login to a registry that hides what strangers may not see, and does not say that it wants to know who
    /// asks. Where that is no help, strangers' answers stay what they were.
    async fn log_in_unasked(&self, call: &Call, stranger: reqwest::Response) -> Result<Next, Error> {
        let trial = match self.0.authenticator.unasked().await {
            Ok(Unasked::Try(trial)) => trial,
            Ok(Unasked::Known) => return Ok(Next::Ask),
            Ok(Unasked::Useless(login)) => return Ok(Next::Answer(marked(stranger, login))),
            // What is not there is an answer for whoever looks, and no matter of logins.
            Err(_) if stranger.status() == StatusCode::NOT_FOUND => return Ok(Next::Answer(stranger)),
            Err(error) => return Err(error),
        };
        let connection = self.connection().await?;
        let (response, _) = self.follow_with(connection, call, Some(trial.header.clone())).await?;
        let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !is_refused || !Answered::of(&response).is_of_registry() {
            trial.was_taken();
            return Ok(Next::Answer(response));
        }
        if stranger.status() == StatusCode::NOT_FOUND {
            trial.was_refused();
            return Ok(Next::Answer(marked(stranger, LoginSent::Yes)));
        }
        let sent = trial.header.clone();
        trial.was_refused();
        let is_asked_for = !challenges(response.headers()).is_empty();
        let has_another = is_asked_for && self.learn(call, &response, Some(&sent)).await;
        Ok(if has_another { Next::Ask } else { Next::Answer(response) })
    }
}

/// Whether a stranger's answer may be another one for somebody who is known.
fn may_be_hidden(response: &reqwest::Response) -> bool {
    match response.status() {
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => true,
        StatusCode::UNAUTHORIZED => challenges(response.headers()).is_empty(),
        _ => false,
    }
}

fn marked(mut response: reqwest::Response, login: LoginSent) -> reqwest::Response {
    let answered = Answered { login, ..Answered::of(&response) };
    response.extensions_mut().insert(answered);
    response
}
