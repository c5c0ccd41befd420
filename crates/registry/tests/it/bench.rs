//! A registry for the tests, and clients for it.

use bytes::{Bytes, BytesMut};
use embedded_registry::{Builder, EmbeddedRegistry, Fault, LoggedRequest, Match, Times};
use futures_util::stream;
use oci::{Descriptor, Digest, ErrorKind, MediaType, RawManifest, Recovery, Tag, TagOrDigest, UploadStatus};
use registry::{
    Access, BlobBody, BlobReader, Credentials, Error, Login, Patience, Registry, Repository, Security,
    Settings, Transport, UploadSession,
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

    /// Requests without pings and token requests.
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

/// Sends a blob as the engine does: after each error it continues as the session demands.
pub(crate) async fn push_blob(repository: &Repository, bytes: &Bytes) -> Result<Digest, Error> {
    fill(&mut repository.start_upload().await?, bytes).await
}

/// How often [`fill`] retries after a recovery that says `Later`.
const RETRIES: usize = 3;

/// Sends a blob into an open session.
pub(crate) async fn fill(session: &mut UploadSession, bytes: &Bytes) -> Result<Digest, Error> {
    let digest = Digest::sha256(bytes);
    let (mut offset, mut tries) = (0, 0);
    for _ in 0..25 {
        let rest = bytes.slice(offset..);
        let Err(error) = session.send(&digest, Some(bytes.len() as u64), body(&rest)).await else {
            return Ok(digest);
        };
        match session.recovery(&error) {
            Recovery::AtOnce => {}
            Recovery::Later if tries < RETRIES => tries += 1,
            Recovery::Later | Recovery::Never => return Err(error),
        }
        match session.resume(&digest).await? {
            UploadStatus::Complete => return Ok(digest),
            UploadStatus::At(confirmed) => offset = usize::try_from(confirmed).unwrap(),
        }
    }
    panic!("it goes on for ever");
}

/// Reads a blob to its end, and resumes after every error; returns the errors, too.
pub(crate) async fn read_all(reader: &mut BlobReader) -> Result<(Bytes, Vec<ErrorKind>), Error> {
    let (mut bytes, mut errors) = (BytesMut::new(), Vec::new());
    loop {
        match reader.next().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return Ok((bytes.freeze(), errors)),
            Err(error) if error.kind() != ErrorKind::Mismatch && errors.len() < 5 => {
                errors.push(error.kind());
                reader.resume().await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The descriptor of a manifest in a list of referrers. Spec: distribution-spec, "Listing Referrers".
pub(crate) fn as_referrer(manifest: &RawManifest) -> Descriptor {
    let document: serde_json::Value = serde_json::from_slice(manifest.bytes()).unwrap();
    let size = Some(manifest.bytes().len() as u64);
    let mut descriptor =
        Descriptor::new(Some(manifest.media_type().clone()), manifest.digest().clone(), size);
    let kind = document["artifactType"].as_str().or(document["config"]["mediaType"].as_str());
    descriptor.artifact_type = kind.map(MediaType::new);
    descriptor
}
