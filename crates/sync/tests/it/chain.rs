//! Rules of which one reads what another writes: the plan knows what will be stored, and its tasks copy it in one run.

use std::sync::{Arc, Mutex};

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use endpoints::RegistryEndpoint;
use http::Method;
use oci::Reference;
use sync::{
    Action, AttestationPolicy, BoundTask, Cause, Decision, Event, IndexPolicy, Load, Mode, Naming, Observer,
    Options, PlatformFilter, Policy, ReferrerPolicy, Rule, RuleTarget, Selection, Source, Stamp, Sync,
    Target, Task, Work,
};
use tokio_util::sync::CancellationToken;

use crate::engine::client;
use crate::whole_report::{RunWhole, WholeReport};

#[derive(Default)]
struct Decided(Mutex<Vec<(Decision, u64)>>);

impl Observer for Decided {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Decided { decision, load } = event {
            let bytes = |load: &Arc<Load>| load.blobs.iter().map(|blob| blob.size).sum();
            let bytes = load.as_ref().map_or(0, bytes);
            self.0.lock().unwrap().push(((**decision).clone(), bytes));
        }
    }
}

/// Registries in a row; each rule copies `app` from one to the next.
struct Chain(Vec<EmbeddedRegistry>);

impl Chain {
    async fn start(registries: usize) -> Self {
        let mut all = Vec::new();
        for _ in 0..registries {
            all.push(EmbeddedRegistry::builder().start().await.unwrap());
        }
        Self(all)
    }

    fn source(&self, place: &str) -> Arc<dyn Source> {
        let place: Reference = place.parse().unwrap();
        Arc::new(RegistryEndpoint::source(&client(self.at(&place)), &place.repository))
    }

    fn target(&self, place: &str) -> Arc<dyn Target> {
        let place: Reference = place.parse().unwrap();
        Arc::new(RegistryEndpoint::target(&client(self.at(&place)), &place.repository))
    }

    fn at(&self, place: &Reference) -> &EmbeddedRegistry {
        let host = place.registry.to_string();
        self.0.iter().find(|registry| registry.host() == host).expect("one of the chain")
    }

    /// The rules, the last link first.
    fn rules(&self, policy: impl Fn(usize) -> Policy) -> Vec<Work> {
        let places: Vec<_> = self.0.iter().map(|registry| format!("{}/app", registry.host())).collect();
        let links = places.windows(2).enumerate().rev();
        let rule = |(link, ends): (usize, &[String])| Rule {
            source: self.source(&ends[0]),
            selection: Selection::All,
            targets: vec![RuleTarget { target: self.target(&ends[1]), naming: Naming::Same }],
            policy: Arc::new(policy(link)),
        };
        links.map(|link| rule(link).into()).collect()
    }

    async fn plan(&self, policy: impl Fn(usize) -> Policy) -> Vec<(Decision, u64)> {
        run(self.rules(policy), Mode::Plan).await.1
    }

    /// The tasks of a plan, each rule's separately, as in a plan file.
    fn tasks(&self, planned: &[(Decision, u64)]) -> Vec<Work> {
        let bind = |decision: &Decision| {
            let task = decision.task()?;
            let task: Task = serde_json::from_str(&serde_json::to_string(&task).unwrap()).unwrap();
            let (source, target) = (self.source(&task.image.source), self.target(&task.image.target));
            Some(BoundTask { task, source, target })
        };
        let of_rule = |rule: usize| {
            let mine = planned.iter().filter(|(decision, _)| decision.rule == rule);
            Work::Tasks(mine.filter_map(|(decision, _)| bind(decision)).collect())
        };
        (0..self.0.len() - 1).map(of_rule).collect()
    }

    fn tag(&self, registry: usize, tag: &str) -> Option<String> {
        self.0[registry].store().manifest("app", tag).map(|stored| stored.digest)
    }
}

async fn run(work: Vec<Work>, mode: Mode) -> (WholeReport, Vec<(Decision, u64)>) {
    let (decided, options) = (Arc::new(Decided::default()), Options { mode, ..Options::new(4, 0) });
    let report = Sync::new(work, options, decided.clone()).run_whole(CancellationToken::new()).await;
    let decisions = std::mem::take(&mut *decided.0.lock().unwrap());
    (report, decisions)
}

fn with_referrers(_: usize) -> Policy {
    Policy { referrers: ReferrerPolicy::Copy, ..Policy::default() }
}

fn image(registry: &EmbeddedRegistry, tag: Option<&str>, number: u64) -> sample::Sample {
    sample::image(registry.store(), "app", tag, Flavour::Oci, &[sample::layer(number, 5_000)], "amd64")
}

#[tokio::test]
async fn a_chain_of_rules_is_planned_whole_and_its_tasks_bring_it_in_one_run() {
    for links in [2, 3] {
        let chain = Chain::start(links + 1).await;
        let images = [("v1", 1), ("v2", 2)].map(|(tag, number)| image(&chain.0[0], Some(tag), number));
        sample::referrer(chain.0[0].store(), "app", &images[0], "test/sbom", &["sbom".into()]);
        let planned = chain.plan(with_referrers).await;
        assert_eq!(planned.len(), 2 * links);
        for (decision, bytes) in &planned {
            assert_eq!(decision.action, Action::Create, "{decision:?}");
            let wanted = &images[usize::from(decision.image.target_name().ends_with("v2"))].digest;
            let digest = decision.source_digest.as_ref().map(ToString::to_string);
            assert_eq!(digest.as_ref(), Some(wanted), "{decision:?}");
            assert_eq!(decision.source_digest, decision.result_digest);
            let is_noted = decision.note.as_ref().is_some_and(|note| note.contains("another rule"));
            assert_eq!(is_noted, decision.rule < links - 1, "{decision:?}");
            assert!(*bytes > 5_000, "{decision:?}");
        }
        let promised: u64 = planned.iter().map(|(_, bytes)| bytes).sum();

        let (report, _) = run(chain.tasks(&planned), Mode::Copy).await;
        assert_eq!((report.copied(), report.failed()), (2 * links, 0), "{:?}", report.images);
        assert_eq!(report.amounts().referrers, links as u64);
        assert_eq!(report.amounts().moved_bytes, promised);
        for registry in 1..=links {
            assert_eq!(
                ["v1", "v2"].map(|tag| chain.tag(registry, tag)),
                images.clone().map(|image| Some(image.digest))
            );
        }
        let left = chain.plan(with_referrers).await;
        assert!(
            left.iter().all(|(decision, bytes)| decision.action == Action::Unchanged && *bytes == 0),
            "{left:?}"
        );
    }
}

#[tokio::test]
async fn what_the_middle_of_a_chain_has_already_is_read_there() {
    let chain = Chain::start(3).await;
    image(&chain.0[0], Some("v1"), 1);
    let first: Vec<Work> = chain.rules(with_referrers).split_off(1);
    assert_eq!(run(first, Mode::Copy).await.0.copied(), 1);
    chain.0[0].clear_requests();
    let planned = chain.plan(with_referrers).await;
    let mut actions: Vec<_> = planned.iter().map(|(decision, _)| (decision.rule, decision.action)).collect();
    actions.sort_unstable();
    assert_eq!(actions, [(0, Action::Create), (1, Action::Unchanged)]);
    let reads = chain.0[0].requests().into_iter().filter(|request| request.is_manifest(&Method::GET)).count();
    assert_eq!(reads, 0, "the first registry is asked for digests alone");
}

/// For an index of two platforms, of which the first link copies one.
fn platforms(link: usize, index: IndexPolicy) -> Policy {
    let platforms = PlatformFilter::new(&[], &["arm64".to_owned()]);
    if link == 0 { Policy { platforms, index, ..Policy::default() } } else { Policy::default() }
}

#[tokio::test]
async fn a_rewritten_index_is_known_to_the_next_link_and_what_the_target_decides_is_not() {
    let chain = Chain::start(4).await;
    let children = ["amd64", "arm64"].map(|architecture| {
        let layers = [sample::layer(7, 900)];
        sample::image(chain.0[0].store(), "app", None, Flavour::Oci, &layers, architecture)
    });
    let whole = sample::index(chain.0[0].store(), "app", Some("v1"), Flavour::Oci, &children);
    let rewriting = |link| platforms(link, IndexPolicy::Rewrite);
    let planned = chain.plan(rewriting).await;
    let rewritten = planned.iter().find(|(decision, _)| decision.rule == 2).unwrap().0.result_digest.clone();
    assert_ne!(rewritten.as_ref().map(ToString::to_string), Some(whole.digest));
    for (decision, bytes) in planned.iter().filter(|(decision, _)| decision.rule < 2) {
        assert_eq!((&decision.source_digest, &decision.result_digest), (&rewritten, &rewritten));
        assert!(*bytes > 900);
    }
    assert_eq!(run(chain.tasks(&planned), Mode::Copy).await.0.copied(), 3);
    assert_eq!(chain.tag(3, "v1"), rewritten.map(|digest| digest.to_string()));
    let left = chain.plan(rewriting).await;
    assert!(left.iter().all(|(decision, _)| decision.action == Action::Unchanged), "{left:?}");

    let chain = Chain::start(4).await;
    let store = chain.0[0].store();
    let child = sample::image(store, "app", None, Flavour::Oci, &[sample::layer(7, 900)], "amd64");
    let mut attestation = image(&chain.0[0], None, 8);
    attestation.descriptor["annotations"] = serde_json::json!({
        "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": child.digest,
    });
    sample::index(store, "app", Some("v1"), Flavour::Oci, &[child, attestation]);
    let dropping = |link| match link {
        0 => Policy { attestations: AttestationPolicy::Drop, ..Policy::default() },
        _ => Policy::default(),
    };
    let planned = chain.plan(dropping).await;
    for (decision, _) in &planned {
        assert_eq!(decision.source_digest.is_some(), decision.rule == 2, "{decision:?}");
        assert_eq!(decision.result_digest, None);
    }
    assert_eq!(run(chain.rules(dropping), Mode::Copy).await.0.copied(), 3, "a run knows it when it is there");
}

#[tokio::test]
async fn where_the_first_link_fails_the_next_ones_fail_by_name() {
    let chain = Chain::start(4).await;
    image(&chain.0[0], Some("v1"), 1);
    let planned = chain.plan(with_referrers).await;
    let effect = Effect::refuse(403, "DENIED", "read only");
    chain.0[1].misbehave(Fault { when: Match::post("/app/blobs/uploads/"), times: Times::Always, effect });
    let (report, _) = run(chain.tasks(&planned), Mode::Copy).await;
    assert_eq!((report.failed(), report.not_done(), report.copied()), (3, 0, 0));
    let failed: Vec<_> = report.images.iter().map(|ended| ended.image.source_name()).collect();
    let expected: Vec<_> = (0..3).map(|link| format!("{}/app:v1", chain.0[link].host())).collect();
    assert_eq!(failed, expected, "in the order of the chain");
}

#[tokio::test]
async fn tasks_in_a_circle_are_refused_by_name_and_what_hangs_on_them_goes_on() {
    let chain = Chain::start(3).await;
    for (registry, number) in [(0, 1), (1, 2)] {
        image(&chain.0[registry], Some("v1"), number);
    }
    let planned = chain.plan(with_referrers).await;
    let works = chain.tasks(&planned);
    let tasks: Vec<BoundTask> = works
        .into_iter()
        .flat_map(|work| match work {
            Work::Tasks(tasks) => tasks,
            _ => Vec::new(),
        })
        .collect();
    let first = tasks.iter().find(|bound| bound.task.rule == 1).unwrap();
    let back = {
        let image = sync::Image {
            source: first.task.image.target.clone(),
            source_reference: first.task.image.target_reference.clone(),
            target: first.task.image.source.clone(),
            target_reference: first.task.image.source_reference.clone(),
        };
        let (source, target) = (chain.source(&image.source), chain.target(&image.target));
        BoundTask { task: Task { image: Arc::new(image), ..first.task.clone() }, source, target }
    };
    let before = [0, 1].map(|registry| chain.tag(registry, "v1"));
    let hanging = tasks.iter().find(|bound| bound.task.rule == 0).unwrap().clone();
    let work = vec![Work::Tasks(vec![hanging]), Work::Tasks(vec![first.clone(), back])];
    let (report, _) = run(work, Mode::Copy).await;
    assert_eq!((report.failed_rules.len(), report.images.len()), (1, 1), "{:?}", report.failed_rules);
    let Cause::Circle { names } = &report.failed_rules[0].error.cause else {
        panic!("{:?}", report.failed_rules)
    };
    let mut expected = [0, 1].map(|registry| format!("{}/app:v1", chain.0[registry].host()));
    expected.sort();
    assert_eq!(*names, expected);
    assert_eq!([0, 1].map(|registry| chain.tag(registry, "v1")), before);
}
