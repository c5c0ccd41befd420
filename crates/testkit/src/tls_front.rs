//! nginx with TLS and HTTP/2 in front of a registry, as for Harbor and most private registries.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::access_log::Access;
use crate::certificate::{CertificateAuthority, IssuedCertificate};
use crate::nginx::{self, Nginx};
use crate::token_server::TokenServer;

/// A running TLS front; ends on drop.
pub struct TlsFront {
    nginx: Nginx,
}

/// A TLS front before its start.
pub struct TlsFrontBuilder {
    upstream: String,
    certificate: Result<IssuedCertificate>,
    token_server: Option<String>,
    realm_host: Option<String>,
    max_body_bytes: u64,
    http2: bool,
    client_authority: Option<String>,
    protocols: Option<&'static str>,
    keepalive_seconds: Option<u32>,
    blobs_from: Option<String>,
}

impl TlsFront {
    /// Starts TLS with a certificate of `authority` in front of `upstream` (`host:port`, plain http).
    pub async fn start(authority: &CertificateAuthority, upstream: impl Into<String>) -> Result<Self> {
        Self::builder(authority, upstream).start().await
    }

    /// As [`TlsFront::start`], with options.
    pub fn builder(authority: &CertificateAuthority, upstream: impl Into<String>) -> TlsFrontBuilder {
        TlsFrontBuilder {
            upstream: upstream.into(),
            certificate: authority.issue(&["localhost", "127.0.0.1"]),
            token_server: None,
            realm_host: None,
            max_body_bytes: 0,
            http2: true,
            client_authority: None,
            protocols: None,
            keepalive_seconds: None,
            blobs_from: None,
        }
    }

    /// `127.0.0.1:port`; the certificate is also valid for `localhost:port`.
    pub fn host(&self) -> String {
        self.nginx.host()
    }

    /// `METHOD path status` of each request since the last [`TlsFront::forget_requests`], except those of
    /// [`crate::seed`] and skopeo.
    pub fn requests(&self) -> Vec<String> {
        self.nginx.access_log().lines()
    }

    /// As [`TlsFront::requests`], with protocol and bytes.
    pub fn accesses(&self) -> Vec<Access> {
        self.nginx.access_log().accesses()
    }

    /// Restarts the count.
    pub fn forget_requests(&self) {
        self.nginx.access_log().forget();
    }

    /// nginx's error log so far.
    pub fn log(&self) -> String {
        self.nginx.error_log()
    }

    /// The id of the process.
    pub fn process_id(&self) -> u32 {
        self.nginx.process_id()
    }
}

impl TlsFrontBuilder {
    /// Serves the token server under the same host, and names that host as the realm, as Harbor does.
    #[must_use]
    pub fn token_server(mut self, server: &TokenServer) -> Self {
        self.token_server = Some(server.host());
        // nginx's variable for the requested host with its port.
        self.realm_host("$http_host")
    }

    /// Names another TLS host as the realm, as ACR does: typically a second front before the token server.
    #[must_use]
    pub fn realm_host(mut self, host: impl Into<String>) -> Self {
        self.realm_host = Some(host.into());
        self
    }

    /// Answers 413 to larger request bodies.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: u64) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Uses another certificate, such as an expired one or one for another name.
    #[must_use]
    pub fn certificate(mut self, certificate: IssuedCertificate) -> Self {
        self.certificate = Ok(certificate);
        self
    }

    /// Offers only HTTP/1.1.
    #[must_use]
    pub fn without_http2(mut self) -> Self {
        self.http2 = false;
        self
    }

    /// Accepts only clients with a certificate of `authority`.
    #[must_use]
    pub fn client_authority(mut self, authority: &CertificateAuthority) -> Self {
        self.client_authority = Some(authority.ca_pem().to_owned());
        self
    }

    /// Redirects reads of blobs, and only those, to the same path of `storage` (`scheme://host:port`).
    #[must_use]
    pub fn blobs_from(mut self, storage: impl Into<String>) -> Self {
        self.blobs_from = Some(storage.into());
        self
    }

    /// Accepts only these TLS versions, as nginx writes them: `TLSv1.2`.
    #[must_use]
    pub fn protocols(mut self, protocols: &'static str) -> Self {
        self.protocols = Some(protocols);
        self
    }

    /// Keeps idle connections for this time; with 0, closes each one after its answers.
    #[must_use]
    pub fn keepalive_seconds(mut self, seconds: u32) -> Self {
        self.keepalive_seconds = Some(seconds);
        self
    }

    /// Starts nginx and waits until it listens.
    pub async fn start(mut self) -> Result<TlsFront> {
        let certificate = std::mem::replace(&mut self.certificate, Err(anyhow::anyhow!("taken")))?;
        let nginx = Nginx::start(|folder, port| self.server(&certificate, folder, port)).await?;
        Ok(TlsFront { nginx })
    }

    fn server(&self, certificate: &IssuedCertificate, folder: &Path, port: u16) -> Result<String> {
        let certificate_file = nginx::write(folder, "server.crt", &certificate.certificate_pem)?;
        let key_file = nginx::write(folder, "server.key", &certificate.key_pem)?;
        let (certificate_file, key_file) = (certificate_file.display(), key_file.display());
        let tls_options = self.tls_options(folder)?;
        let http2 = if self.http2 { " http2" } else { "" };
        let Self { upstream, max_body_bytes, .. } = self;
        let (challenge, token_locations) = (self.challenge_rule(), self.token_locations());
        let blob_location = self.blob_location();
        // `$http_host` has the port, which upload locations need.
        Ok(format!(
            r"    {challenge}
    server {{
        listen 127.0.0.1:{port} ssl{http2};
        ssl_certificate {certificate_file};
        ssl_certificate_key {key_file};
        {tls_options}
        client_max_body_size {max_body_bytes};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto https;
        proxy_hide_header WWW-Authenticate;
        add_header WWW-Authenticate $challenge always;
        {blob_location}
        location / {{ proxy_pass http://{upstream}; }}
        {token_locations}
    }}"
        ))
    }

    fn tls_options(&self, folder: &Path) -> Result<String> {
        let mut options = String::new();
        if let Some(authority) = &self.client_authority {
            let file = nginx::write(folder, "client-ca.crt", authority)?;
            options = format!("ssl_client_certificate {}; ssl_verify_client on;", file.display());
        }
        if let Some(protocols) = self.protocols {
            options.push_str(" ssl_protocols ");
            options.push_str(protocols);
            options.push(';');
        }
        if let Some(seconds) = self.keepalive_seconds {
            let _ = write!(options, " keepalive_timeout {seconds};");
        }
        Ok(options)
    }

    /// Names the realm with the host and scheme that clients use.
    fn challenge_rule(&self) -> String {
        let Some(realm_host) = &self.realm_host else {
            return "map $host $challenge { default $upstream_http_www_authenticate; }".to_owned();
        };
        format!(
            r#"map $upstream_http_www_authenticate $challenge {{
        "~^(?<before>Bearer realm=.)http://[^/]+(?<after>/.*)$" "${{before}}https://{realm_host}$after";
        default $upstream_http_www_authenticate;
    }}"#
        )
    }

    fn blob_location(&self) -> String {
        let Self { blobs_from: Some(storage), upstream, .. } = self else { return String::new() };
        format!(
            "location ~ /blobs/sha256:[0-9a-f]+$ {{ if ($request_method = GET) {{ return 307 {storage}$request_uri; }} proxy_pass http://{upstream}; }}"
        )
    }

    fn token_locations(&self) -> String {
        let Some(server) = &self.token_server else { return String::new() };
        TokenServer::PATHS
            .map(|path| format!("location {path} {{ proxy_pass http://{server}; }}"))
            .join("\n        ")
    }
}
