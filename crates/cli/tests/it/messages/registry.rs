//! Errors of registries and of the network: first those of the source, then those of the target.

use anyhow::Result;
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access, Builder, Effect, EmbeddedRegistry, Fault, Grant, Match, Times, TokenAccess, User, preset,
};
use testkit::{CertificateAuthority, HarborBench, IssuedCertificate, TlsFront};

use super::Message;
use super::shown::{SOURCE, Shown, TARGET};
use crate::process::Workplace;

/// A source with `team/app:v1`, a target, and the logins of both.
pub(crate) struct Bench {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
    pub(crate) workplace: Workplace,
}

impl Bench {
    pub(crate) async fn start() -> Result<Self> {
        Self::of(EmbeddedRegistry::builder(), EmbeddedRegistry::builder()).await
    }

    async fn of(source: Builder, target: Builder) -> Result<Self> {
        let (source, target) = (source.start().await?, target.start().await?);
        let layers = [sample::layer(1, 100_000)];
        sample::image(source.store(), "team/app", Some("v1"), Flavour::Oci, &layers, "amd64");
        let bench = Self { source, target, workplace: Workplace::new()? };
        bench.logins(USER)?;
        Ok(bench)
    }

    /// Writes the same login for both registries.
    fn logins(&self, (user, password): (&str, &str)) -> Result<()> {
        let entry = |host: String| {
            format!(r#""{host}": {{"username": "{user}", "password": "{password}", "plainHttp": true}}"#)
        };
        let logins = [entry(self.source.host()), entry(self.target.host())].join(", ");
        self.workplace.write("auth.json", &format!("{{{logins}}}"))?;
        Ok(())
    }

    pub(crate) fn names(&self) -> [(String, &'static str); 2] {
        [(self.source.host(), SOURCE), (self.target.host(), TARGET)]
    }

    /// Runs a copy that fails.
    fn fails(&self, from: &str, to: &str) -> Result<Shown> {
        let (source, target) = (self.source.host(), self.target.host());
        self.copy(&format!("--auth auth.json {source}/{from} {target}/{to}"), &[])
    }

    fn copy(&self, flags: &str, more: &[(String, &'static str)]) -> Result<Shown> {
        let ran = self.workplace.run(&format!("copy -r 0 --no-state --report r.json {flags}"))?;
        let names = [more, &self.names()].concat();
        Shown::failure(&ran, &self.workplace, &names)
    }
}

const USER: (&str, &str) = ("mirror", "pass-word");

fn user(grants: Vec<Grant>) -> User {
    User::new(USER.0, USER.1, grants)
}

fn with_token(grants: Vec<Grant>) -> Builder {
    EmbeddedRegistry::builder().access(Access::Token(TokenAccess::harbor(vec![user(grants)])))
}

fn always(when: Match, effect: Effect) -> Fault {
    Fault { when, times: Times::Always, effect }
}

/// The usual copy, with a fault for some requests of one side.
async fn source_fails(when: Match, effect: Effect) -> Result<Shown> {
    let bench = Bench::start().await?;
    bench.source.misbehave(always(when, effect));
    bench.fails("team/app:v1", "mirror/app")
}

async fn target_fails(when: Match, effect: Effect) -> Result<Shown> {
    let bench = Bench::start().await?;
    bench.target.misbehave(always(when, effect));
    bench.fails("team/app:v1", "mirror/app")
}

fn status(code: u16, body: &str, kind: &str) -> Effect {
    Effect::Status { code, body: body.to_owned(), headers: vec![("content-type", kind.to_owned())] }
}

const AT_SOURCE: &str = "source harbor.example.com";
const AT_TARGET: &str = "target registry.example.cn";

pub(super) const MESSAGES: &[Message] = &[
    Message {
        title: "Nobody answers at that port",
        cause: "The host is there, but nothing listens on the port: it is the wrong one, or the registry is down.",
        what_to_do: "Check host and port as `docker login` has them, and firewalls.",
        what: &[AT_SOURCE],
        why: &["no connection", "Connection refused"],
        next: &["`harbor.example.com` listens on that port"],
        code: 3,
        show: || Box::pin(nobody()),
    },
    Message {
        title: "The host's name is not known",
        cause: "DNS does not know the registry's name: a slip, or a name that only another network knows.",
        what_to_do: "Check the spelling; try `getent hosts NAME` on this machine, and inside of the container.",
        what: &["source harbor.invalid"],
        why: &["the host name cannot be resolved"],
        next: &["check the spelling of `harbor.invalid`"],
        code: 3,
        show: || Box::pin(no_name()),
    },
    Message {
        title: "A certificate of an unknown authority",
        cause: "The registry's certificate is signed by an authority of your own that this machine does not trust.",
        what_to_do: "Name the authority's file with `--ca HOST=FILE`, or `ca` in the auth entry.",
        what: &[AT_SOURCE],
        why: &["the certificate is not accepted", "no authority that is trusted here"],
        next: &["--ca harbor.example.com=FILE"],
        code: 3,
        show: || Box::pin(certificate(|authority| authority.issue(&["127.0.0.1"]))),
    },
    Message {
        title: "A self-signed certificate",
        cause: "The registry made its certificate itself: nobody vouches for it.",
        what_to_do: "Name that certificate with `--ca HOST=FILE`; `--insecure HOST` takes any.",
        what: &[AT_SOURCE],
        why: &["the certificate is not accepted"],
        next: &["--ca harbor.example.com=FILE"],
        code: 3,
        show: || Box::pin(certificate(|_| CertificateAuthority::self_signed(&["127.0.0.1"]))),
    },
    Message {
        title: "An expired certificate, or a wrong clock",
        cause: "The certificate's time is over, or this machine's clock says so.",
        what_to_do: "Look at `date` first; then ask for a new certificate.",
        what: &[AT_SOURCE],
        why: &["it has expired (or this machine's clock is wrong)"],
        next: &["a valid certificate"],
        code: 3,
        show: || Box::pin(certificate(|authority| authority.issue_expired(&["127.0.0.1"]))),
    },
    Message {
        title: "A certificate for another name",
        cause: "The certificate is for another name than the one that the registry is asked by.",
        what_to_do: "Write the registry's name as the certificate has it.",
        what: &[AT_SOURCE],
        why: &["the certificate is not accepted"],
        next: &["as the certificate names it"],
        code: 3,
        show: || Box::pin(other_name()),
    },
    Message {
        title: "A registry without TLS",
        cause: "The registry speaks plain HTTP, and was asked with TLS.",
        what_to_do: "Add `--plain-http HOST`, or `plainHttp: true` in its auth entry.",
        what: &[AT_SOURCE],
        why: &["the server gave an HTTP answer to an HTTPS client"],
        next: &["add `--plain-http harbor.example.com`"],
        code: 3,
        show: || Box::pin(plain()),
    },
    Message {
        title: "A web page in place of an answer",
        cause: "Something before the registry answers: a proxy, a login page of the network, a web site on that port.",
        what_to_do: "Check host and port, and HTTPS_PROXY and NO_PROXY.",
        what: &[AT_SOURCE],
        why: &["the answer is a web page: Sign in to the network"],
        next: &["check host and port of `harbor.example.com`"],
        code: 3,
        show: || {
            let page = "<!DOCTYPE html><title>Sign in to the network</title>";
            Box::pin(source_fails(Match::any(), status(200, page, "text/html")))
        },
    },
    Message {
        title: "A web page in place of one answer, from a registry that gives others",
        cause: "The registry answers other requests, so that host and port are right: something in between, such as a web application firewall, stops this one.",
        what_to_do: "Ask whoever runs it to let this method and path through; the request id, if there is one, is how they find it.",
        what: &[AT_SOURCE],
        why: &["403 Forbidden (web page: Request blocked)"],
        next: &[
            "something between here and `harbor.example.com`",
            "to allow `GET /v2/team/app/manifests/v1` (request id 4711)",
        ],
        code: 4,
        show: || {
            let page = "<!DOCTYPE html><title>Request blocked</title>";
            Box::pin(source_fails(Match::path("/manifests/"), status(403, page, "text/html")))
        },
    },
    Message {
        title: "A web page in place of a blob",
        cause: "The registry answers, and something on the way gives a page where the image's bytes should come: the login page of a network, a proxy or a firewall that blocks the download or its size.",
        what_to_do: "Log in there, or have it let the registry through (and the storage that it sends to); NO_PROXY leaves out a proxy.",
        what: &["source harbor.example.com: reading blob"],
        why: &["the answer is a web page: Sign in to the network"],
        next: &["gives a web page in place of the image's bytes", "run the same command again"],
        code: 3,
        show: || {
            let page = "<!DOCTYPE html><title>Sign in to the network</title>";
            // A single blob: of two, either could fail first.
            Box::pin(source_fails(Match::path("/blobs/sha256:098bff4f420e"), status(200, page, "text/html")))
        },
    },
    Message {
        title: "A proxy that cannot reach the registry",
        cause: "A proxy or load balancer before the registry answers with 502: the registry behind it is down.",
        what_to_do: "Run the same command again later; tell whoever runs the registry.",
        what: &[AT_SOURCE],
        why: &["502 Bad Gateway"],
        next: &["run the same command again later"],
        code: 3,
        show: || Box::pin(source_fails(Match::path("/manifests/"), Effect::html(502))),
    },
    Message {
        title: "No login",
        cause: "The registry wants to know who asks, and no login for it is known.",
        what_to_do: "Add an auth entry for the registry, or run `docker login`.",
        what: &[AT_SOURCE],
        why: &["401 Unauthorized"],
        next: &["name user and password in an auth entry for `harbor.example.com`, or run `docker login"],
        code: 4,
        show: || Box::pin(no_login()),
    },
    Message {
        title: "A wrong password",
        cause: "The registry's token server does not know this user with this password.",
        what_to_do: "Check the login that is named, by `docker login` with the same user and password.",
        what: &[AT_SOURCE],
        why: &["401 Unauthorized"],
        next: &["check user and password", "the token server refuses them"],
        code: 4,
        show: || Box::pin(wrong_password()),
    },
    Message {
        title: "A token that is out of date",
        cause: "The login is a token, as `docker login` of some clouds leaves them, and its time is over.",
        what_to_do: "Log in again with the tool that made the token, or use a user and password that stay.",
        what: &[AT_SOURCE],
        why: &["401 Unauthorized"],
        next: &["check user and password", "config.json"],
        code: 4,
        show: || Box::pin(old_token()),
    },
    Message {
        title: "A login that may not pull",
        cause: "The registry knows the user, who has no right to read this repository.",
        what_to_do: "Give the user (or robot) the right to pull there.",
        what: &[AT_SOURCE],
        why: &["403 Forbidden", "requested access to the resource is denied"],
        next: &["the right to pull"],
        code: 4,
        show: || {
            let refusal = Effect::refuse(403, "DENIED", "requested access to the resource is denied");
            Box::pin(source_fails(Match::path("/manifests/"), refusal))
        },
    },
    Message {
        title: "A repository that is not there",
        cause: "The source has no repository of this name, or hides it from this login.",
        what_to_do: "Check the name: `image-syncer repos HOST` lists those that the login may see.",
        what: &[AT_SOURCE, "listing tags"],
        why: &["404 Not Found", "NAME_UNKNOWN"],
        next: &["check the repository's name"],
        code: 3,
        show: || Box::pin(copies("team/nope", "mirror/app")),
    },
    Message {
        title: "A tag that is not there",
        cause: "The repository has no such tag.",
        what_to_do: "Check the tag: `image-syncer tags HOST/REPOSITORY` lists them.",
        what: &[AT_SOURCE, "v9"],
        why: &["404 Not Found", "MANIFEST_UNKNOWN"],
        next: &["check repository and tag"],
        code: 3,
        show: || Box::pin(copies("team/app:v9", "mirror/app")),
    },
    Message {
        title: "A digest that is not there",
        cause: "The image that the rule pins was deleted at the source.",
        what_to_do: "Take the digest that is there now: `image-syncer digest IMAGE` prints it.",
        what: &[AT_SOURCE, "sha256:0123"],
        why: &["404 Not Found", "MANIFEST_UNKNOWN"],
        next: &["check the digest"],
        code: 3,
        show: || {
            let digest = "0123456789abcdef".repeat(4);
            Box::pin(async move { copies(&format!("team/app@sha256:{digest}"), "mirror/app:v1").await })
        },
    },
    Message {
        title: "Too many requests",
        cause: "The registry limits how much one user or address may ask.",
        what_to_do: "Log in, where limits are higher, wait, or lower `--proc`.",
        what: &[AT_SOURCE],
        why: &["429 Too Many Requests", "slow down"],
        next: &["wait a while"],
        code: 3,
        show: || Box::pin(source_fails(Match::path("/manifests/"), Effect::too_many_requests("0"))),
    },
    Message {
        title: "A login that may not push",
        cause: "The user may read at the target, and not write.",
        what_to_do: "Give the user (or robot) the right to push, or take another login.",
        what: &[AT_TARGET],
        why: &["403 Forbidden", "requested access to the resource is denied"],
        next: &["the right to push there"],
        code: 4,
        show: || {
            let refusal = Effect::refuse(403, "DENIED", "requested access to the resource is denied");
            Box::pin(target_fails(Match::post("/blobs/uploads/"), refusal))
        },
    },
    Message {
        title: "A project that Harbor does not have",
        cause: "Harbor makes no projects by itself when something is pushed.",
        what_to_do: "Create the project in Harbor, or let the config do it with `create: true` in its auth entry.",
        what: &[AT_TARGET],
        why: &["project new-team not found"],
        next: &["create project `new-team` at Harbor", "\"create\": true"],
        code: 4,
        show: || Box::pin(no_project()),
    },
    Message {
        title: "A namespace that ACR does not have",
        cause: "Alibaba's registry gives no right to push to a namespace that is not there: to it that is the same as no right.",
        what_to_do: "Create the namespace: `image-syncer acr setup HOST --namespace NAME --apply`, or `provider: acr` with `create: true`.",
        what: &[AT_TARGET],
        why: &["401 Unauthorized"],
        next: &["that the namespace or project exists"],
        code: 4,
        show: || Box::pin(no_namespace()),
    },
    Message {
        title: "A tag that may not be moved",
        cause: "The tag is at the target with another digest, and a rule there keeps tags as they are.",
        what_to_do: "Change the rule at the target, or copy to another tag.",
        what: &[AT_TARGET, "v1"],
        why: &["412 Precondition Failed", "immutable"],
        next: &["the tag is there and"],
        code: 3,
        show: || Box::pin(immutable()),
    },
    Message {
        title: "The registry's disk is full",
        cause: "The target's storage has no room left.",
        what_to_do: "Make room there: collect garbage, or give it a larger disk. Then run the same command again.",
        what: &[AT_TARGET],
        why: &["507 Insufficient Storage", "no space left on device"],
        next: &["room"],
        code: 3,
        show: || {
            let refusal = Effect::refuse(507, "UNKNOWN", "write /data/blob: no space left on device");
            Box::pin(target_fails(Match::path("/blobs/uploads/"), refusal))
        },
    },
    Message {
        title: "The registry's disk is full, told as an error of its own",
        cause: "The same from registries that answer with 500, such as Docker's own.",
        what_to_do: "Make room at the target. Then run the same command again.",
        what: &[AT_TARGET],
        why: &["500 Internal Server Error", "no space left on device"],
        next: &["room"],
        code: 3,
        show: || {
            let refusal = Effect::refuse(500, "UNKNOWN", "write /data/blob: no space left on device");
            Box::pin(target_fails(Match::path("/blobs/uploads/"), refusal))
        },
    },
    Message {
        title: "A layer that is too large for a proxy",
        cause: "nginx before the registry takes bodies up to a size (`client_max_body_size`, 1 MiB by itself).",
        what_to_do: "Write `client_max_body_size 0;` for the registry in nginx, or raise the limit of whatever stands there.",
        what: &[AT_TARGET],
        why: &["413 Payload Too Large (web page: Request Entity Too Large)"],
        next: &["or of the proxy in front of it"],
        code: 3,
        show: || {
            let page = "<html><head><title>413 Request Entity Too Large</title></head><body><center><h1>413 Request Entity \
                        Too Large</h1></center><hr><center>nginx</center></body></html>";
            Box::pin(target_fails(Match::path("/blobs/uploads/session"), status(413, page, "text/html")))
        },
    },
    Message {
        title: "A registry that takes no pushes",
        cause: "The target is a mirror or a pull-through cache, or is switched to read-only.",
        what_to_do: "Name the registry itself, or have pushes switched on.",
        what: &[AT_TARGET],
        why: &["405 Method Not Allowed"],
        next: &["takes no pushes"],
        code: 3,
        show: || {
            let refusal = Effect::refuse(405, "UNSUPPORTED", "The operation is unsupported.");
            Box::pin(target_fails(Match::post("/blobs/uploads/"), refusal))
        },
    },
    Message {
        title: "The registry has trouble of its own",
        cause: "The target cannot work at the moment: it is being upgraded, or too much is asked of it.",
        what_to_do: "Run the same command again later.",
        what: &[AT_TARGET],
        why: &["503 Service Unavailable"],
        next: &["run the same command again later"],
        code: 3,
        show: || {
            let refusal = Effect::refuse(503, "UNAVAILABLE", "service unavailable");
            Box::pin(target_fails(Match::path("/blobs/uploads/"), refusal))
        },
    },
    Message {
        title: "The connection breaks",
        cause: "Something between here and the registry ends connections: a proxy, a firewall, a bad line.",
        what_to_do: "Run the same command again; `--retries` tries more often by itself.",
        what: &[AT_SOURCE],
        why: &["connection"],
        next: &["run the same command again"],
        code: 3,
        show: || Box::pin(source_fails(Match::path("/manifests/"), Effect::ResetConnection)),
    },
    Message {
        title: "A layer that is damaged at the source",
        cause: "The bytes of a layer are not those that its digest names: damage in storage, or on the way.",
        what_to_do: "Pull the image from another network to tell; push it anew if it is the storage.",
        what: &[AT_SOURCE],
        why: &["sha256:"],
        next: &["storage is damaged"],
        code: 3,
        show: || Box::pin(source_fails(Match::get("/blobs/"), Effect::CorruptByteAt(1000))),
    },
];

async fn copies(from: &str, to: &str) -> Result<Shown> {
    Bench::start().await?.fails(from, to)
}

async fn nobody() -> Result<Shown> {
    let bench = Bench::start().await?;
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let flags = format!("--auth auth.json {closed}/team/app:v1 {}/mirror/app", bench.target.host());
    bench.copy(&flags, &[(closed, SOURCE)])
}

async fn no_name() -> Result<Shown> {
    let bench = Bench::start().await?;
    let flags = format!("--auth auth.json harbor.invalid/team/app:v1 {}/mirror/app", bench.target.host());
    bench.copy(&flags, &[])
}

async fn certificate(make: impl Fn(&CertificateAuthority) -> Result<IssuedCertificate>) -> Result<Shown> {
    let bench = Bench::start().await?;
    let authority = CertificateAuthority::generate()?;
    let front =
        TlsFront::builder(&authority, bench.source.host()).certificate(make(&authority)?).start().await?;
    let flags = format!("--auth auth.json {}/team/app:v1 {}/mirror/app", front.host(), bench.target.host());
    bench.copy(&flags, &[(front.host(), SOURCE)])
}

async fn other_name() -> Result<Shown> {
    let bench = Bench::start().await?;
    let authority = CertificateAuthority::generate()?;
    let certificate = authority.issue(&["other.example.com"])?;
    let front = TlsFront::builder(&authority, bench.source.host()).certificate(certificate).start().await?;
    let (host, to, file) = (front.host(), bench.target.host(), authority.ca_file());
    let flags = format!("--auth auth.json --ca {host}={} {host}/team/app:v1 {to}/mirror/app", file.display());
    bench.copy(&flags, &[(host, SOURCE)])
}

async fn plain() -> Result<Shown> {
    let bench = Bench::start().await?;
    let (from, to) = (bench.source.host(), bench.target.host());
    bench.copy(&format!("--plain-http {to} {from}/team/app:v1 {to}/mirror/app"), &[])
}

async fn no_login() -> Result<Shown> {
    let bench = Bench::of(with_token(vec![Grant::pull("team/*")]), EmbeddedRegistry::builder()).await?;
    let (from, to) = (bench.source.host(), bench.target.host());
    let home = (bench.workplace.path().display().to_string(), "/home/me");
    bench.copy(&format!("--plain-http {from} --plain-http {to} {from}/team/app:v1 {to}/mirror/app"), &[home])
}

async fn wrong_password() -> Result<Shown> {
    let bench = Bench::of(with_token(vec![Grant::pull("team/*")]), EmbeddedRegistry::builder()).await?;
    bench.logins((USER.0, "wrong-word"))?;
    bench.fails("team/app:v1", "mirror/app")
}

async fn old_token() -> Result<Shown> {
    let bench = Bench::of(with_token(vec![Grant::pull("team/*")]), EmbeddedRegistry::builder()).await?;
    std::fs::create_dir(bench.workplace.path().join(".docker"))?;
    let (from, to) = (bench.source.host(), bench.target.host());
    let login = format!(r#"{{"auths": {{"{from}": {{"identitytoken": "of-yesterday"}}}}}}"#);
    bench.workplace.write(".docker/config.json", &login)?;
    let home = (bench.workplace.path().display().to_string(), "/home/me");
    bench.copy(&format!("--plain-http {from} --plain-http {to} {from}/team/app:v1 {to}/mirror/app"), &[home])
}

async fn no_project() -> Result<Shown> {
    let (bench, harbor) = (Bench::start().await?, HarborBench::start().await?);
    let (from, to) = (bench.source.host(), harbor.host());
    let (user, password) = HarborBench::ADMINISTRATOR;
    let logins = format!(
        r#"{{"{from}": {{"plainHttp": true}}, "{to}": {{"username": "{user}", "password": "{password}", "plainHttp": true}}}}"#
    );
    bench.workplace.write("auth.json", &logins)?;
    bench.copy(&format!("--auth auth.json {from}/team/app:v1 {to}/new-team/app"), &[(to, TARGET)])
}

async fn no_namespace() -> Result<Shown> {
    let access = TokenAccess::acr(
        "registry.aliyuncs.com:cn-shanghai:china:cri-test",
        vec![user(vec![Grant::push("mirror/*")])],
    );
    let target = preset::acr_enterprise().access(Access::Token(access));
    Bench::of(EmbeddedRegistry::builder(), target).await?.fails("team/app:v1", "mirorr/app")
}

async fn immutable() -> Result<Shown> {
    let bench = Bench::of(EmbeddedRegistry::builder(), preset::harbor()).await?;
    let layers = [sample::layer(2, 1000)];
    sample::image(bench.target.store(), "mirror/app", Some("v1"), Flavour::Oci, &layers, "amd64");
    bench.fails("team/app:v1", "mirror/app")
}
