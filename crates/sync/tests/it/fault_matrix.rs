//! Each fault for each kind of request, on both sides. docs/reliability.md has the table.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use testkit::seed::{Flavour, Image, layer};
use testkit::{Fault, Planned, RetryAfter, Wanted};

use crate::fault_world::World;

/// How many runs are active in parallel: they mostly wait.
const AT_ONCE: usize = 24;
/// More than any single fault needs.
const RETRIES: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Source,
    Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ping,
    Token,
    TagList,
    HeadManifest,
    GetManifest,
    GetBlob,
    PostUpload,
    PatchUpload,
    PutBlob,
    PutManifest,
}

const REQUESTS: [(At, Kind); 14] = [
    (At::Source, Kind::Ping),
    (At::Source, Kind::Token),
    (At::Source, Kind::TagList),
    (At::Source, Kind::HeadManifest),
    (At::Source, Kind::GetManifest),
    (At::Source, Kind::GetBlob),
    (At::Target, Kind::Ping),
    (At::Target, Kind::Token),
    (At::Target, Kind::TagList),
    (At::Target, Kind::HeadManifest),
    (At::Target, Kind::PostUpload),
    (At::Target, Kind::PatchUpload),
    (At::Target, Kind::PutBlob),
    (At::Target, Kind::PutManifest),
];

/// The faults, with how often they are injected.
fn faults() -> Vec<(Fault, usize)> {
    vec![
        // The slowest first.
        (Fault::HANG, 1),
        (Fault::HANG_IN_BODY, 1),
        (Fault::hang_request(50), 1),
        (Fault::hang_request(100_000), 1),
        (Fault::StallAnswer(Duration::from_millis(300)), 1),
        (Fault::CutAnswer(100), 1),
        (Fault::CutAnswer(100_000), 1),
        (Fault::CutRequest(50), 1),
        (Fault::CutRequest(100_000), 1),
        (Fault::Reset, 1),
        (Fault::CorruptAnswer(17), 1),
        (Fault::ShortBody, 1),
        (Fault::WrongLength(1), 1),
        (Fault::WrongLength(-1), 1),
        (Fault::TooManyRequests(RetryAfter::Seconds(1)), 1),
        (Fault::TooManyRequests(RetryAfter::Date(2)), 1),
        (Fault::Refused(500), 3),
        (Fault::Refused(503), 3),
        (Fault::LostAnswer, 1),
        (Fault::Unauthorized, 1),
        (Fault::Redirect, 1),
        (Fault::Html(200), 1),
        (Fault::Html(502), 1),
        (Fault::Html(413), 1),
    ]
}

/// Whether the fault fails the image with an error: if the answer would most likely be the same tomorrow. All other
/// faults are survived.
fn is_told(at: At, kind: Kind, fault: &Fault) -> bool {
    let optional = matches!((at, kind), (At::Source, Kind::HeadManifest) | (At::Target, Kind::TagList));
    match fault {
        // No document, no session, nothing stored. A missing blob is noticed when the manifest is stored, and sent again.
        Fault::Html(200) => {
            !optional && !matches!(kind, Kind::Ping | Kind::HeadManifest | Kind::GetBlob | Kind::PutBlob)
        }
        // A large body continues in chunks, a small one with another method. What a target has need not be known.
        Fault::Html(413) => {
            let goes_on = matches!(kind, Kind::Ping | Kind::PatchUpload | Kind::PutBlob);
            !optional && !goes_on && (at, kind) != (At::Target, Kind::HeadManifest)
        }
        // A login is not sent elsewhere; and a wrong password looks like this.
        Fault::Redirect | Fault::Unauthorized => kind == Kind::Token,
        // A tag has no digest that could tell a wrong answer from a wrong manifest.
        Fault::CorruptAnswer(_) => kind == Kind::GetManifest,
        Fault::WrongLength(-1) => matches!(kind, Kind::Token | Kind::GetManifest),
        _ => false,
    }
}

/// A tag list has no checksum: with a changed letter, it is another list.
fn is_beyond_knowing(kind: Kind, fault: &Fault) -> bool {
    kind == Kind::TagList && matches!(fault, Fault::CorruptAnswer(_))
}

fn wanted(kind: Kind, from: &str, to: &str) -> Wanted {
    match kind {
        Kind::Ping => Wanted::new("GET", "/v2/").but_not("/manifests/").but_not("/tags/").but_not("/blobs/"),
        // Either of the two repositories, which the token server knows.
        Kind::Token => Wanted::new("GET", "scope=").and(if from.is_empty() { to } else { from }),
        Kind::TagList => Wanted::new("GET", "/tags/list"),
        Kind::HeadManifest => Wanted::new("HEAD", "/manifests/"),
        Kind::GetManifest => Wanted::new("GET", "/manifests/"),
        Kind::GetBlob => Wanted::new("GET", "/blobs/sha256"),
        Kind::PostUpload => Wanted::new("POST", "/blobs/uploads/"),
        Kind::PatchUpload => Wanted::new("PATCH", "/blobs/uploads/"),
        Kind::PutBlob => Wanted::new("PUT", "/blobs/uploads/"),
        Kind::PutManifest => Wanted::new("PUT", "/manifests/"),
    }
}

struct Case {
    number: usize,
    at: At,
    kind: Kind,
    fault: Fault,
    times: usize,
}

impl Case {
    fn all() -> Vec<Self> {
        let kinds = faults().into_iter().flat_map(|fault| REQUESTS.map(|request| (fault.clone(), request)));
        let case = |(number, ((fault, times), (at, kind)))| Self { number, at, kind, fault, times };
        let cases = kinds.enumerate().map(case);
        cases.filter(|case| !is_beyond_knowing(case.kind, &case.fault)).collect()
    }

    fn name(&self) -> String {
        format!("{:?} at {:?} {:?}", self.fault, self.at, self.kind)
    }

    /// A separate source repository, if the fault is matched by its name.
    fn from(&self) -> String {
        match self.kind {
            Kind::Token if self.at == At::Source => format!("app-{}-x", self.number),
            Kind::PatchUpload => "large".to_owned(),
            _ => "app".to_owned(),
        }
    }

    fn to(&self) -> String {
        format!("case-{}-x", self.number)
    }

    /// Copies while the fault is injected; returns the failures.
    async fn run(&self, world: &World) -> Result<Vec<String>> {
        let (from, to) = (self.from(), self.to());
        let (source, target) = (world.source.pusher(), world.target.pusher());
        if from.starts_with("app-") {
            source.image(&from, "v1", &small(3)).await?;
        }
        if self.at == At::Source && self.kind == Kind::HeadManifest {
            // The source is asked for a digest only if there is one to compare it with.
            target.image(&to, "v1", &small(9)).await?;
        }
        let way = world.way().await?;
        let wanted = wanted(self.kind, if self.at == At::Source { &from } else { "" }, &to);
        let planned = Planned { wanted, skip: 0, times: self.times, fault: self.fault.clone() };
        let proxy = match (self.at, self.kind) {
            (At::Source, Kind::Token) => &world.source.token_proxy,
            (At::Target, Kind::Token) => &world.target.token_proxy,
            (At::Source, _) => &way.source,
            (At::Target, _) => &way.target,
        };
        proxy.also(planned);
        let ran = world.copy(&way, &from, &[&to], RETRIES).await?;
        world.law(&ran, &from, &to).await?;
        if self.kind != Kind::Token {
            ensure!(!proxy.faults().is_empty(), "the fault never struck: {:?}", proxy.exchanges());
        }
        Ok(ran.errors())
    }
}

fn small(number: u64) -> Image {
    Image::new(Flavour::Oci).layer(layer(number, 300_000)).layer(layer(number + 1, 5_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_single_fault_is_survived_or_told() -> Result<()> {
    let world = World::start().await?;
    world.source.pusher().image("app", "v1", &small(1)).await?;
    let large = Image::new(Flavour::Docker).layer(layer(20, 17 << 20));
    world.source.pusher().image("large", "v1", &large).await?;
    let (cases, world) = (Case::all(), &world);
    let runs = cases.iter().map(async |case| (case, case.run(world).await));
    let ended: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (case, errors) in ended {
        match errors.with_context(|| case.name()) {
            Err(broken) => wrong.push(format!("{broken:#}")),
            Ok(errors) if errors.is_empty() == is_told(case.at, case.kind, &case.fault) => {
                wrong.push(format!("{}: {errors:?}", case.name()));
            }
            Ok(_) => {}
        }
    }
    wrong.sort();
    let told = cases.iter().filter(|case| is_told(case.at, case.kind, &case.fault)).count();
    println!("{} single faults: {} outlived, {told} told", cases.len(), cases.len() - told);
    ensure!(wrong.is_empty(), "{} cases went wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
