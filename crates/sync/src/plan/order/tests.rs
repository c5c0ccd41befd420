use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::OnConflict;
use crate::Policy;
use crate::plan::choice::Choice;
use crate::plan::wanted::WantedReferrers;
use crate::rule::{Naming, Selection};
use crate::select::{AgeLimits, Latest, ListedTag, TagSelection, TooFew};

fn settle(wishes: Vec<Wish>) -> Order {
    super::settle(wishes, &[])
}

fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse().unwrap())
}

fn wanted(referrers: WantedReferrers) -> Wanted {
    Wanted { referrers, policy: Arc::default() }
}

/// Copies `from` with its tags to the same tags at `to`.
fn wish(rule: usize, selection: Selection, from: &str, tags: &[&str], to: &str) -> Wish {
    Wish {
        rule,
        source: from.into(),
        selection,
        targets: vec![(to.into(), Naming::Same)],
        wanted: wanted(WantedReferrers::None),
        images: tags.iter().map(|text| tag(text)).collect(),
        choice: None,
        too_few: None,
    }
}

/// Selects from these tags, which are all old.
fn chosen(rule: usize, selection: TagSelection, from: &str, tags: &[&str], to: &str) -> Wish {
    let selection = Arc::new(selection);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let date = Some(SystemTime::UNIX_EPOCH);
    let listed = tags.iter().map(|tag| ListedTag { tag: tag.parse().unwrap(), date, first_seen: None });
    let choice = Some(Choice::new(selection.clone(), listed.collect(), now));
    let mut wish = Wish { choice, ..wish(rule, Selection::Chosen(selection), from, &[], to) };
    wish.choose();
    wish
}

fn newest(count: usize) -> TagSelection {
    TagSelection { latest: Some(Latest::new(count).unwrap()), ..TagSelection::default() }
}

fn named(rule: usize, from: &str, tags: &[&str], to: &str) -> Wish {
    wish(rule, Selection::These(tags.iter().map(|text| tag(text)).collect()), from, tags, to)
}

fn listed(rule: usize, from: &str, tags: &[&str], to: &str) -> Wish {
    wish(rule, Selection::All, from, tags, to)
}

/// What each wish copies: the tag, and what it waits for.
fn carried(order: &Order) -> Vec<Vec<String>> {
    let shown = |image: &Settled| match &image.after {
        Some(place) => format!("{} after {place}", image.reference),
        None => image.reference.to_string(),
    };
    let of_wish = |images: &Result<Vec<Settled>, Cause>| images.as_ref().unwrap().iter().map(shown).collect();
    order.images.iter().map(of_wish).collect()
}

fn contests(order: &Order) -> Vec<String> {
    order
        .contests
        .iter()
        .map(|contest| format!("{}: {} over {}", contest.name, contest.winner.0, contest.loser.0))
        .collect()
}

#[test]
fn e22_of_two_images_for_one_name_the_later_rules_is_carried_out() {
    for turned in [false, true] {
        let mut wishes = vec![listed(0, "a", &["v1", "v2"], "t"), listed(1, "b", &["v2", "v3"], "t")];
        if turned {
            wishes.reverse();
        }
        let order = settle(wishes);
        let mut all = carried(&order);
        if turned {
            all.reverse();
        }
        assert_eq!(all, [vec!["v1"], vec!["v2", "v3"]]);
        assert_eq!(order.contests.len(), 1);
        assert_eq!(order.contests[0].name.to_string(), "t:v2");
        assert!(order.circles.is_empty());
    }
    let order =
        settle(vec![named(0, "a", &["v1"], "t"), named(1, "b", &["v1"], "t"), named(2, "a", &["v1"], "t")]);
    assert_eq!(carried(&order), [vec!["v1"], vec![], vec![]], "the last wants what the first does");
    assert_eq!(contests(&order), ["t:v1: 0 over 1"]);
}

#[test]
fn two_rules_refuse_a_collision_where_both_say_so() {
    let refuses = |wish: Wish| {
        let policy = Policy { on_collision: OnCollision::Refuse, ..Policy::default() };
        Wish { wanted: Wanted { policy: policy.into(), ..wish.wanted.clone() }, ..wish }
    };
    let [a, b, c] = ["a", "b", "c"].map(|from| move |rule| named(rule, from, &["v1"], "t"));
    let order = settle(vec![a(0), refuses(b(1)), refuses(c(2)), refuses(named(3, "d", &["v1"], "u"))]);
    let told: Vec<_> = order.contests.iter().map(|contest| (contest.loser.0, contest.on_collision)).collect();
    assert_eq!(told, [(0, OnCollision::LaterWins), (1, OnCollision::Refuse)]);
    let same = settle(vec![refuses(a(0)), refuses(a(1))]);
    assert!(same.contests.is_empty(), "the same copy twice is one");
}

#[test]
fn e21_the_same_copy_is_carried_out_once_with_the_widest_policy() {
    for (first, second) in
        [(WantedReferrers::None, WantedReferrers::Untagged), (WantedReferrers::All, WantedReferrers::None)]
    {
        let one = Wish { wanted: wanted(first), ..named(0, "a", &["v1"], "t") };
        let many = Wish { wanted: wanted(second), ..listed(1, "a", &["v1", "v2"], "t") };
        let order = settle(vec![one, many]);
        assert_eq!(carried(&order), [["v1"], ["v2"]]);
        let policies = order.images.iter().map(|images| images.as_ref().unwrap()[0].wanted.referrers);
        assert_eq!(policies.collect::<Vec<_>>(), [first.max(second), second]);
        assert!(order.contests.is_empty());
    }
}

#[test]
fn e24_what_another_rule_writes_is_waited_for_by_tag_wherever_the_rules_stand() {
    let chain =
        || vec![listed(0, "c", &[], "d"), listed(1, "b", &["old"], "c"), listed(2, "a", &["v1"], "b")];
    let order = settle(chain());
    assert_eq!(
        carried(&order),
        [vec!["old after c:old", "v1 after c:v1"], vec!["old", "v1 after b:v1"], vec!["v1"]]
    );
    assert!(order.circles.is_empty() && order.contests.is_empty());
    let order = settle(vec![named(0, "b", &["v1", "v2"], "c"), named(1, "a", &["v2"], "b")]);
    assert_eq!(carried(&order), [vec!["v1", "v2 after b:v2"], vec!["v2"]]);
    let wanted = Selection::Matching(regex::Regex::new("^r").unwrap());
    let order = settle(vec![listed(0, "a", &["r1", "v1"], "b"), wish(1, wanted, "b", &[], "c")]);
    assert_eq!(carried(&order), [vec!["r1", "v1"], vec!["r1 after b:r1"]]);
}

#[test]
fn e24_names_in_a_circle_are_an_error_and_two_way_mirrors_of_other_tags_are_none() {
    let order = settle(vec![named(0, "a", &["v1", "v2"], "b"), named(1, "b", &["v1"], "a")]);
    assert_eq!(carried(&order), [vec!["v2"], vec![]]);
    let names: Vec<_> = order.circles[0].names.iter().map(ToString::to_string).collect();
    assert_eq!((order.circles.len(), order.circles[0].wish, names.len()), (1, 0, 2));
    assert!(names.contains(&"a:v1".to_owned()) && names.contains(&"b:v1".to_owned()));
    let order = settle(vec![named(0, "a", &["v1"], "b"), named(1, "b", &["v2"], "a")]);
    assert_eq!(
        (carried(&order), order.circles.len()),
        (vec![vec!["v1".to_owned()], vec!["v2".to_owned()]], 0)
    );
    let order = settle(vec![listed(0, "a", &["a1", "both"], "b"), listed(1, "b", &["b1", "both"], "a")]);
    assert_eq!(
        (carried(&order), order.circles.len()),
        (vec![vec!["a1".to_owned()], vec!["b1".to_owned()]], 1)
    );
    let three = [("a", "b"), ("b", "c"), ("c", "a")].into_iter().enumerate();
    let order = settle(three.map(|(rule, (from, to))| listed(rule, from, &["v1"], to)).collect());
    assert_eq!(order.circles[0].names.len(), 3);
    let onto_itself = settle(vec![listed(0, "a", &["v1"], "a"), listed(1, "b", &["v1"], "a")]);
    assert_eq!(carried(&onto_itself), [["v1 after a:v1"], ["v1"]]);
    assert!(onto_itself.circles.is_empty());
}

#[test]
fn the_newest_are_those_of_the_list_as_it_will_be() {
    let all = ["1.0", "1.1", "1.2", "1.3"];
    let order = settle(vec![listed(0, "a", &all, "b"), chosen(1, newest(2), "b", &["1.0", "1.1"], "c")]);
    assert_eq!(
        carried(&order)[1],
        ["1.2 after b:1.2", "1.3 after b:1.3"],
        "and 1.1 is not among them any more"
    );
    let order = settle(vec![
        listed(0, "c", &[], "d"),
        chosen(1, newest(1), "b", &["1.0"], "c"),
        listed(2, "a", &all, "b"),
    ]);
    let carried_out = carried(&order);
    assert_eq!(carried_out[..2], [["1.3 after c:1.3"], ["1.3 after b:1.3"]], "nobody waits for 1.0");
}

#[test]
fn what_comes_in_this_run_is_young_and_pins_may_come_so() {
    let ages = AgeLimits::new(Some(Duration::from_secs(60)), None).unwrap();
    let pins = vec![tag("stable")];
    let selection = TagSelection { ages, pins, at_least: 2, ..TagSelection::default() };
    let order =
        settle(vec![listed(0, "a", &["v1", "stable"], "b"), chosen(1, selection.clone(), "b", &["v0"], "c")]);
    assert_eq!(carried(&order)[1], ["v0", "stable after b:stable"]);
    let order = settle(vec![listed(0, "a", &["v1"], "b"), chosen(1, selection, "b", &["v0"], "c")]);
    assert!(matches!(order.images[1], Err(Cause::TooFew(TooFew { selected: 1, listed: 2, at_least: 2 }))));
}

#[test]
fn what_may_be_of_a_rule_that_could_not_be_listed_stays_as_it_is() {
    let on_conflict = |order: &Order| order.images[0].as_ref().unwrap()[0].wanted.policy.on_conflict;
    let pattern = |text: &str| Selection::Matching(regex::Regex::new(text).unwrap());
    for (rule, selection, from, to, expected) in [
        (1, Selection::All, "b", "t", OnConflict::Keep),
        (1, pattern("^v"), "b", "t", OnConflict::Keep),
        (1, pattern("^w"), "b", "t", OnConflict::Overwrite),
        (1, Selection::All, "b", "u", OnConflict::Overwrite),
        // It would copy the same image.
        (1, Selection::All, "a", "t", OnConflict::Overwrite),
        // It would give way.
        (0, Selection::All, "b", "t", OnConflict::Overwrite),
    ] {
        let unlisted = wish(rule * 2, selection.clone(), from, &[], to);
        let order = super::settle(vec![named(1, "a", &["v1"], "t")], &[unlisted]);
        assert_eq!(on_conflict(&order), expected, "{rule} {selection:?} {from} {to}");
    }
    let two = TagSelection { at_least: 2, ..TagSelection::default() };
    let order = settle(vec![named(0, "a", &["v1"], "t"), chosen(1, two, "b", &["v1"], "t")]);
    assert_eq!(on_conflict(&order), OnConflict::Keep, "too few are chosen");
    let refuses = |wish: Wish| {
        let policy = Policy { on_collision: OnCollision::Refuse, ..Policy::default() };
        Wish { wanted: Wanted { policy: policy.into(), ..wish.wanted.clone() }, ..wish }
    };
    let earlier = refuses(wish(0, Selection::All, "b", &[], "t"));
    let order = super::settle(vec![refuses(named(1, "a", &["v1"], "t"))], &[earlier]);
    assert_eq!(on_conflict(&order), OnConflict::Keep, "neither is to win");
}

#[test]
fn names_that_do_not_pair_are_told_of_their_rule_alone() {
    let names = Naming::These(vec![Some(tag("x"))]);
    let broken = Wish { targets: vec![("t".into(), names)], ..listed(0, "a", &["v1", "v2"], "t") };
    let order = settle(vec![broken, listed(1, "b", &["v1"], "t")]);
    assert!(matches!(order.images[0], Err(Cause::Count { source_count: 2, target_count: 1 })));
    assert_eq!(order.images[1].as_ref().unwrap().len(), 1);
}
