//! A registry to talk to, and clients for it.

use bytes::Bytes;
use embedded_registry::{Builder, EmbeddedRegistry, Fault, LoggedRequest, Match, Times};
use futures_util::stream;
use registry::{
    Access, BlobBody, Credentials, Digest, Login, Patience, Registry, Repository, Security, Settings, Tag,
    TagOrDigest, Transport,
};

pub(crate) struct Bench {
    pub(crate) server: EmbeddedRegistry,
    pub(crate) client: Registry,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        Self::start(EmbeddedRegistry::builder(), None).await
    }

    pub(crate) async fn start(builder: Builder, login: Option<(&str, &str)>) -> Self {
        let server = builder.start().await.unwrap();
        let client = client(&server.host(), login);
        Self { server, client }
    }

    pub(crate) fn repository(&self, name: &str, access: Access) -> Repository {
        self.client.repository(&name.parse().unwrap(), access)
    }

    /// Requests but for pings and tokens.
    pub(crate) fn asked(&self) -> Vec<LoggedRequest> {
        self.server
            .requests()
            .into_iter()
            .filter(|request| !request.is_ping() && !request.is_token())
            .collect()
    }

    /// `METHOD path status` of [`asked`](Self::asked), digests shortened.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(LoggedRequest::line).collect()
    }

    pub(crate) fn misbehave(&self, when: Match, effect: embedded_registry::Effect) {
        self.server.misbehave(Fault { when, times: Times::Always, effect });
    }

    pub(crate) fn misbehave_once(&self, when: Match, effect: embedded_registry::Effect) {
        self.server.misbehave(Fault { when, times: Times::First(1), effect });
    }
}

pub(crate) fn client(host: &str, login: Option<(&str, &str)>) -> Registry {
    patient_client(host, login, Patience::default())
}

pub(crate) fn patient_client(host: &str, login: Option<(&str, &str)>, patience: Patience) -> Registry {
    let login = login.map_or(Login::Anonymous, |(user, password)| {
        Login::User(Credentials::new(user, password.to_owned().into()))
    });
    let settings =
        Settings { login, security: Security::INSECURE, patience, ..Settings::new(host.parse().unwrap()) };
    Registry::new(settings, Transport::new("image-syncer-test/1", &[]).unwrap())
}

pub(crate) fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse::<Tag>().unwrap())
}

pub(crate) fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

/// A body in pieces of some thousand bytes.
pub(crate) fn body(bytes: &Bytes) -> BlobBody {
    let pieces: Vec<_> = bytes.chunks(9_999).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}
