//! The number of connections for requests and bodies, and the cost of a closed connection.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use testkit::{Access, CertificateAuthority, TlsFront, TlsFrontBuilder};

use crate::process::Workplace;

/// Two registries behind nginx with TLS and HTTP/2.
struct Fronts {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    front: TlsFront,
    back: TlsFront,
    workplace: Workplace,
    /// Kept because its files are deleted on drop.
    _authority: CertificateAuthority,
}

impl Fronts {
    async fn start(adapt: impl Fn(TlsFrontBuilder) -> TlsFrontBuilder) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let authority = CertificateAuthority::generate()?;
        let front = adapt(TlsFront::builder(&authority, source.host())).start().await?;
        let back = adapt(TlsFront::builder(&authority, target.host())).start().await?;
        let mut workplace = Workplace::new()?;
        workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
        workplace.variable("NO_COLOR", "1");
        Ok(Self { source, target, front, back, workplace, _authority: authority })
    }

    fn image(&self, tag: &str, layers: &[(u64, usize)]) {
        let layers: Vec<_> = layers.iter().map(|(number, size)| sample::layer(*number, *size)).collect();
        sample::image(self.source.store(), "a/app", Some(tag), Flavour::Oci, &layers, "amd64");
    }

    fn copy(&self, flags: &str) -> Result<()> {
        let (from, to) = (self.front.host(), self.back.host());
        self.workplace.run(&format!("copy {from}/a/app {to}/a/app {flags}"))?.expect_code(0)?;
        Ok(())
    }
}

fn connections<'a>(accesses: impl IntoIterator<Item = &'a Access>) -> usize {
    accesses.into_iter().map(|access| &access.connection).collect::<BTreeSet<_>>().len()
}

/// nginx gives one upload over HTTP/2 64 KiB per round trip, and all of them share a connection.
#[tokio::test(flavor = "multi_thread")]
async fn p32_large_bodies_have_connections_of_their_own_and_small_requests_share_one() -> Result<()> {
    let fronts = Fronts::start(|front| front).await?;
    fronts.image("v1", &[(1, 3_000_000), (2, 3_000_000), (3, 3_000_000), (4, 3_000_000), (5, 9_000)]);
    fronts.copy("--proc 4")?;
    for (side, method) in [(&fronts.front, "GET"), (&fronts.back, "PUT")] {
        let accesses = side.accesses();
        let (own, shared): (Vec<_>, Vec<_>) =
            accesses.iter().partition(|access| access.protocol == "HTTP/1.1");
        ensure!(own.len() == 4, "each large body goes over HTTP/1.1, and nothing else: {own:#?}");
        ensure!(own.iter().all(|access| access.method == method), "{own:#?}");
        ensure!((2..=4).contains(&connections(own.iter().copied())), "side by side: {own:#?}");
        ensure!(connections(shared.iter().copied()) == 1, "all else shares one connection: {shared:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p32_a_host_without_http_2_gets_no_further_connections() -> Result<()> {
    let fronts = Fronts::start(TlsFrontBuilder::without_http2).await?;
    fronts.image("v1", &[(1, 3_000_000)]);
    fronts.copy("--proc 1")?;
    for side in [&fronts.front, &fronts.back] {
        let accesses = side.accesses();
        ensure!(accesses.iter().all(|access| access.protocol == "HTTP/1.1"), "{accesses:#?}");
        // The layer reuses the connections of the parallel requests.
        ensure!(connections(&accesses) <= 4, "{accesses:#?}");
    }
    Ok(())
}

/// <https://github.com/kubernetes/ingress-nginx/issues/7503>: a server that closes each connection after some answers.
#[tokio::test(flavor = "multi_thread")]
async fn p26_connections_that_end_gracefully_fail_nothing() -> Result<()> {
    let fronts = Fronts::start(|front| front.keepalive_seconds(0)).await?;
    for number in 0..12 {
        let (first, second) = (10 * number, 10 * number + 1);
        fronts.image(&format!("v{number}"), &[(first, 20_000), (second, 400_000)]);
    }
    fronts.copy("")?;
    let tags = |registry: &EmbeddedRegistry| registry.store().tags("a/app");
    ensure!(tags(&fronts.target) == tags(&fronts.source), "{:?}", tags(&fronts.target));
    Ok(())
}
