//! A request to the token server: in a query, or in the form of a `POST`. RFC 6749, sections 4.3 and 6.

use http::request::Parts;
use http::{Method, header};

use crate::access::Login;
use crate::answer::Answer;
use crate::body::RequestBody;
use crate::call::{parameters, text_header};

/// Forms are small.
const LARGEST_FORM: usize = 64 << 10;

pub(super) struct Question {
    pub(super) method: Method,
    parameters: Vec<(String, String)>,
    authorization: Option<String>,
}

/// The credentials in a request.
pub(super) enum Proof<'a> {
    Nothing,
    Password(Login<'a>),
    RefreshToken(&'a str),
    /// An unknown grant type.
    Unknown,
}

impl Question {
    pub(super) async fn read(head: &Parts, body: &mut RequestBody) -> Result<Self, Answer> {
        let method = head.method.clone();
        let parameters = if method == Method::POST {
            let form = body.whole(LARGEST_FORM).await?;
            url::form_urlencoded::parse(&form).into_owned().collect()
        } else {
            parameters(head).collect()
        };
        let authorization = text_header(head, header::AUTHORIZATION).map(str::to_owned);
        Ok(Self { method, parameters, authorization })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Several parameters, or one with spaces.
    pub(super) fn scopes(&self) -> Vec<String> {
        let texts = self.parameters.iter().filter(|(name, _)| name == "scope");
        texts
            .flat_map(|(_, text)| text.split(' ').filter(|text| !text.is_empty()).map(str::to_owned))
            .collect()
    }

    pub(super) fn proof(&self) -> Proof<'_> {
        if self.method != Method::POST {
            return self
                .authorization
                .as_deref()
                .map_or(Proof::Nothing, |text| Proof::Password(Login::read(text)));
        }
        let text = |name| self.parameter(name).unwrap_or_default();
        match self.parameter("grant_type") {
            Some("password") => Proof::Password(Login::Basic {
                name: text("username").to_owned(),
                password: text("password").to_owned(),
            }),
            Some("refresh_token") => Proof::RefreshToken(text("refresh_token")),
            _ => Proof::Unknown,
        }
    }
}
