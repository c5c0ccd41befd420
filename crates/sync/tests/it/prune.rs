//! Deletion at targets: what is deleted, what stays complete, and which requests are not even sent.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access, Builder, DigestDeletion, Effect, EmbeddedRegistry, Fault, Grant, ImmutableTags, IndexChildren,
    LoggedRequest, Match, SameDigest, Store, TagDeletion, Times, TokenAccess, User, preset,
};
use endpoints::{RegistryApi, RegistryEndpoint};
use http::Method;
use registry::{Credentials, Login, Registry, Security, Settings, Transport};
use serde_json::{Value, json};
use sync::prune::{Fate, Guards, Kept, MaxDelete, Prune, PrunePlan, Pruned, Standing};
use sync::{Naming, Options, Policy, ReferrerPolicy, Rule, RuleTarget, Selection, Silent, State, Work};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::engine::{client, count};

pub(crate) const APP: &str = "a/app";
pub(crate) const FREE: Guards = Guards { max_delete: MaxDelete::Percent(100), grace: Duration::ZERO };

pub(crate) struct Bench {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
}

impl Bench {
    pub(crate) async fn start(target: Builder) -> Self {
        let source = EmbeddedRegistry::builder().start().await.unwrap();
        Self { source, target: target.start().await.unwrap() }
    }

    pub(crate) fn rule(&self) -> Rule {
        let target = RegistryEndpoint::target(&client(&self.target), &APP.parse().unwrap());
        let source = RegistryEndpoint::source(&client(&self.source), &APP.parse().unwrap());
        Rule {
            source: Arc::new(source),
            selection: Selection::All,
            targets: vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }],
            policy: Arc::new(Policy { referrers: ReferrerPolicy::Copy, ..Policy::default() }),
        }
    }

    /// Stores the image with this number on both sides, under these tags.
    pub(crate) fn both(&self, number: u64, source: &[&str], target: &[&str]) -> String {
        put(self.source.store(), number, source);
        put(self.target.store(), number, target)
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        self.target.store().tags(APP)
    }

    pub(crate) fn deletions(&self) -> Vec<String> {
        let requests = self.target.requests();
        requests.iter().filter(|request| request.method == Method::DELETE).map(LoggedRequest::line).collect()
    }
}

pub(crate) fn put(store: &Store, number: u64, tags: &[&str]) -> String {
    let image = sample::image(store, APP, None, Flavour::Oci, &[sample::layer(number, 20)], "amd64");
    for tag in tags {
        store.tag(APP, tag, &image.digest);
    }
    image.digest
}

pub(crate) async fn look(rules: Vec<(Rule, Option<Guards>)>, state: State) -> PrunePlan {
    let rules = rules.into_iter().map(|(rule, guards)| (Work::from(rule), guards)).collect();
    let prune = Prune { rules, options: Options::new(4, 0), state };
    prune.look(Arc::new(Silent), CancellationToken::new()).await
}

pub(crate) async fn prune(bench: &Bench, guards: Guards) -> Pruned {
    let plan = look(vec![(bench.rule(), Some(guards))], State::none()).await;
    assert!(plan.refused.is_none(), "{:?}", plan.refused);
    plan.carry_out(CancellationToken::new()).await
}

fn harbor() -> Builder {
    preset::harbor().immutable_tags(ImmutableTags::None, SameDigest::Taken)
}

type DeletionMode = (&'static str, fn() -> Builder);

/// All known deletion behaviors, and a dangerous one.
fn modes() -> [DeletionMode; 9] {
    [
        ("as the specification has it", EmbeddedRegistry::builder),
        ("distribution 2, off", preset::distribution_2),
        ("distribution 2", preset::distribution_2_with_delete),
        ("distribution 3", preset::distribution_3),
        ("Harbor", harbor),
        ("Quay", preset::quay),
        ("ECR", || preset::ecr().immutable_tags(ImmutableTags::None, SameDigest::Taken)),
        ("a tag takes its image along", || {
            let builder = EmbeddedRegistry::builder();
            builder.deletion(TagDeletion::DeletesManifest, DigestDeletion::Alone)
        }),
        ("a digest takes its family along", || {
            let builder = EmbeddedRegistry::builder().index_children(IndexChildren::Unguarded);
            builder.deletion(TagDeletion::Unsupported, DigestDeletion::WithFamily)
        }),
    ]
}

/// Random contents of a repository: images, indexes that share children, further tags, signatures, and referrers.
struct World {
    tags: Vec<String>,
}

impl World {
    fn make(store: &Store, dice: &mut Dice) -> Self {
        let (mut images, mut tags) = (Vec::new(), Vec::new());
        for number in 0..4 + dice.below(4) {
            let layers = [sample::layer(number, 20)];
            let image = sample::image(store, APP, None, Flavour::Oci, &layers, "amd64");
            images.push(image);
        }
        for number in 0..6 + dice.below(8) {
            let chosen = images[below(dice, images.len())].clone();
            let digest = match dice.below(5) {
                0 => {
                    let other = images[below(dice, images.len())].clone();
                    let index = sample::index(store, APP, None, Flavour::Oci, &[chosen, other]);
                    images.push(index.clone());
                    index.digest
                }
                1 => {
                    let hex = chosen.digest["sha256:".len()..].to_owned();
                    let signature = put(store, 100 + number, &[]);
                    tags.push((format!("sha256-{hex}.sig"), signature));
                    continue;
                }
                2 => {
                    refer(store, &chosen.digest, number);
                    continue;
                }
                _ => chosen.digest,
            };
            tags.push((format!("v{number}"), digest));
        }
        for (tag, digest) in &tags {
            store.tag(APP, tag, digest);
        }
        let mut tags: Vec<_> = tags.into_iter().map(|(tag, _)| tag).collect();
        tags.sort();
        tags.dedup();
        Self { tags }
    }
}

fn below(dice: &mut Dice, most: usize) -> usize {
    usize::try_from(dice.below(most as u64)).unwrap()
}

/// Stores an untagged manifest with a subject.
pub(crate) fn refer(store: &Store, subject: &str, number: u64) -> String {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let body = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": format!("x/{number}"),
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": store.put_blob(APP, "{}"), "size": 2},
        "layers": [], "subject": {"mediaType": media_type, "digest": subject, "size": 1},
    });
    let text = body.to_string();
    let digest = oci::Digest::sha256(text.as_bytes()).to_string();
    store.put_manifest(APP, &digest, media_type, text)
}

/// The missing parts of everything that a manifest needs.
fn missing(store: &Store, reference: &str, seen: &mut HashSet<String>) -> Vec<String> {
    let Some(manifest) = store.manifest(APP, reference) else { return vec![reference.to_owned()] };
    if !seen.insert(manifest.digest.clone()) {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(&manifest.bytes).unwrap();
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let children = list("manifests").into_iter().chain(body.get("subject").cloned());
    let digests = children.map(|child| child["digest"].as_str().unwrap().to_owned());
    digests.flat_map(|digest| missing(store, &digest, seen)).collect()
}

#[tokio::test]
async fn b10_after_any_prune_every_kept_image_is_whole() {
    for (name, mode) in modes() {
        for seed in 0..12 {
            let bench = Bench::start(mode().tag_page_size(2)).await;
            let mut dice = Dice::new(seed);
            let world = World::make(bench.target.store(), &mut Dice::new(1000 + seed));
            World::make(bench.source.store(), &mut Dice::new(1000 + seed));
            // An image that no rule deletes stays at the source, so that it is not empty.
            bench.both(999, &["stays"], &["stays", "stays-too"]);
            put(bench.source.store(), 999, &["stays-too"]);
            for tag in &world.tags {
                if dice.below(2) == 0 {
                    bench.source.store().remove_manifest(APP, tag);
                }
            }
            let before: BTreeSet<_> = bench.tags().into_iter().collect();
            let wanted: BTreeSet<_> = bench.source.store().tags(APP).into_iter().collect();
            let pruned = prune(&bench, FREE).await;
            let after: BTreeSet<_> = bench.tags().into_iter().collect();
            let shown = format!("{name}, seed {seed}: {pruned:?}");
            assert!(wanted.is_subset(&after), "what the source has stays; {shown}");
            for tag in &after {
                let missing = missing(bench.target.store(), tag, &mut HashSet::new());
                assert!(missing.is_empty(), "{tag} lacks {missing:?}; {shown}");
            }
            let told: BTreeSet<_> = pruned
                .deleted
                .iter()
                .filter_map(|deleted| Some(deleted.target.rsplit_once(':')?.1.to_owned()))
                .collect();
            let gone: BTreeSet<_> = before.difference(&after).cloned().collect();
            assert!(gone.is_subset(&told), "what goes is told; {shown}");
            if name == "distribution 2, off" {
                assert_eq!((gone.len(), pruned.deleted.len()), (0, 0), "{shown}");
            }
            if matches!(name, "as the specification has it" | "Quay") {
                let images = |tags: &BTreeSet<String>| {
                    tags.iter().filter(|tag| tag.starts_with('v')).cloned().collect::<Vec<_>>()
                };
                let stuck: Vec<_> = pruned
                    .not_deleted
                    .iter()
                    .map(|kept| kept.target.rsplit_once(':').unwrap().1.to_owned())
                    .collect();
                let left: Vec<_> = images(&after).into_iter().filter(|tag| !stuck.contains(tag)).collect();
                assert_eq!(left, images(&wanted), "and all that can go goes; {shown}");
            }
        }
    }
}

/// Random changes by other clients, and failures, between the look and the deletion.
fn disturb(bench: &Bench, plan: &PrunePlan, dice: &mut Dice) -> bool {
    let store = bench.target.store();
    let due: Vec<_> = plan.candidates().into_iter().filter(|candidate| candidate.is_due()).collect();
    if due.is_empty() {
        return false;
    }
    let chosen = due[below(dice, due.len())];
    match (dice.below(4), &chosen.name) {
        // A tag that is due is pushed again, as an index of existing manifests.
        (0, oci::TagOrDigest::Tag(tag)) => {
            let manifests = store.manifest_digests(APP);
            let child = manifests[below(dice, manifests.len())].clone();
            let media_type = "application/vnd.oci.image.index.v1+json";
            let size = store.manifest(APP, &child).unwrap().bytes.len();
            let child_type = store.manifest(APP, &child).unwrap().media_type;
            let children = [json!({"mediaType": child_type, "digest": child, "size": size})];
            let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": children});
            store.put_manifest(APP, tag.as_str(), media_type, index.to_string());
        }
        // A tag that stays is moved to an image that is due.
        (1, _) => store.tag(APP, "stays-too", &chosen.digest.to_string()),
        // Some deletions fail, or all of one image.
        (2, _) => {
            let effect = Effect::Status { code: 500, body: String::new(), headers: Vec::new() };
            let when = Match::new(Method::DELETE, "");
            bench.target.misbehave(Fault { when, times: Times::After(below(dice, 3), 1), effect });
        }
        _ => {
            let effect = Effect::Status { code: 403, body: String::new(), headers: Vec::new() };
            let when = Match::new(Method::DELETE, &chosen.digest.to_string());
            bench.target.misbehave(Fault { when, times: Times::Always, effect });
        }
    }
    true
}

#[tokio::test]
async fn b10_every_image_is_whole_though_others_push_and_deletions_fail() {
    let mut disturbed = 0;
    for (name, mode) in modes() {
        for seed in 0..24 {
            let bench = Bench::start(mode()).await;
            let mut dice = Dice::new(seed);
            let world = World::make(bench.target.store(), &mut Dice::new(2000 + seed));
            World::make(bench.source.store(), &mut Dice::new(2000 + seed));
            bench.both(999, &["stays", "stays-too"], &["stays", "stays-too"]);
            for tag in &world.tags {
                if dice.below(2) == 0 {
                    bench.source.store().remove_manifest(APP, tag);
                }
            }
            let wanted: BTreeSet<_> = bench.source.store().tags(APP).into_iter().collect();
            let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
            disturbed += u32::from(disturb(&bench, &plan, &mut dice));
            let before: BTreeSet<_> = bench.tags().into_iter().collect();
            let pruned = plan.carry_out(CancellationToken::new()).await;
            let after: BTreeSet<_> = bench.tags().into_iter().collect();
            let shown = format!("{name}, seed {seed}: {pruned:?}; {:?}", bench.deletions());
            assert!(wanted.is_subset(&after), "what the source has stays; {shown}");
            for tag in &after {
                let missing = missing(bench.target.store(), tag, &mut HashSet::new());
                assert!(missing.is_empty(), "{tag} lacks {missing:?}; {shown}");
            }
            let told = pruned.deleted.iter().filter_map(|deleted| deleted.target.rsplit_once(':'));
            let told: BTreeSet<_> = told.map(|(_, tag)| tag.to_owned()).collect();
            let gone: BTreeSet<_> = before.difference(&after).cloned().collect();
            assert!(gone.is_subset(&told), "what goes is told; {shown}");
        }
    }
    assert!(disturbed > 100, "{disturbed}");
}

/// An index of an image, each with a tag that only the target has, at a registry that deletes only by digest.
async fn due_index() -> (Bench, String, String) {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    let store = bench.target.store();
    let child = sample::image(store, APP, None, Flavour::Oci, &[sample::layer(2, 20)], "amd64");
    store.tag(APP, "child", &child.digest);
    let child_digest = child.digest.clone();
    let index = sample::index(store, APP, None, Flavour::Oci, &[child]);
    store.tag(APP, "index", &index.digest);
    (bench, index.digest, child_digest)
}

#[tokio::test]
async fn what_an_index_needs_stays_where_the_index_does_not_go() {
    let (bench, index, _) = due_index().await;
    let effect = Effect::Status { code: 403, body: String::new(), headers: Vec::new() };
    let when = Match::new(Method::DELETE, &index);
    bench.target.misbehave(Fault { when, times: Times::Always, effect });
    let pruned = prune(&bench, FREE).await;
    assert_eq!(bench.tags(), ["child", "index", "kept"], "{pruned:?}");
    let held: Vec<_> = pruned.not_deleted.iter().map(|kept| matches!(kept.kept, Kept::Held(_))).collect();
    assert_eq!(held, [false, true], "{pruned:?}");
    // It is unknown what a new image under a tag needs, so nothing is deleted by digest.
    let (bench, _, child) = due_index().await;
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let body = bench.target.store().manifest(APP, "index").unwrap();
    let text = format!("{} ", String::from_utf8(body.bytes.to_vec()).unwrap());
    bench.target.store().put_manifest(APP, "index", &body.media_type, text);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert!(bench.target.store().manifest(APP, &child).is_some() && pruned.deleted.is_empty(), "{pruned:?}");
}

#[tokio::test]
async fn a_tag_that_was_moved_onto_what_is_due_holds_it() {
    for mode in [preset::distribution_2_with_delete, EmbeddedRegistry::builder] {
        let bench = Bench::start(mode()).await;
        bench.both(1, &["kept"], &["kept"]);
        let due = bench.both(2, &[], &["old"]);
        let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
        bench.target.store().tag(APP, "kept", &due);
        let pruned = plan.carry_out(CancellationToken::new()).await;
        assert!(bench.deletions().is_empty(), "{:?}", bench.deletions());
        assert!(pruned.not_deleted[0].kept.why().contains("`kept` has been pushed"), "{pruned:?}");
    }
}

#[tokio::test]
async fn signatures_stay_where_a_tag_was_moved_onto_their_image() {
    // This registry deletes tags alone, so that the tags need not be checked again for images.
    let (bench, rule) = with_harbors_api().await;
    bench.both(1, &["kept"], &["kept"]);
    let due = bench.both(3, &[], &["old"]);
    let signature = format!("{}.sig", due.replace(':', "-"));
    bench.both(4, &[], &[&signature]);
    let plan = look(vec![(rule, Some(FREE))], State::none()).await;
    assert_eq!(plan.candidates().iter().filter(|candidate| candidate.is_due()).count(), 2);
    bench.target.store().tag(APP, "new", &due);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    let mut expected = ["kept", "new", &signature];
    expected.sort_unstable();
    assert_eq!(bench.tags(), expected, "{pruned:?}");
}

#[tokio::test]
async fn what_another_rule_brings_stays_however_that_writes_the_host() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept", "theirs", "old"]);
    let port = bench.target.host().rsplit_once(':').unwrap().1.to_owned();
    let to = |host: &str| {
        let host = format!("{host}:{port}").parse().unwrap();
        let settings = Settings { security: Security::INSECURE, ..Settings::new(host) };
        let registry = Registry::new(settings, Transport::new("test", &[]).unwrap());
        let target = RegistryEndpoint::target(&registry, &APP.parse().unwrap());
        vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }]
    };
    put(bench.source.store(), 1, &[]);
    let rule = Rule { targets: to("localhost"), ..bench.rule() };
    let theirs = vec![oci::TagOrDigest::Tag("theirs".parse().unwrap())];
    let other = Rule { targets: to("LOCALHOST"), selection: Selection::These(theirs), ..bench.rule() };
    let plan = look(vec![(rule, Some(FREE)), (other, None)], State::none()).await;
    let names: Vec<_> = plan.candidates().iter().map(|candidate| candidate.name.to_string()).collect();
    assert!(plan.refused.is_none(), "{:?}", plan.refused);
    assert_eq!(names, ["old"]);
}

#[tokio::test]
async fn what_a_rule_brings_by_digest_keeps_its_children() {
    let (bench, index, child) = due_index().await;
    bench.target.store().tag(APP, "index", &bench.target.store().manifest(APP, "kept").unwrap().digest);
    let by_digest = vec![oci::TagOrDigest::Digest(index.parse().unwrap())];
    let pinned = Rule { selection: Selection::These(by_digest), ..bench.rule() };
    let plan = look(vec![(bench.rule(), Some(FREE)), (pinned, None)], State::none()).await;
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert!(bench.target.store().manifest(APP, &child).is_some(), "{pruned:?}");
    assert!(
        pruned
            .not_deleted
            .iter()
            .any(|kept| matches!(kept.kept, Kept::Held(_)) && kept.kept.why().contains(&index)),
        "{pruned:?}"
    );
}

#[tokio::test]
async fn what_a_rule_reads_from_the_repository_stays() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["base"]);
    let source = RegistryEndpoint::source(&client(&bench.target), &APP.parse().unwrap());
    let target = RegistryEndpoint::target(&client(&bench.target), &"a/copy".parse().unwrap());
    let reads = Rule {
        source: Arc::new(source),
        selection: Selection::These(vec![oci::TagOrDigest::Tag("base".parse().unwrap())]),
        targets: vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }],
        ..bench.rule()
    };
    let plan = look(vec![(bench.rule(), Some(FREE)), (reads, None)], State::none()).await;
    assert!(plan.refused.is_none() && plan.candidates().is_empty());
}

#[tokio::test]
async fn what_has_come_back_at_the_source_stays() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["alias", "old"]);
    bench.both(3, &[], &["older"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    put(bench.source.store(), 2, &["old"]);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.tags(), ["alias", "kept", "old"], "a name of the same image stays, too: {pruned:?}");
    assert!(pruned.not_deleted.iter().all(|kept| matches!(kept.kept, Kept::Held(_))), "{pruned:?}");
    assert!(
        pruned.not_deleted.iter().any(|kept| kept.kept.why().contains("old is there by now")),
        "{pruned:?}"
    );
}

#[tokio::test]
async fn what_went_is_told_whatever_answer_got_lost() {
    // The registry deletes, the answer is lost, and the second request finds nothing.
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    let old = bench.both(2, &[], &["old"]);
    let when = Match::new(Method::DELETE, &old);
    bench.target.misbehave(Fault { when, times: Times::First(1), effect: Effect::LoseAnswer });
    let rules = vec![(Work::from(bench.rule()), Some(FREE))];
    let prune_again = Prune { rules, options: Options::new(4, 2), state: State::none() };
    let plan = prune_again.look(Arc::new(Silent), CancellationToken::new()).await;
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!((bench.tags(), pruned.deleted.len()), (vec!["kept".to_owned()], 1), "{pruned:?}");
    // The tag was deleted, and it cannot be determined whether its image still exists.
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept"]);
    let old = bench.both(2, &[], &["old"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let effect = Effect::Status { code: 500, body: String::new(), headers: Vec::new() };
    bench.target.misbehave(Fault { when: Match::path(&old), times: Times::Always, effect });
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!((bench.tags(), pruned.deleted.len()), (vec!["kept".to_owned()], 1), "{pruned:?}");
}

#[tokio::test]
async fn what_is_denied_is_not_gone() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["old"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let effect = Effect::Status { code: 403, body: String::new(), headers: Vec::new() };
    bench.target.misbehave(Fault { when: Match::path("manifests/old"), times: Times::Always, effect });
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!((pruned.deleted.len(), pruned.not_deleted.len()), (0, 1), "{pruned:?}");
    assert!(pruned.not_deleted[0].kept.why().contains("403"), "{pruned:?}");
}

#[tokio::test]
async fn an_image_whose_referrers_cannot_be_listed_stays() {
    let bench =
        Bench::start(EmbeddedRegistry::builder().deletion(TagDeletion::Unsupported, DigestDeletion::Alone))
            .await;
    bench.both(1, &["kept"], &["kept"]);
    let old = bench.both(2, &[], &["old"]);
    let effect = Effect::Status { code: 500, body: String::new(), headers: Vec::new() };
    let when = Match::path(&format!("referrers/{old}"));
    bench.target.misbehave(Fault { when, times: Times::Always, effect });
    let pruned = prune(&bench, FREE).await;
    assert_eq!(bench.tags(), ["kept", "old"]);
    assert!(pruned.not_deleted[0].kept.why().contains("referrers cannot be listed"), "{pruned:?}");
}

#[tokio::test]
async fn what_a_follower_says_of_its_subject_does_not_make_that_absent() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    let untagged = bench.both(2, &[], &[]);
    let signature = refer(bench.target.store(), &untagged, 1);
    let tag = format!("{}.sig", untagged.replace(':', "-"));
    bench.target.store().tag(APP, &tag, &signature);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    assert!(plan.candidates().is_empty(), "{:?}", plan.candidates());
}

#[tokio::test]
async fn a_registry_that_takes_tags_away_lets_tags_of_held_images_go() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept", "alias"]);
    bench.both(2, &[], &["old"]);
    let pruned = prune(&bench, FREE).await;
    assert_eq!(bench.tags(), ["kept"]);
    assert_eq!(pruned.deleted.len(), 2);
    // Without evidence that the image stays, the tag is not deleted.
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept", "alias"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    assert_eq!(plan.candidates()[0].fate(), Fate::GoesAlone, "which is not promised");
    let pruned = prune(&bench, FREE).await;
    assert_eq!((bench.tags().len(), pruned.not_deleted.len()), (2, 1));
    assert!(
        matches!(pruned.not_deleted[0].kept, Kept::Held(_))
            && pruned.not_deleted[0].kept.why().contains(":kept"),
        "{pruned:?}"
    );
    assert!(bench.deletions().is_empty());
}

#[tokio::test]
async fn a_registry_that_takes_the_image_along_is_not_believed_again() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept", "alias"]);
    bench.both(2, &["too"], &["too", "zalias"]);
    bench.both(3, &[], &["old"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let held = bench.target.store().manifest(APP, "kept").unwrap().digest;
    let effect = Effect::Status { code: 404, body: String::new(), headers: Vec::new() };
    bench.target.misbehave(Fault { when: Match::path(&held), times: Times::Always, effect });
    let pruned = plan.carry_out(CancellationToken::new()).await;
    let told: Vec<_> =
        pruned.not_deleted.iter().map(|kept| (matches!(kept.kept, Kept::Held(_)), kept.kept.why())).collect();
    assert!(!told[0].0 && told[0].1.contains("has deleted its image"), "{pruned:?}");
    assert!(told[1].0 && bench.tags().contains(&"zalias".to_owned()), "{pruned:?}");
}

#[tokio::test]
async fn an_empty_or_failing_source_deletes_nothing() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    put(bench.target.store(), 1, &["old"]);
    let rules = || vec![(bench.rule(), Some(FREE))];
    let refused = look(rules(), State::none()).await.refused.unwrap().to_string();
    assert!(refused.contains("reading the list of tags") || refused.contains("listing tags"), "{refused}");
    bench.source.store().create_repository(APP);
    let refused = look(rules(), State::none()).await.refused.unwrap().to_string();
    assert!(refused.contains("has no tags"), "{refused}");
    put(bench.source.store(), 2, &["new"]);
    for status in [401, 403, 404, 500] {
        let effect = Effect::Status { code: status, body: String::new(), headers: Vec::new() };
        let fault = Fault { when: Match::get("/tags/list"), times: Times::First(1), effect };
        bench.source.misbehave(fault);
        let plan = look(rules(), State::none()).await;
        assert!(plan.refused.is_some() && plan.candidates().is_empty(), "{status}");
        let pruned = plan.carry_out(CancellationToken::new()).await;
        assert!(pruned.deleted.is_empty());
    }
    // If any other rule fails, nothing is deleted, even if that rule does not delete.
    let elsewhere = RegistryEndpoint::source(&client(&bench.source), &"a/none".parse().unwrap());
    let failing = Rule { source: Arc::new(elsewhere), ..bench.rule() };
    let refused = look(vec![(bench.rule(), Some(FREE)), (failing, None)], State::none()).await.refused;
    assert!(refused.is_some_and(|refused| refused.to_string().contains("a/none")));
    assert!(bench.deletions().is_empty());
    assert_eq!(bench.tags(), ["old"]);
}

#[tokio::test]
async fn too_much_is_refused_before_the_first() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    let names: Vec<String> = (0..10).map(|number| format!("v{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    put(bench.source.store(), 1, &names[..8]);
    put(bench.target.store(), 1, &names[..8]);
    put(bench.target.store(), 2, &names[8..]);
    let guards = Guards { max_delete: MaxDelete::Percent(10), ..FREE };
    let plan = look(vec![(bench.rule(), Some(guards))], State::none()).await;
    let refused = plan.refused.clone().unwrap().to_string();
    assert!(refused.contains("2 of the 10 tags") && refused.contains("10%"), "{refused}");
    assert_eq!(plan.candidates().len(), 2);
    assert!(plan.carry_out(CancellationToken::new()).await.deleted.is_empty());
    assert!(bench.deletions().is_empty());
    assert_eq!(
        count(&bench.target, |request| request.method != Method::GET && request.method != Method::HEAD),
        0
    );
}

#[tokio::test]
async fn grace_counts_from_the_first_run_with_a_state() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["old"]);
    let guards = Guards { grace: Duration::from_secs(3600), ..FREE };
    let rules = || vec![(bench.rule(), Some(guards))];
    let since = |plan: &PrunePlan| match plan.candidates()[0].standing {
        Standing::Waits { since, .. } => since,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(since(&look(rules(), State::none()).await), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let remembering = async || {
        let (state, _) = State::open(&path).unwrap();
        let plan = look(rules(), state.clone()).await;
        state.close().unwrap();
        plan
    };
    let seen = [since(&remembering().await), since(&remembering().await)];
    assert!(seen[0].is_some());
    assert_eq!(seen[0], seen[1], "the second run knows what the first has seen");
    // For a tag that has come back, the time restarts: its record was dropped.
    put(bench.source.store(), 2, &["old"]);
    assert!(remembering().await.candidates().is_empty());
    bench.source.store().remove_manifest(APP, "old");
    assert!(since(&remembering().await).is_some());
    assert_eq!(bench.tags(), ["kept", "old"]);
}

#[tokio::test]
async fn where_deletion_is_off_it_is_asked_for_once() {
    let bench = Bench::start(preset::ghcr()).await;
    bench.both(1, &["kept"], &["kept"]);
    for (number, tag) in [(2, "a"), (3, "b"), (4, "c")] {
        bench.both(number, &[], &[tag]);
    }
    let pruned = prune(&bench, FREE).await;
    assert_eq!((pruned.deleted.len(), pruned.not_deleted.len(), pruned.off().len()), (0, 3, 1));
    assert_eq!(bench.deletions().len(), 2, "by tag, and by digest: {:?}", bench.deletions());
    assert_eq!(bench.tags().len(), 4);
}

#[tokio::test]
async fn what_moved_meanwhile_stays() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    bench.both(2, &[], &["old"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    put(bench.target.store(), 3, &["old"]);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert!(pruned.not_deleted[0].kept.why().contains("meanwhile"), "{pruned:?}");
    // A new tag may point at the same image.
    bench.both(4, &[], &["older"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    put(bench.target.store(), 4, &["new-alias"]);
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert!(pruned.deleted.is_empty() && pruned.not_deleted.len() == 2, "{pruned:?}");
    assert!(bench.deletions().iter().all(|line| !line.contains(" 202")), "{:?}", bench.deletions());
}

#[tokio::test]
async fn referrers_go_after_their_image() {
    let bench = Bench::start(preset::zot()).await;
    bench.both(1, &["kept"], &["kept"]);
    let old = put(bench.target.store(), 2, &["old"]);
    let kept = put(bench.target.store(), 1, &[]);
    let [of_old, of_kept] = [&old, &kept].map(|subject| refer(bench.target.store(), subject, 7));
    let nested = refer(bench.target.store(), &of_old, 8);
    let pruned = prune(&bench, FREE).await;
    let has = |digest: &str| bench.target.store().manifest(APP, digest).is_some();
    // The registry deletes the tag alone here; the image and its referrers are left to its garbage collection.
    assert!(has(&old) && has(&of_old) && has(&nested) && has(&of_kept), "{pruned:?}");
    let bench =
        Bench::start(EmbeddedRegistry::builder().deletion(TagDeletion::Unsupported, DigestDeletion::Alone))
            .await;
    bench.both(1, &["kept"], &["kept"]);
    let old = put(bench.target.store(), 2, &["old"]);
    let [of_old, of_kept] = [&old, &kept].map(|subject| refer(bench.target.store(), subject, 7));
    let nested = refer(bench.target.store(), &of_old, 8);
    let pruned = prune(&bench, FREE).await;
    let has = |digest: &str| bench.target.store().manifest(APP, digest).is_some();
    assert!(!has(&old) && !has(&of_old) && !has(&nested) && has(&of_kept), "{pruned:?}");
    let by_digest: Vec<_> = pruned.deleted.iter().map(|deleted| deleted.digest.to_string()).collect();
    assert_eq!(by_digest[0], old, "the image goes first");
}

/// Harbor, with its own API for deleting tags, and a rule that uses it.
async fn with_harbors_api() -> (Bench, Rule) {
    let user = User::new("robot", "correct horse", vec![Grant::delete("a/*")]);
    let access = Access::Token(TokenAccess::harbor(vec![user]));
    let bench = Bench::start(harbor().access(access)).await;
    let host = bench.target.host().parse().unwrap();
    let login = Login::User(Credentials::new("robot", "correct horse".to_owned().into()));
    let settings = Settings { security: Security::INSECURE, login, ..Settings::new(host) };
    let registry = Registry::new(settings, Transport::new("test", &[]).unwrap());
    let api = Arc::new(RegistryApi::new(registry.clone(), None));
    let target = RegistryEndpoint::target(&registry, &APP.parse().unwrap()).with_untagging(api);
    let targets = vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }];
    let rule = Rule { targets, ..bench.rule() };
    (bench, rule)
}

#[tokio::test]
async fn harbors_api_takes_tags_away() {
    let (bench, rule) = with_harbors_api().await;
    bench.both(1, &["kept"], &["kept", "alias"]);
    let plan = look(vec![(rule, Some(FREE))], State::none()).await;
    assert_eq!(plan.candidates()[0].fate(), Fate::Goes, "its API is known for it");
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!((bench.tags(), pruned.deleted.len()), (vec!["kept".to_owned()], 1), "{pruned:?}");
    let asked = bench.deletions();
    assert!(
        asked.len() == 1 && asked[0].contains("/api/v2.0/projects/a/repositories/app/artifacts/"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn nothing_to_do_costs_two_lists() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["a", "b", "c"], &["a", "b", "c"]);
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    assert!(plan.candidates().is_empty());
    for side in [&bench.source, &bench.target] {
        assert_eq!(count(side, |request| !request.is_ping()), 1, "{:?}", side.requests());
    }
}

#[tokio::test]
async fn what_comes_while_much_goes_is_seen_before_the_next_batch() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    bench.both(1, &["kept"], &["kept"]);
    let digests: Vec<_> =
        (0..130).map(|number| bench.both(10 + number, &[], &[&format!("t{number:03}")])).collect();
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let when = Match::new(Method::DELETE, &format!("/{APP}/manifests/{}", digests[60]));
    let effect = Effect::Delay(Duration::from_secs(2));
    bench.target.misbehave(Fault { when, times: Times::First(1), effect });
    let push = async {
        while bench.target.requests().iter().filter(|request| request.method == Method::DELETE).count() < 60 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The image gets a new tag after about sixty deletions, before its own deletion.
        bench.target.store().tag(APP, "alias", &digests[120]);
    };
    let (pruned, ()) = tokio::join!(plan.carry_out(CancellationToken::new()), push);
    assert_eq!((pruned.deleted.len(), pruned.not_deleted.len()), (100, 30), "{pruned:?}");
    assert!(pruned.not_deleted.iter().all(|kept| kept.kept.why().contains("`alias` has come")), "{pruned:?}");
    assert!(bench.target.store().manifest(APP, "alias").is_some());
}

#[tokio::test]
async fn a_repository_that_does_not_answer_keeps_no_other_from_its_deletions() {
    let bench = Bench::start(preset::distribution_2_with_delete()).await;
    let names = ["a/first", "b/silent", "c/more", "d/more"];
    let rules = names.map(|name| {
        for (store, tags) in
            [(bench.source.store(), &["kept"][..]), (bench.target.store(), &["kept", "old"][..])]
        {
            for tag in tags {
                let layer = [sample::layer(u64::from(*tag == "old"), 20)];
                sample::image(store, name, Some(tag), Flavour::Oci, &layer, "amd64");
            }
        }
        let target = RegistryEndpoint::target(&client(&bench.target), &name.parse().unwrap());
        let source = RegistryEndpoint::source(&client(&bench.source), &name.parse().unwrap());
        let targets = vec![RuleTarget { target: Arc::new(target), naming: Naming::Same }];
        (Rule { source: Arc::new(source), targets, ..bench.rule() }, Some(FREE))
    });
    let plan = look(rules.to_vec(), State::none()).await;
    let old = bench.target.store().manifest("b/silent", "old").unwrap().digest;
    let when = Match::new(Method::DELETE, &format!("/b/silent/manifests/{old}"));
    bench.target.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    let others_are_done = async {
        let has = |name: &&str| bench.target.store().tags(name).contains(&"old".to_owned());
        while names.iter().filter(|name| has(name)).count() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        pruned = plan.carry_out(CancellationToken::new()) => panic!("one of them hangs: {pruned:?}"),
        done = tokio::time::timeout(Duration::from_secs(20), others_are_done) => done.expect("the others wait for it"),
    }
    assert!(bench.target.store().tags("b/silent").contains(&"old".to_owned()));
}
