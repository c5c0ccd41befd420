//! Handles answers that may change with a login: of the registry, or of a server to which it redirects.

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

/// The most times that a request is sent with another login after its login was refused.
const MOST_REFUSED_LOGINS: usize = 2;
/// The most times that a request is sent while the answer is 401, with or without a login.
const MOST_REFUSALS: usize = 6;

/// What to do after an answer.
pub(super) enum Next {
    /// Send the request again: it may succeed with another login.
    Ask,
    /// The answer is final.
    Answer(reqwest::Response),
}

/// The refusals of a request so far.
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
    /// Learns from the answer, and decides whether another login may change it.
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
                // Rare and large, so boxed: it does not enlarge each request's future.
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

    /// Asks the registry's root, to find out whether the registry refuses a user and password as such, or only this request. If
    /// the root refuses them, later requests fail without being sent. If the result is unknown, the next request becomes the first.
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

    /// Learns the scheme from the registry's own 401.
    async fn learn(&self, call: &Call, response: &reqwest::Response, sent: Option<&HeaderValue>) -> bool {
        let offered = challenges(response.headers());
        self.0.authenticator.learn(&offered, &call.scopes, sent).await == Retry::Worthwhile
    }

    /// Gets an anonymous token for a server to which the registry redirects, if that server asks for one: the registry's
    /// login is not sent there. <https://github.com/google/go-containerregistry/issues/2333>
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

    /// Tries the login at a registry that refused an anonymous request, but did not ask for a login. If the login does not
    /// help, the anonymous answer stands.
    async fn log_in_unasked(&self, call: &Call, stranger: reqwest::Response) -> Result<Next, Error> {
        let trial = match self.0.authenticator.unasked().await {
            Ok(Unasked::Try(trial)) => trial,
            Ok(Unasked::Known) => return Ok(Next::Ask),
            Ok(Unasked::Useless(login)) => return Ok(Next::Answer(marked(stranger, login))),
            // A 404 stands, even if the credential source fails.
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

/// Whether the answer to an anonymous request may change with a login.
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
