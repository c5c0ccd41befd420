//! What rules that meet do together: decided once all their images are known, and before any of them moves.
//!
//! Two rules meet where they write one name, and where one reads what the other writes. Of two images for one name
//! the later rule's is carried out. An image that is read from a name which another rule writes waits for that image,
//! though the registry may not list it yet. Names that are copied in a circle have no right order.
//!
//! A rule that chooses from a whole list, the newest five for instance, chooses from what the list will be: what other
//! rules bring there counts, as pushed in this run. So it may push out what is listed now, and is too young where rules
//! want an age. A tag that is listed already keeps its date, also where another rule is about to set it anew.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use oci::{Tag, TagOrDigest};

use crate::plan::choice::Choice;
use crate::plan::wanted::Wanted;
use crate::rule::{Naming, Selection};
use crate::select::TooFew;
use crate::{Cause, OnCollision};

/// A name somewhere, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Registry and repository.
    pub(crate) repository: Arc<str>,
    pub(crate) reference: String,
}

impl Place {
    pub(crate) fn new(repository: &Arc<str>, reference: &TagOrDigest) -> Self {
        Self { repository: repository.clone(), reference: reference.suffix() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", self.repository, self.reference)
    }
}

/// What a rule wants of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) rule: usize,
    pub(crate) source: Arc<str>,
    pub(crate) selection: Selection,
    pub(crate) targets: Vec<(Arc<str>, Naming)>,
    pub(crate) wanted: Wanted,
    /// Those that are written down, or listed, or chosen of what is listed.
    pub(crate) images: Vec<TagOrDigest>,
    /// What they are chosen of, where the whole list decides.
    pub(crate) choice: Option<Choice>,
    /// Why these are too few, where a rule says so.
    pub(crate) too_few: Option<TooFew>,
}

impl Wish {
    /// Chooses from the list as it is.
    pub(crate) fn choose(&mut self) {
        if let Some(choice) = &self.choice {
            let selected = choice.selected();
            self.images = Choice::images(&selected);
            self.too_few = choice.shortfall(&selected);
        }
    }

    /// Those of some tags that it is about and has not seen yet.
    fn unseen(&self, tags: Vec<Tag>) -> Vec<Tag> {
        if let Some(choice) = &self.choice {
            let seen: HashSet<&Tag> = choice.listed().iter().map(|listed| &listed.tag).collect();
            let is_new = |tag: &Tag| !seen.contains(tag) && choice.may_have(tag);
            return tags.into_iter().filter(is_new).collect();
        }
        let seen: HashSet<&TagOrDigest> = self.images.iter().collect();
        let tag = |image: TagOrDigest| match image {
            TagOrDigest::Tag(ref tag) if !seen.contains(&image) => Some(tag.clone()),
            _ => None,
        };
        self.selection.by_name(tags).into_iter().filter_map(tag).collect()
    }

    fn add(&mut self, tags: Vec<Tag>) {
        match &mut self.choice {
            Some(choice) => choice.add(tags.into_iter()),
            None => self.images.extend(tags.into_iter().map(TagOrDigest::Tag)),
        }
        self.choose();
    }

    /// Whether it may want to write a name, as far as that can be told without its list.
    fn may_write(&self, place: &Place) -> bool {
        let is_tag = |tag: Tag| !self.selection.by_name(vec![tag]).is_empty();
        let tag = || place.reference.strip_prefix(':')?.parse().ok();
        let is_named = |naming: &Naming| match naming {
            Naming::Same => tag().is_some_and(is_tag),
            Naming::Matching(pattern) => {
                tag().is_some_and(|tag: Tag| pattern.is_match(tag.as_str()) && is_tag(tag))
            }
            Naming::Templated(_) | Naming::These(_) => true,
        };
        self.targets.iter().any(|(target, naming)| *target == place.repository && is_named(naming))
    }

    fn remove(&mut self, tags: &HashSet<Tag>) {
        match &mut self.choice {
            Some(choice) => choice.remove(tags),
            None => self.images.retain(|image| !matches!(image, TagOrDigest::Tag(tag) if tags.contains(tag))),
        }
        self.choose();
    }
}

/// An image that its rule carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) reference: TagOrDigest,
    /// For each target of the rule; `None` where it does not go, or another rule brings it there.
    pub(crate) names: Vec<Option<TagOrDigest>>,
    /// Those of all rules that want this copy.
    pub(crate) wanted: Wanted,
    /// What has to end before.
    pub(crate) after: Option<Place>,
}

/// Two images for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    pub(crate) name: Place,
    /// The wish that gives way, and its image.
    pub(crate) loser: (usize, TagOrDigest),
    /// The wish that is carried out, and its image.
    pub(crate) winner: (usize, TagOrDigest),
    /// Whether that is a slip of both rules. The winner is carried out only if both images are the same one.
    pub(crate) on_collision: OnCollision,
}

/// Names that are copied to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    /// The first of the rules.
    pub(crate) wish: usize,
    pub(crate) names: Vec<Place>,
}

/// What was decided.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// For each wish.
    pub(crate) images: Vec<Result<Vec<Settled>, Cause>>,
    pub(crate) contests: Vec<Contest>,
    pub(crate) circles: Vec<Circle>,
}

/// An image on its way to one name.
struct Way {
    wish: usize,
    image: usize,
    target: usize,
    reads: Place,
    writes: Place,
}

/// Decides what each wish carries out, beside rules whose images are not known, because they could not be listed.
pub(crate) fn settle(mut wishes: Vec<Wish>, unlisted: &[Wish]) -> Order {
    let mut hopes = Hopes::default();
    loop {
        let (ways, broken) = ways(&wishes);
        let written = written(&ways);
        if hopes.add(&mut wishes, &written) || hopes.let_go_of_stale(&mut wishes, &written) {
            continue;
        }
        let winners = winners(&wishes, unlisted, &ways);
        let circles = circles(&ways, &winners);
        if hopes.give_up(&mut wishes, &ways, &circles) {
            continue;
        }
        return order(&wishes, &ways, broken, &winners, &circles);
    }
}

type Broken = BTreeMap<usize, Cause>;

/// The ways of all images; a copy of a name onto itself does nothing, and is none. What cannot be named is broken.
fn ways(wishes: &[Wish]) -> (Vec<Way>, Broken) {
    let (mut ways, mut broken) = (Vec::new(), Broken::new());
    for (index, wish) in wishes.iter().enumerate() {
        if let Some(too_few) = wish.too_few {
            broken.insert(index, Cause::TooFew(too_few));
        }
        for (target, (repository, naming)) in wish.targets.iter().enumerate() {
            let names = match naming.names(&wish.images) {
                Ok(names) => names,
                Err(cause) => {
                    broken.insert(index, cause);
                    continue;
                }
            };
            for (image, (reference, name)) in wish.images.iter().zip(names).enumerate() {
                let Some(name) = name else { continue };
                let (reads, writes) = (Place::new(&wish.source, reference), Place::new(repository, &name));
                if reads != writes {
                    ways.push(Way { wish: index, image, target, reads, writes });
                }
            }
        }
    }
    ways.retain(|way| !broken.contains_key(&way.wish));
    (ways, broken)
}

/// What is written in each repository.
type Written<'a> = HashMap<&'a str, BTreeSet<&'a str>>;

fn written(ways: &[Way]) -> Written<'_> {
    let mut written = Written::new();
    for way in ways {
        written.entry(&way.writes.repository).or_default().insert(&way.writes.reference);
    }
    written
}

/// Images that no registry lists yet, because rules of this run bring them.
#[derive(Default)]
struct Hopes {
    hoped: HashSet<(usize, Tag)>,
    given_up: HashSet<(usize, Tag)>,
}

impl Hopes {
    /// Gives rules that list their source what others write there; says whether that was anything.
    fn add(&mut self, wishes: &mut [Wish], written: &Written<'_>) -> bool {
        let mut any = false;
        for (index, wish) in wishes.iter_mut().enumerate() {
            let Some(written) = written.get(&*wish.source) else { continue };
            let tags = written.iter().filter_map(|suffix| suffix.strip_prefix(':')?.parse().ok());
            let referrers = &wish.wanted.policy.referrers;
            let mut unseen = wish.unseen(tags.filter(|tag| referrers.takes_tag(tag)).collect());
            unseen.retain(|tag| !self.given_up.contains(&(index, tag.clone())));
            if !unseen.is_empty() {
                self.hoped.extend(unseen.iter().map(|tag| (index, tag.clone())));
                wish.add(unseen);
                any = true;
            }
        }
        any
    }

    /// Lets go of what nobody brings any more, since the rule that would have has chosen otherwise meanwhile.
    fn let_go_of_stale(&mut self, wishes: &mut [Wish], written: &Written<'_>) -> bool {
        let is_written = |(wish, tag): &(usize, Tag)| {
            let there = written.get(&*wishes[*wish].source);
            there.is_some_and(|there| there.contains(&*format!(":{tag}")))
        };
        let stale: Vec<_> = self.hoped.iter().filter(|hope| !is_written(hope)).cloned().collect();
        self.begin_without(wishes, stale)
    }

    /// Lets go of hopes that would close a circle, and of those that nobody fulfils then.
    fn give_up(&mut self, wishes: &mut [Wish], ways: &[Way], circles: &[Vec<usize>]) -> bool {
        let in_circle = circles.iter().flatten().map(|way| &ways[*way]);
        let hope = |way: &Way| match &wishes[way.wish].images[way.image] {
            TagOrDigest::Tag(tag) => Some((way.wish, tag.clone())),
            TagOrDigest::Digest(_) => None,
        };
        let hopes = in_circle.filter_map(hope).filter(|hope| self.hoped.contains(hope)).collect();
        self.begin_without(wishes, hopes)
    }

    /// Begins anew: what hung on these is hoped for again, if somebody still brings it.
    fn begin_without(&mut self, wishes: &mut [Wish], hopes: Vec<(usize, Tag)>) -> bool {
        if hopes.is_empty() {
            return false;
        }
        self.given_up.extend(hopes);
        let mut by_wish: BTreeMap<usize, HashSet<Tag>> = BTreeMap::new();
        for (wish, tag) in self.hoped.drain() {
            by_wish.entry(wish).or_default().insert(tag);
        }
        for (wish, tags) in by_wish {
            wishes[wish].remove(&tags);
        }
        true
    }
}

/// Who writes a name.
struct Writers {
    /// The way that is carried out.
    winner: usize,
    /// What all rules want that want the same copy.
    wanted: Wanted,
    /// Ways of other images that give way, one for each of these.
    losers: Vec<usize>,
}

/// Who wins. What stands under a name may be the image of a rule that would win, if it were known what it wants: it stays then,
/// and the name is only set where there is none.
fn winners<'a>(wishes: &[Wish], unlisted: &[Wish], ways: &'a [Way]) -> BTreeMap<&'a Place, Writers> {
    let unknown: Vec<_> = wishes.iter().filter(|wish| wish.too_few.is_some()).chain(unlisted).collect();
    let may_be_theirs = |name: &Place, winner: &Wish| {
        let wins = |wish: &&&Wish| {
            wish.rule > winner.rule
                || (wish.rule < winner.rule && on_collision(wish, winner) == OnCollision::Refuse)
        };
        unknown.iter().filter(wins).any(|wish| wish.source != winner.source && wish.may_write(name))
    };
    let mut by_name: BTreeMap<&Place, Vec<usize>> = BTreeMap::new();
    for (index, way) in ways.iter().enumerate() {
        by_name.entry(&way.writes).or_default().push(index);
    }
    let rule = |way: usize| wishes[ways[way].wish].rule;
    let decide = |name: &Place, all: Vec<usize>| {
        let last = all.iter().copied().max_by_key(|way| rule(*way))?;
        let is_same = |way: &usize| ways[*way].reads == ways[last].reads;
        let (same, others): (Vec<usize>, Vec<usize>) = all.into_iter().partition(is_same);
        let mut by_rule = same.clone();
        by_rule.sort_by_key(|way| rule(*way));
        let wanted = by_rule.iter().map(|way| wishes[ways[*way].wish].wanted.clone());
        let wanted = wanted.reduce(|wanted, later| wanted.merged(&later))?;
        let is_contested = may_be_theirs(name, &wishes[ways[last].wish]);
        let wanted = if is_contested { wanted.keeping_what_is_there() } else { wanted };
        let mut seen = HashSet::new();
        let losers = others.into_iter().filter(|way| seen.insert(&ways[*way].reads)).collect();
        Some(Writers { winner: *by_rule.first()?, wanted, losers })
    };
    by_name.into_iter().filter_map(|(name, all)| Some((name, decide(name, all)?))).collect()
}

/// Ways that wait for each other, each circle from its first way on. A way reads one name, which one way writes.
fn circles(ways: &[Way], winners: &BTreeMap<&Place, Writers>) -> Vec<Vec<usize>> {
    let mut seen_from: HashMap<usize, usize> = HashMap::new();
    let mut circles = Vec::new();
    for start in winners.values().map(|writers| writers.winner) {
        let (mut path, mut way) = (Vec::new(), start);
        while !seen_from.contains_key(&way) {
            seen_from.insert(way, start);
            path.push(way);
            match winners.get(&ways[way].reads) {
                Some(writers) => way = writers.winner,
                None => break,
            }
        }
        if seen_from.get(&way) == Some(&start)
            && winners.contains_key(&ways[way].reads)
            && let Some(first) = path.iter().position(|member| *member == way)
        {
            circles.push(path.split_off(first));
        }
    }
    circles
}

/// What is carried out.
#[derive(Default)]
struct Carried<'a> {
    ways: HashMap<(usize, usize, usize), Wanted>,
    /// Names that are written.
    names: HashSet<&'a Place>,
}

fn order(
    wishes: &[Wish],
    ways: &[Way],
    mut broken: Broken,
    winners: &BTreeMap<&Place, Writers>,
    circles: &[Vec<usize>],
) -> Order {
    let in_circle: HashSet<usize> = circles.iter().flatten().copied().collect();
    let mut order = Order::default();
    let mut carried = Carried::default();
    for (&name, writers) in winners {
        let way = &ways[writers.winner];
        if !in_circle.contains(&writers.winner) {
            carried.ways.insert((way.wish, way.image, way.target), writers.wanted.clone());
            carried.names.insert(name);
        }
        let image = |way: &Way| (way.wish, wishes[way.wish].images[way.image].clone());
        order.contests.extend(writers.losers.iter().map(|loser| {
            let on_collision = on_collision(&wishes[ways[*loser].wish], &wishes[way.wish]);
            let (name, loser, winner) = (name.clone(), image(&ways[*loser]), image(way));
            Contest { name, loser, winner, on_collision }
        }));
    }
    let with_ways: HashSet<_> = ways.iter().map(|way| (way.wish, way.image, way.target)).collect();
    order.images = (0..wishes.len())
        .map(|index| match broken.remove(&index) {
            Some(cause) => Err(cause),
            None => Ok(settled(wishes, index, &with_ways, &carried)),
        })
        .collect();
    order.circles = circles
        .iter()
        .filter_map(|circle| {
            let rule = |way: &usize| wishes[ways[*way].wish].rule;
            let (first, _) = circle.iter().enumerate().min_by_key(|(_, way)| rule(way))?;
            let names =
                circle[first..].iter().chain(&circle[..first]).map(|way| ways[*way].reads.clone()).collect();
            Some(Circle { wish: ways[circle[first]].wish, names })
        })
        .collect();
    order
}

/// It takes two to refuse.
fn on_collision(one: &Wish, other: &Wish) -> OnCollision {
    match [one, other].map(|wish| wish.wanted.policy.on_collision) {
        [OnCollision::Refuse, OnCollision::Refuse] => OnCollision::Refuse,
        _ => OnCollision::LaterWins,
    }
}

/// What one wish carries out: an image of which different things are wanted at different targets is there twice.
fn settled(
    wishes: &[Wish],
    index: usize,
    with_ways: &HashSet<(usize, usize, usize)>,
    carried: &Carried<'_>,
) -> Vec<Settled> {
    let wish = &wishes[index];
    let names: Vec<_> = wish.targets.iter().map(|(_, naming)| naming.names(&wish.images)).collect();
    let mut all = Vec::new();
    for (image, reference) in wish.images.iter().enumerate() {
        let after = Some(Place::new(&wish.source, reference)).filter(|place| carried.names.contains(place));
        let mut by_policy: Vec<(&Wanted, Vec<Option<TagOrDigest>>)> = Vec::new();
        for (target, names) in names.iter().enumerate() {
            let Some(name) = names.as_ref().ok().and_then(|names| names.get(image)?.clone()) else {
                continue;
            };
            let key = (index, image, target);
            let wanted = match carried.ways.get(&key) {
                Some(wanted) => wanted,
                // Onto itself: nothing is decided about it.
                None if !with_ways.contains(&key) => &wish.wanted,
                None => continue,
            };
            let at = by_policy.iter().position(|(other, _)| *other == wanted).unwrap_or_else(|| {
                by_policy.push((wanted, vec![None; wish.targets.len()]));
                by_policy.len() - 1
            });
            by_policy[at].1[target] = Some(name);
        }
        all.extend(by_policy.into_iter().map(|(wanted, names)| {
            let (reference, after) = (reference.clone(), after.clone());
            Settled { reference, names, wanted: wanted.clone(), after }
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::OnConflict;
    use crate::Policy;
    use crate::plan::wanted::WantedReferrers;
    use crate::select::{AgeLimits, Latest, ListedTag, TagSelection};

    fn settle(wishes: Vec<Wish>) -> Order {
        super::settle(wishes, &[])
    }

    fn tag(text: &str) -> TagOrDigest {
        TagOrDigest::Tag(text.parse().unwrap())
    }

    fn wanted(referrers: WantedReferrers) -> Wanted {
        Wanted { referrers, policy: Arc::default() }
    }

    /// `from` with its tags, to the same names at `to`.
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

    /// Chooses from these tags, all of them old.
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

    /// What each wish carries out: the tag, and what it waits for.
    fn carried(order: &Order) -> Vec<Vec<String>> {
        let shown = |image: &Settled| match &image.after {
            Some(place) => format!("{} after {place}", image.reference),
            None => image.reference.to_string(),
        };
        let of_wish =
            |images: &Result<Vec<Settled>, Cause>| images.as_ref().unwrap().iter().map(shown).collect();
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
        let order = settle(vec![
            named(0, "a", &["v1"], "t"),
            named(1, "b", &["v1"], "t"),
            named(2, "a", &["v1"], "t"),
        ]);
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
        let told: Vec<_> =
            order.contests.iter().map(|contest| (contest.loser.0, contest.on_collision)).collect();
        assert_eq!(told, [(0, OnCollision::LaterWins), (1, OnCollision::Refuse)]);
        let same = settle(vec![refuses(a(0)), refuses(a(1))]);
        assert!(same.contests.is_empty(), "the same copy twice is one");
    }

    #[test]
    fn e21_the_same_copy_is_carried_out_once_with_the_widest_policy() {
        for (first, second) in [
            (WantedReferrers::None, WantedReferrers::Untagged),
            (WantedReferrers::All, WantedReferrers::None),
        ] {
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
        let order = settle(vec![
            listed(0, "a", &["v1", "stable"], "b"),
            chosen(1, selection.clone(), "b", &["v0"], "c"),
        ]);
        assert_eq!(carried(&order)[1], ["v0", "stable after b:stable"]);
        let order = settle(vec![listed(0, "a", &["v1"], "b"), chosen(1, selection, "b", &["v0"], "c")]);
        assert!(matches!(
            order.images[1],
            Err(Cause::TooFew(TooFew { selected: 1, listed: 2, at_least: 2 }))
        ));
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
            // It would bring the same image.
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
}
