//! Orders tasks: those that read what another task of the run writes have to wait for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::plan::awaited::Awaited;
use crate::plan::place::Place;
use crate::plan::task::{BoundTask, Task};
use crate::{Cause, Work};

/// The order of a run's tasks.
#[derive(Default)]
pub(crate) struct TaskOrder {
    /// References that are both read and written.
    between: HashSet<Place>,
    /// References in cycles, by each member.
    circles: HashMap<Place, Arc<[Place]>>,
}

/// When a task may run.
pub(crate) enum Turn {
    Now,
    /// When this reference was written.
    After(Place),
    /// Never: the references are copied in a cycle.
    Never(Cause),
}

/// The reference that a task reads.
pub(crate) fn reads(task: &Task) -> Place {
    Place::new(&task.image.source, &task.image.source_reference)
}

/// The reference that a task writes.
pub(crate) fn writes(task: &Task) -> Place {
    Place::new(&task.image.target, &task.image.target_reference)
}

impl TaskOrder {
    /// The order of all tasks of a run. Registers the references that tasks wait for.
    pub(crate) fn of(works: &[Work], awaited: &Awaited) -> Self {
        let tasks = || works.iter().filter_map(Work::tasks).flatten().map(|bound: &BoundTask| &bound.task);
        let targets: HashSet<&str> = tasks().map(|task| &*task.image.target).collect();
        let sources: HashSet<&str> = tasks().map(|task| &*task.image.source).collect();
        // In most plans no repository is both read and written, and this loop looks at no reference.
        let mut read_for: HashMap<Place, Place> = HashMap::new();
        for task in tasks().filter(|task| sources.contains(&*task.image.target)) {
            let (reads, writes) = (reads(task), writes(task));
            if reads != writes {
                read_for.entry(writes).or_insert(reads);
            }
        }
        let readers = tasks().filter(|task| targets.contains(&*task.image.source)).map(reads);
        let between: HashSet<Place> = readers.filter(|place| read_for.contains_key(place)).collect();
        for place in &between {
            awaited.expect(place);
        }
        Self { circles: circles(&read_for), between }
    }

    /// When a task may run.
    pub(crate) fn turn(&self, task: &Task) -> Turn {
        if self.between.is_empty() {
            return Turn::Now;
        }
        if let Some(circle) = self.circles.get(&writes(task)) {
            return Turn::Never(Cause::Circle { names: circle.iter().map(ToString::to_string).collect() });
        }
        match reads(task) {
            place if self.between.contains(&place) => Turn::After(place),
            _ => Turn::Now,
        }
    }
}

/// The cycles. Each written reference depends on the one that its task reads.
fn circles(read_for: &HashMap<Place, Place>) -> HashMap<Place, Arc<[Place]>> {
    let (mut seen, mut circles) = (HashSet::new(), HashMap::new());
    for start in read_for.keys() {
        let (mut path, mut place) = (Vec::new(), start);
        while seen.insert(place) {
            path.push(place);
            match read_for.get(place) {
                Some(read) => place = read,
                None => break,
            }
        }
        let is_read = read_for.contains_key(place);
        if let Some(first) = path.iter().position(|member| is_read && *member == place) {
            let mut names: Vec<Place> = path[first..].iter().map(|place| (*place).clone()).collect();
            // In the order of the copies, from the least reference on.
            names.reverse();
            let least = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(index, _)| index);
            names.rotate_left(least);
            let circle: Arc<[Place]> = names.into();
            circles.extend(circle.iter().map(|name| (name.clone(), circle.clone())));
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place { repository: "r.io/a".into(), reference: format!(":{name}") }
    }

    fn found(ways: &[(&str, &str)]) -> Vec<String> {
        let read_for = ways.iter().map(|(reads, writes)| (place(writes), place(reads))).collect();
        let mut found: Vec<_> = circles(&read_for)
            .into_iter()
            .map(|(name, circle)| {
                let circle: Vec<_> = circle.iter().map(|place| &place.reference[1..]).collect();
                format!("{}: {}", &name.reference[1..], circle.join(" "))
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn names_that_lead_back_to_themselves_are_a_circle_and_those_that_hang_on_it_are_none() {
        assert!(found(&[("a", "b"), ("b", "c"), ("b", "d")]).is_empty());
        assert_eq!(found(&[("a", "b"), ("b", "a")]), ["a: a b", "b: a b"]);
        let hanging = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "x"), ("x", "y")];
        assert_eq!(found(&hanging), ["a: a b c", "b: a b c", "c: a b c"]);
    }
}
