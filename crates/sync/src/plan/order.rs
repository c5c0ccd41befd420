//! Settles what rules that meet do together, after all their images are known, and before any image is copied.
//!
//! Two rules meet if they write one reference, or if one reads what the other writes. Of two images for one reference
//! the later rule's is copied. An image that is read from a reference that another rule writes waits for that image,
//! even if the registry does not list it yet. References that are copied in a cycle cannot be ordered.
//!
//! A rule that selects from a whole list, for example the newest five, selects from the future list: tags that other
//! rules write there count as pushed in this run. So such a tag may displace listed ones, and is too young for rules
//! with a minimum age. A tag that is listed already keeps its date, even if another rule is about to set it again.

mod hopes;
#[cfg(test)]
mod tests;
mod way;
mod winners;

use std::collections::{BTreeMap, HashMap, HashSet};

use oci::TagOrDigest;

use self::hopes::Hopes;
use self::way::{Broken, Way, ways, written};
use self::winners::{Writers, circles, winners};
use crate::plan::place::Place;
use crate::plan::wanted::Wanted;
use crate::plan::wish::{Wish, on_collision};
use crate::{Cause, OnCollision};

/// An image that its rule copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) reference: TagOrDigest,
    /// For each target of the rule; `None` if the image does not go there, or if another rule copies it there.
    pub(crate) names: Vec<Option<TagOrDigest>>,
    /// The merged wants of all rules that want this copy.
    pub(crate) wanted: Wanted,
    /// The reference that has to be written before.
    pub(crate) after: Option<Place>,
}

/// Two images for one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    pub(crate) name: Place,
    /// The wish that gives way, and its image.
    pub(crate) loser: (usize, TagOrDigest),
    /// The wish that wins, and its image.
    pub(crate) winner: (usize, TagOrDigest),
    /// Whether both rules treat the collision as a mistake. If so, the winner is copied only if both images are the same.
    pub(crate) on_collision: OnCollision,
}

/// References that are copied in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    /// The wish of the first rule.
    pub(crate) wish: usize,
    pub(crate) names: Vec<Place>,
}

/// The result of the settlement.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// For each wish.
    pub(crate) images: Vec<Result<Vec<Settled>, Cause>>,
    pub(crate) contests: Vec<Contest>,
    pub(crate) circles: Vec<Circle>,
}
/// Decides what each wish copies. `unlisted` are wishes of rules whose images are unknown, because their listing failed.
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
/// The images that are copied.
#[derive(Default)]
struct Carried<'a> {
    ways: HashMap<(usize, usize, usize), Wanted>,
    /// References that are written.
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
/// The images of one wish. An image whose wants differ between targets occurs several times.
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
                // A copy onto itself is not part of the decision.
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
