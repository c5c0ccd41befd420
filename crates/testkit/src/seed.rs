//! A small, independent client for real registries: pushes images and reads them back.
//!
//! It shares no code with what is tested, and its requests are left out of every request count.

mod image;
mod read;
mod write;

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use reqwest::header::LOCATION;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode};
use url::Url;

pub use image::{Flavour, Image, Seeded, layer};

use crate::certificate::CertificateAuthority;
use crate::token_server::{Signer, TokenServer};

/// Identifies the test's own requests in the request logs.
pub(crate) const USER_AGENT: &str = "image-syncer-testkit";

/// A client of one registry.
#[derive(Clone)]
pub struct Pusher {
    base: String,
    client: Client,
    login: Login,
}

#[derive(Clone)]
enum Login {
    Anonymous,
    Basic { user: String, password: String },
    Minted(Arc<Signer>),
}

impl Pusher {
    /// Anonymous and over plain http.
    pub fn new(host: impl Into<String>) -> Self {
        // Does not load the system's certificates, which a minimal machine does not have.
        let client = client().tls_danger_accept_invalid_certs(true).build();
        let client = client.expect("a client without special settings can be built");
        Self { base: format!("http://{}", host.into()), client, login: Login::Anonymous }
    }

    /// With Basic authentication.
    #[must_use]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.login = Login::Basic { user: user.to_owned(), password: password.to_owned() };
        self
    }

    /// With tokens that the server's key signs for each request; needs no user and no token request.
    #[must_use]
    pub fn token(mut self, server: &TokenServer) -> Self {
        self.login = Login::Minted(server.signer());
        self
    }

    /// Over https, trusting only `authority`.
    pub fn tls(mut self, authority: &CertificateAuthority) -> Result<Self> {
        let certificate = Certificate::from_pem(authority.ca_pem().as_bytes())?;
        self.client = client().tls_certs_only([certificate]).build()?;
        self.base = self.base.replacen("http://", "https://", 1);
        Ok(self)
    }

    fn url(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("{}/v2/{path}", self.base)).with_context(|| format!("no address: {}", self.base))
    }

    /// A request with the right to push to `repositories[0]` and to pull from all of them.
    fn request(&self, method: Method, url: Url, repositories: &[&str]) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.login {
            Login::Anonymous => request,
            Login::Basic { user, password } => request.basic_auth(user, Some(password)),
            Login::Minted(signer) => {
                let grants: Vec<(&str, &[&str])> =
                    repositories.iter().map(|name| (*name, ["pull", "push", "delete"].as_slice())).collect();
                request.bearer_auth(signer.repository_token(&grants))
            }
        }
    }
}

fn client() -> reqwest::ClientBuilder {
    Client::builder().user_agent(USER_AGENT).no_proxy()
}

/// The answer if it has the wanted status, else an error with its text.
async fn expect(request: RequestBuilder, status: StatusCode) -> Result<Response> {
    match answer(request, &[status]).await? {
        Some(response) => Ok(response),
        None => bail!("404 Not Found"),
    }
}

/// As [`expect`], but `None` for 404.
async fn answer(request: RequestBuilder, wanted: &[StatusCode]) -> Result<Option<Response>> {
    let response = request.send().await?;
    if wanted.contains(&response.status()) {
        return Ok(Some(response));
    }
    let (url, status) = (response.url().clone(), response.status());
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    bail!("{url} answers {status}: {}", response.text().await?)
}

/// The URL of the next request, from the `Location` header.
fn location(response: &Response) -> Result<Url> {
    let location = response.headers().get(LOCATION).context("the registry gives no location")?;
    Ok(response.url().join(location.to_str()?)?)
}
