//! The requests of `prune` before it deletes: only necessary ones, in parallel, until it is cancelled; and how it
//! handles answers that it cannot use.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    DigestDeletion, Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, TagDeletion, Times, preset,
};
use endpoints::RegistryEndpoint;
use http::Method;
use sync::prune::{Guards, Kept, MaxDelete, Prune, PrunePlan, Refusal, Standing};
use sync::select::{Latest, TagSelection};
use sync::{Event, Naming, Observer, Options, Rule, RuleTarget, Selection, Silent, Stamp, State, Work};
use tokio_util::sync::CancellationToken;

use crate::engine::{client, count};
use crate::prune::{APP, Bench, FREE, look, prune, put, refer};

const WEEK: Guards = Guards { max_delete: MaxDelete::Percent(100), grace: Duration::from_secs(7 * 86_400) };

fn status(code: u16) -> Effect {
    Effect::Status { code, body: String::new(), headers: Vec::new() }
}

fn by_digest() -> embedded_registry::Builder {
    EmbeddedRegistry::builder().deletion(TagDeletion::Unsupported, DigestDeletion::Alone)
}

/// How many manifests were read, not only looked up.
fn manifests_read(server: &EmbeddedRegistry) -> usize {
    count(server, |request| request.method == Method::GET && request.path.contains("/manifests/"))
}

/// Rules about some repositories; each has `kept` on both sides, and `old` at the target.
fn repositories(bench: &Bench, names: &[&str]) -> Vec<(Rule, Option<Guards>)> {
    let put = |store, name: &str, tag, number| {
        sample::image(store, name, Some(tag), Flavour::Oci, &[sample::layer(number, 20)], "amd64");
    };
    let rules = names.iter().map(|name| {
        put(bench.source.store(), name, "kept", 1);
        put(bench.target.store(), name, "kept", 1);
        put(bench.target.store(), name, "old", 2);
        let target = RegistryEndpoint::target(&client(&bench.target), &name.parse().unwrap());
        let source = RegistryEndpoint::source(&client(&bench.source), &name.parse().unwrap());
        let targets = vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }];
        (Rule { source: Arc::new(source), targets, ..bench.rule() }, Some(FREE))
    });
    rules.collect()
}

async fn reaches(server: &EmbeddedRegistry, is_it: impl Fn(&[LoggedRequest]) -> bool) {
    let reached = async {
        while !is_it(&server.requests()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("it is asked");
}

#[tokio::test]
async fn repositories_are_looked_at_side_by_side_until_the_run_is_stopped() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    let rules = repositories(&bench, &["a/silent", "b/app", "c/app"]);
    let rules = rules.into_iter().map(|(rule, guards)| (Work::from(rule), guards)).collect();
    let when = Match::get("/a/silent/manifests/");
    bench.target.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    let prune = Prune { rules, options: Options::new(4, 0), state: State::none() };
    let cancel = CancellationToken::new();
    let stop = async {
        let has = |requests: &[LoggedRequest], name: &str| {
            requests.iter().any(|request| request.method == Method::GET && request.path.contains(name))
        };
        let names = ["/a/silent/manifests/", "/b/app/manifests/", "/c/app/manifests/"];
        reaches(&bench.target, |requests| names.iter().all(|name| has(requests, name))).await;
        cancel.cancel();
    };
    let looked = tokio::time::timeout(Duration::from_secs(20), prune.look(Arc::new(Silent), cancel.clone()));
    let (plan, ()) = tokio::join!(looked, stop);
    let plan = plan.expect("nobody waits for a registry once the run is stopped");
    assert!(matches!(plan.refused, Some(Refusal::Stopped)) && plan.candidates().is_empty());
    assert!(plan.carry_out(CancellationToken::new()).await.deleted.is_empty());
}

#[tokio::test]
async fn a_run_that_is_stopped_does_not_wait_for_answers_between_deletions() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    let rules = repositories(&bench, &["a/app"]);
    let plan = look(rules, State::none()).await;
    // The second check of the tags, before the first deletion.
    let when = Match::head("/a/app/manifests/kept");
    bench.target.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    let cancel = CancellationToken::new();
    let stop = async {
        let is_asked =
            |request: &LoggedRequest| request.method == Method::HEAD && request.path.ends_with("/kept");
        reaches(&bench.target, |requests| requests.iter().any(is_asked)).await;
        cancel.cancel();
    };
    let carried_out = tokio::time::timeout(Duration::from_secs(20), plan.carry_out(cancel.clone()));
    let (pruned, ()) = tokio::join!(carried_out, stop);
    let pruned = pruned.expect("nobody waits for a registry once the run is stopped");
    assert_eq!(pruned.not_deleted.iter().map(|kept| &kept.kept).collect::<Vec<_>>(), [&Kept::Stopped]);
}

#[tokio::test]
async fn a_tag_that_cannot_be_read_keeps_its_repository_alone() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    let rules = repositories(&bench, &["a/scanned", "b/app"]);
    let when = Match::get("/a/scanned/manifests/kept");
    bench.target.misbehave(Fault { when, times: Times::Always, effect: status(412) });
    let plan = look(rules, State::none()).await;
    assert!(plan.refused.is_none(), "{:?}", plan.refused);
    let unread: Vec<_> = plan.unread.iter().map(|unread| unread.repository.to_string()).collect();
    assert_eq!(unread, [format!("{}/a/scanned", bench.target.host())]);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.target.store().tags("a/scanned"), ["kept", "old"], "{pruned:?}");
    assert_eq!(bench.target.store().tags("b/app"), ["kept"], "{pruned:?}");
}

fn latest(bench: &Bench) -> Rule {
    let latest = Some(Latest::new(1).unwrap());
    let selection = Selection::Chosen(Arc::new(TagSelection { latest, ..TagSelection::default() }));
    Rule { selection, ..bench.rule() }
}

#[tokio::test]
async fn no_manifest_is_read_where_nothing_can_go() {
    // Tags that `latest` no longer selects, but that their source still has.
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    let names: Vec<String> = (0..20).map(|number| format!("1.{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    bench.both(1, &names, &names);
    let plan = look(vec![(latest(&bench), Some(FREE))], State::none()).await;
    assert_eq!(plan.candidates().len(), 19);
    assert!(plan.candidates().iter().all(|candidate| candidate.standing == Standing::AtSource));
    assert_eq!(manifests_read(&bench.target), 0, "{:?}", bench.target.requests());
    // A tag that waits for `grace`.
    let folder = tempfile::tempdir().unwrap();
    let (state, _) = State::open(&folder.path().join("state.redb")).unwrap();
    bench.both(2, &[], &["1.99"]);
    for state in [State::none(), state.clone()] {
        let plan = look(vec![(bench.rule(), Some(WEEK))], state).await;
        let standings: Vec<_> = plan.candidates().iter().map(|one| one.standing.clone()).collect();
        assert!(matches!(&standings[..], [Standing::Waits { .. }]), "{standings:?}");
        assert_eq!(manifests_read(&bench.target), 0, "{:?}", bench.target.requests());
        assert_eq!(count(&bench.target, |request| request.path.contains("/referrers/")), 0);
    }
    state.close().unwrap();
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    assert_eq!(plan.candidates().len(), 1);
    assert!(manifests_read(&bench.target) > 0, "where something may go, all are read");
}

#[tokio::test]
async fn referrers_are_followed_five_deep_and_side_by_side() {
    let bench = Bench::start(by_digest()).await;
    bench.both(1, &["kept"], &["kept"]);
    let chains = ["one", "two"].map(|tag| {
        let mut chain = vec![put(bench.target.store(), tag.len() as u64 + u64::from(tag == "two"), &[tag])];
        for depth in 0..7 {
            chain.push(refer(bench.target.store(), &chain[depth], depth as u64));
        }
        chain
    });
    // The request for one chain hangs until the other chain was requested.
    let when = Match::get(&format!("/referrers/{}", chains[0][0]));
    bench.target.misbehave(Fault {
        when,
        times: Times::First(1),
        effect: Effect::Delay(Duration::from_secs(1)),
    });
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let asked: Vec<_> = bench.target.requests();
    let asked: Vec<_> = asked.iter().filter(|request| request.path.contains("/referrers/")).collect();
    assert_eq!(asked.len(), 10, "five of each: {asked:?}");
    let pruned = plan.carry_out(CancellationToken::new()).await;
    for chain in &chains {
        let left: Vec<_> =
            chain.iter().map(|digest| bench.target.store().manifest(APP, digest).is_some()).collect();
        assert_eq!(left, [false, false, false, false, false, false, true, true], "{pruned:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_has_deleted_is_told_and_its_referrers_go() {
    let bench = Bench::start(by_digest()).await;
    bench.both(1, &["kept"], &["kept"]);
    let old = bench.both(2, &[], &["old"]);
    let referrer = refer(bench.target.store(), &old, 7);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let due = plan.candidates().iter().filter(|candidate| candidate.is_due()).count();
    bench.target.store().remove_manifest(APP, "old");
    bench.target.store().remove_manifest(APP, &old);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    let gone: Vec<_> = pruned.already_gone.iter().map(|gone| gone.digest.to_string()).collect();
    assert_eq!(gone, [old], "{pruned:?}");
    assert_eq!(due, pruned.deleted.len() + pruned.already_gone.len() + pruned.not_deleted.len());
    assert!(bench.target.store().manifest(APP, &referrer).is_none(), "{pruned:?}");
}

#[tokio::test]
async fn the_signature_of_an_untagged_image_stays_where_its_sbom_goes() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    let untagged = bench.both(2, &[], &[]);
    let sbom = refer(bench.target.store(), &untagged, 1);
    bench.target.store().tag(APP, "sbom", &sbom);
    let signature = format!("{}.sig", untagged.replace(':', "-"));
    bench.both(3, &[], &[&signature]);
    let pruned = prune(&bench, FREE).await;
    assert_eq!(bench.tags(), ["kept".to_owned(), signature], "{pruned:?}");
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Note { text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

#[tokio::test]
async fn where_something_is_listed_that_is_no_tag_nothing_goes_by_digest() {
    let looked = async |bench: &Bench| {
        let body = r#"{"name":"a/app","tags":["kept","old","-odd",7]}"#.to_owned();
        let effect = Effect::Status { code: 200, body, headers: Vec::new() };
        bench.target.misbehave(Fault { when: Match::get("/tags/list"), times: Times::Always, effect });
        let rules = vec![(Work::from(bench.rule()), Some(FREE))];
        let (notes, prune) =
            (Arc::new(Notes::default()), Prune { rules, options: Options::new(4, 0), state: State::none() });
        let plan: PrunePlan = prune.look(notes.clone(), CancellationToken::new()).await;
        let told = notes.0.lock().unwrap().join("; ");
        (plan, told)
    };
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["old"]);
    let (plan, told) = looked(&bench).await;
    assert!(told.contains("`-odd` is listed, and is no tag") && told.contains('7'), "{told}");
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.tags(), ["kept", "old"], "{pruned:?}");
    assert!(
        matches!(&pruned.not_deleted[0].kept, Kept::Held(why) if why.contains("is no tag")),
        "{pruned:?}"
    );
}
