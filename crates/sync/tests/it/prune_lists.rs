//! Deletion with wrong lists: registries that end a list in the middle, sources that have lost their images, and
//! rules that share one repository.

use std::collections::HashSet;
use std::sync::Arc;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times, preset};
use endpoints::RegistryEndpoint;
use sync::prune::{Guards, Standing};
use sync::{Naming, Rule, RuleTarget, Selection, State};
use tokio_util::sync::CancellationToken;

use crate::engine::client;
use crate::prune::{APP, Bench, FREE, look, put};

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The target has `keep`, and `a`, which is the same image as `zz-production`. The last tag is on another page, and
/// no rule names it.
async fn with_two_pages() -> (Bench, Rule) {
    let bench = Bench::start(preset::distribution_2_with_delete().tag_page_size(2)).await;
    bench.both(1, &["keep"], &["keep"]);
    put(bench.target.store(), 2, &["a", "zz-production"]);
    let selection = Selection::Matching(regex::Regex::new("^[^z]").unwrap());
    let rule = Rule { selection, ..bench.rule() };
    (bench, rule)
}

fn lost() -> Effect {
    Effect::Status { code: 404, body: String::new(), headers: Vec::new() }
}

#[tokio::test]
async fn a_list_of_the_target_that_breaks_off_with_404_deletes_nothing() {
    // Whichever listing it is: the rule's, the one of the look, or the one before the first deletion.
    for first in [1, 2, 3] {
        let (bench, rule) = with_two_pages().await;
        let when = Match::get("/tags/list?last=");
        let times = Times::After(first - 1, usize::MAX / 2);
        bench.target.misbehave(Fault { when, times, effect: lost() });
        let plan = look(vec![(rule, Some(FREE))], State::none()).await;
        let pruned = plan.carry_out(CancellationToken::new()).await;
        assert_eq!(bench.tags(), tags(&["a", "keep", "zz-production"]), "{first}: {pruned:?}");
        assert!(bench.deletions().is_empty(), "{first}: {:?}", bench.deletions());
    }
    let (bench, rule) = with_two_pages().await;
    let plan = look(vec![(rule, Some(FREE))], State::none()).await;
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.tags(), tags(&["a", "keep", "zz-production"]), "one image: {pruned:?}");
}

#[tokio::test]
async fn a_list_of_the_source_that_breaks_off_with_404_deletes_nothing() {
    let source = EmbeddedRegistry::builder().tag_page_size(2).start().await.unwrap();
    let bench = Bench { source, target: EmbeddedRegistry::builder().start().await.unwrap() };
    let names = ["a", "b", "c", "d"];
    for (number, name) in (1..).zip(names) {
        bench.both(number, &[name], &[name]);
    }
    let when = Match::get("/tags/list?last=");
    bench.source.misbehave(Fault { when, times: Times::Always, effect: lost() });
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let refused = plan.refused.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(refused.contains("next page that is not there"), "{refused}");
    assert_eq!(plan.candidates(), Vec::<&sync::prune::Candidate>::new());
}

#[tokio::test]
async fn a_source_that_has_only_signatures_left_deletes_nothing() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    for (number, name) in [(1, "v1"), (2, "v2")] {
        let image = bench.both(number, &[], &[name]);
        let signature = format!("{}.sig", image.replace(':', "-"));
        bench.both(10 + number, &[&signature], &[&signature]);
    }
    let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
    let refused = plan.refused.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(refused.contains("none of the images"), "{refused}");
    plan.carry_out(CancellationToken::new()).await;
    assert!(bench.deletions().is_empty() && bench.tags().len() == 4);
    // The same if the rule selects none of the remaining tags.
    bench.both(3, &["latest"], &["latest"]);
    let versions = Selection::Matching(regex::Regex::new("^v").unwrap());
    let rule = Rule { selection: versions, ..bench.rule() };
    let plan = look(vec![(rule, Some(FREE))], State::none()).await;
    let refused = plan.refused.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(refused.contains("none of the images"), "{refused}");
}

/// A rule from another repository to the same target, which adds `-b` to each tag.
fn other_rule(bench: &Bench) -> Rule {
    let source = RegistryEndpoint::source(&client(&bench.source), &"b/app".parse().unwrap());
    let target = RegistryEndpoint::target(&client(&bench.target), &APP.parse().unwrap());
    let naming = Naming::Templated("{tag}-b".parse().unwrap());
    let targets = vec![RuleTarget { target: Arc::new(target), naming }];
    Rule { source: Arc::new(source), targets, ..bench.rule() }
}

#[tokio::test]
async fn what_a_rule_without_prune_has_put_there_stays() {
    let bench = Bench::start(EmbeddedRegistry::builder()).await;
    bench.both(1, &["1"], &["1"]);
    for (number, tag) in [(2, "2-b"), (3, "1-b"), (4, "old")] {
        put(bench.target.store(), number, &[tag]);
    }
    // `1` has been removed from the other rule's source since.
    sample::image(bench.source.store(), "b/app", Some("2"), Flavour::Oci, &[sample::layer(2, 20)], "amd64");
    let plan = look(vec![(bench.rule(), Some(FREE)), (other_rule(&bench), None)], State::none()).await;
    let standings: Vec<_> =
        plan.candidates().iter().map(|one| (one.name.to_string(), one.standing.clone())).collect();
    let expected = [("1-b".to_owned(), Standing::OfAnother), ("old".to_owned(), Standing::Due)];
    assert_eq!(standings, expected);
    plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.tags(), tags(&["1", "1-b", "2-b"]));
    // If the other rule deletes as well, the tag is deleted.
    let plan = look(vec![(bench.rule(), Some(FREE)), (other_rule(&bench), Some(FREE))], State::none()).await;
    let pruned = plan.carry_out(CancellationToken::new()).await;
    assert_eq!(bench.tags(), tags(&["1", "2-b"]), "{pruned:?}");
}

/// Pages of two tags that fail on either side, once or from then on, and two rules in one repository: never deletes a
/// tag that a source has, that the rule without `prune` would write, or that no rule would write.
#[tokio::test]
async fn whatever_page_fails_nothing_goes_that_a_source_or_another_rule_has() {
    let not_z = Selection::Matching(regex::Regex::new("^[^z]").unwrap());
    let mut deleted = 0;
    for fault in faults() {
        let source = EmbeddedRegistry::builder().tag_page_size(2).start().await.unwrap();
        let target = preset::distribution_2_with_delete().tag_page_size(2).start().await.unwrap();
        let bench = Bench { source, target };
        for (number, name) in (1..).zip(["a", "b", "c", "d", "e"]) {
            bench.both(number, &[name], &[name]);
        }
        // Tags that only the target has, and on its last page a tag of the same image that belongs to no rule.
        bench.both(7, &[], &["a-old", "zz-production"]);
        bench.both(8, &[], &["3-b", "1-b"]);
        sample::image(
            bench.source.store(),
            "b/app",
            Some("3"),
            Flavour::Oci,
            &[sample::layer(8, 20)],
            "amd64",
        );
        let Misfire { at_source, status, skipped, times } = fault;
        let effect = Effect::Status { code: status, body: String::new(), headers: Vec::new() };
        let side = if at_source { &bench.source } else { &bench.target };
        side.misbehave(Fault { when: Match::get("/tags/list"), times: Times::After(skipped, times), effect });
        let rule = Rule { selection: not_z.clone(), ..bench.rule() };
        let plan = look(vec![(rule, Some(FREE)), (other_rule(&bench), None::<Guards>)], State::none()).await;
        let pruned = plan.carry_out(CancellationToken::new()).await;
        let left: HashSet<String> = bench.tags().into_iter().collect();
        for name in ["a", "b", "c", "d", "e", "3-b", "1-b", "zz-production"] {
            assert!(left.contains(name), "{name}, {fault:?}: {pruned:?}");
        }
        deleted += pruned.deleted.len();
    }
    assert_eq!(deleted, 0, "one image has both names");
}

#[derive(Clone, Copy, Debug)]
struct Misfire {
    at_source: bool,
    status: u16,
    /// How many listing requests are answered correctly before.
    skipped: usize,
    times: usize,
}

fn faults() -> Vec<Misfire> {
    let mut all = Vec::new();
    for (at_source, most) in [(true, 5), (false, 20)] {
        for status in [404, 403, 500] {
            for skipped in 0..most {
                all.extend([1, 1000].map(|times| Misfire { at_source, status, skipped, times }));
            }
        }
    }
    all
}

#[tokio::test]
async fn a_list_that_leaves_out_what_is_there_deletes_nothing() {
    let short = || {
        let body = r#"{"name":"a/app","tags":["old"]}"#.to_owned();
        Effect::Status { code: 200, body, headers: Vec::new() }
    };
    for effect in [lost(), short()] {
        let bench = Bench::start(preset::distribution_2_with_delete()).await;
        bench.both(1, &["keep"], &["keep"]);
        let old = bench.both(2, &[], &["old"]);
        let plan = look(vec![(bench.rule(), Some(FREE))], State::none()).await;
        // Another client adds a tag to the image, and the list does not show it.
        bench.target.store().tag(APP, "production", &old);
        bench.target.misbehave(Fault { when: Match::get("/tags/list"), times: Times::Always, effect });
        let pruned = plan.carry_out(CancellationToken::new()).await;
        assert_eq!(bench.tags(), tags(&["keep", "old", "production"]), "{pruned:?}");
    }
}
