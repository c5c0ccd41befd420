//! The plan for people: by rule and target repository, with the first and the last steps of each, then the totals.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{Error, Write};

use oci::{Digest, Reference, TagOrDigest, is_referrers_tag};
use serde::{Deserialize, Serialize};
use sync::{Action, Bandwidth, belongs_to_another};

use super::extra::Extra;
use super::recorder::Plan;
use super::step::Step;
use super::totals::Totals;
use crate::done::{Done, Ended};
use crate::output::remainder::and_more;
use crate::output::sorted::Sorter;
use crate::output::{amount_text, counted, foreign};

/// The number of first and of last steps that are shown for a repository, unless all are wanted.
const FIRST: usize = 6;
const LAST: usize = 2;
/// Digits of a digest that are enough to distinguish it.
const DIGITS: usize = 12;

/// Which parts of a plan are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// All steps, even unchanged ones.
    pub(crate) all: bool,
    /// The bandwidth limit for reading blobs.
    pub(crate) bandwidth: Option<Bandwidth>,
}

/// Prints the plan.
pub(crate) fn print(plan: &Plan, done: &Done, shown: Shown, writer: &mut dyn Write) -> Result<(), Error> {
    let (mut by_rule, mut totals) = (Sorter::new(plan.folder.as_deref()), Totals::of(plan, done));
    let mut lists = 0;
    for weighed in plan.steps()? {
        let weighed = weighed?;
        totals.add(&weighed);
        lists += usize::from(comes_along(&weighed.step));
        let key = key(weighed.step.rule, &weighed.step.image.target_name());
        let entry = if weighed.is_kept() { Entry::Kept(weighed.step) } else { Entry::Step(weighed.step) };
        by_rule.add((key, serde_json::to_string(&entry)?))?;
    }
    let mut extras = 0;
    for extra in plan.extras()? {
        let extra = extra?;
        extras += 1;
        by_rule.add((key(extra.rule, &extra.target), serde_json::to_string(&Entry::Extra(extra))?))?;
    }
    let by_rule = by_rule.finish()?;
    let mut tree = Tree { plan, shown, writer, rule: None, group: Group::default() };
    for pair in by_rule.pairs() {
        tree.add(&serde_json::from_str(&pair?.1)?)?;
    }
    tree.end_group()?;
    if tree.rule.is_some() {
        tree.line("")?;
    }
    for line in sums(&totals, done, (extras, lists), &time(plan, shown, totals.bytes)) {
        tree.line(&line)?;
    }
    Ok(())
}

/// A line of the tree.
#[derive(Serialize, Deserialize)]
enum Entry {
    Step(Step),
    /// The target has another image, which stays.
    Kept(Step),
    Extra(Extra),
}

impl Entry {
    fn rule(&self) -> usize {
        match self {
            Self::Step(step) | Self::Kept(step) => step.rule,
            Self::Extra(extra) => extra.rule,
        }
    }

    /// The target repository, and the name in it.
    fn target(&self) -> (&str, String) {
        match self {
            Self::Step(step) | Self::Kept(step) => {
                (&step.image.target, step.image.target_reference.to_string())
            }
            Self::Extra(extra) => {
                let (repository, tag) = extra.target.rsplit_once(':').unwrap_or((&extra.target, ""));
                (repository, tag.to_owned())
            }
        }
    }
}

struct Tree<'a> {
    plan: &'a Plan,
    shown: Shown,
    writer: &'a mut dyn Write,
    rule: Option<usize>,
    group: Group,
}

/// The steps of one rule for one repository.
#[derive(Default)]
struct Group {
    repository: Option<String>,
    changes: usize,
    /// Steps that a run could not carry out.
    impossible: usize,
    kept: usize,
    unchanged: usize,
    extras: usize,
    first: Vec<String>,
    /// Holds one more than is shown: if it is the only omitted step, it is shown instead of counted.
    last: VecDeque<String>,
    /// The number of steps between them that are omitted.
    left_out: u64,
}

impl Tree<'_> {
    fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let is_new_rule = self.rule != Some(entry.rule());
        let (repository, name) = entry.target();
        if is_new_rule || self.group.repository.as_deref() != Some(repository) {
            self.end_group()?;
            self.group.repository = Some(repository.to_owned());
        }
        if is_new_rule {
            self.begin_rule(entry.rule())?;
        }
        self.group.add(entry, &name, self.shown.all);
        Ok(())
    }

    fn begin_rule(&mut self, rule: usize) -> Result<(), Error> {
        if self.rule.is_some() {
            self.line("")?;
        }
        self.rule = Some(rule);
        let (Some(head), Some(selection)) = (self.plan.heads.get(rule), self.plan.selections.get(rule))
        else {
            return Ok(());
        };
        let name = head.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let title = format!("{name}{} -> {}", head.source, head.targets.join(", "));
        let counts = selection.counts();
        self.line(&title)?;
        if counts.listed > 0 { self.line(&format!("  selected {counts}")) } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), Error> {
        let mut group = std::mem::take(&mut self.group);
        let Some(repository) = &group.repository else { return Ok(()) };
        let counts = [
            (group.changes, "to do"),
            (group.impossible, "not possible"),
            (group.kept, "kept"),
            (group.unchanged, "unchanged"),
            (group.extras, "only there"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        self.line(&format!("  {repository}: {}", counts.join(", ")))?;
        let more = group.left_out().map(|more| format!("      ... {more}: --all shows them"));
        group.first.iter().chain(&more).chain(&group.last).try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &str) -> Result<(), Error> {
        writeln!(self.writer, "{}", foreign::result(line))
    }
}

impl Group {
    /// Drops the surplus steps; returns their number.
    fn left_out(&mut self) -> Option<String> {
        if self.left_out > 0 {
            self.last.pop_front();
            self.left_out += 1;
        }
        and_more(self.left_out)
    }

    fn add(&mut self, entry: &Entry, name: &str, all: bool) {
        let line = match entry {
            Entry::Step(step) if step.action == Action::Unchanged => {
                self.unchanged += 1;
                (all || step.note.is_some()).then(|| line_of(step))
            }
            Entry::Step(step) => {
                *(if step.action.writes() { &mut self.changes } else { &mut self.impossible }) += 1;
                Some(line_of(step))
            }
            Entry::Kept(step) => {
                self.kept += 1;
                let there = step.target_digest.as_ref().map_or_else(|| "?".to_owned(), shortened);
                Some(format!("    ! {name}: kept: the target has {there}, which stays as the rule says"))
            }
            Entry::Extra(_) => {
                self.extras += 1;
                all.then(|| format!("    - {name}: only at the target"))
            }
        };
        if let Some(line) = line {
            self.push(line, all);
        }
    }

    fn push(&mut self, line: String, all: bool) {
        if all || self.first.len() < FIRST {
            return self.first.push(line);
        }
        self.last.push_back(line);
        if self.last.len() > LAST + 1 {
            self.last.pop_front();
            self.left_out += 1;
        }
    }
}

fn line_of(step: &Step) -> String {
    let short = |digest: &Option<Digest>| digest.as_ref().map_or_else(|| "?".to_owned(), shortened);
    let (mark, what) = match step.action {
        Action::Create => ('+', "new".to_owned()),
        Action::Update => {
            let wanted = step.result_digest.as_ref().or(step.source_digest.as_ref()).cloned();
            ('~', format!("{} -> {}", short(&step.target_digest), short(&wanted)))
        }
        Action::Retag => ('+', "new name, the image is there".to_owned()),
        Action::Referrers => ('+', "signatures and other referrers alone".to_owned()),
        Action::Unchanged => ('=', "unchanged".to_owned()),
        Action::Conflict => ('!', format!("conflict: the target has {}", short(&step.target_digest))),
        Action::Missing => ('?', format!("{} is not at the source", step.image.source_name())),
    };
    let mut line = format!("    {mark} {}: {what}", step.image.target_reference);
    for (bytes, how) in [(step.bytes, "to send"), (step.bytes_mounted, "mounted")] {
        if bytes > 0 {
            let _ = write!(line, ", {} {how}", amount_text::bytes(bytes));
        }
    }
    if step.referrers > 0 {
        let plural = if step.referrers == 1 { "" } else { "s" };
        let _ = write!(line, ", {} referrer{plural}", step.referrers);
    }
    if let Some(note) = &step.note {
        let _ = write!(line, " ({note})");
    }
    line
}

fn shortened(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{}:{}", digest.algorithm(), &hex[..DIGITS.min(hex.len())])
}

/// The time to send these bytes, if the speed is known.
fn time(plan: &Plan, shown: Shown, bytes: u64) -> String {
    let (bandwidth, whose) = match (shown.bandwidth, plan.speed) {
        (Some(given), speed)
            if speed.is_none_or(|speed| given.bytes_a_second() <= speed.bytes_a_second()) =>
        {
            (given, "of --bandwidth")
        }
        (_, Some(speed)) => (speed, "of the last run"),
        (_, None) => return String::new(),
    };
    let a_second = amount_text::bytes(bandwidth.bytes_a_second());
    format!(", about {} at the {a_second}/s {whose}", amount_text::about(bandwidth.time_for(bytes)))
}

/// Sorts entries by rule and target. In a repository, tags of signatures and their like come last: people know the others.
fn key(rule: usize, target: &str) -> String {
    let tag = target.parse::<Reference>().ok().and_then(|reference| reference.tag);
    let rank = u8::from(tag.is_some_and(|tag| belongs_to_another(&tag)));
    let name = target.rfind('/').map_or(0, |slash| slash + 1);
    let end = target[name..].find([':', '@']).map_or(target.len(), |end| name + end);
    let (repository, reference) = target.split_at(end);
    format!("{rule:010}{repository}:{rank}{reference}")
}

/// Whether a step is for a referrers tag: if its image is copied in the same run, the tag is already there when the step begins.
fn comes_along(step: &Step) -> bool {
    let is_list = matches!(&step.image.target_reference, TagOrDigest::Tag(tag) if is_referrers_tag(tag));
    is_list && step.action == Action::Create
}

/// The totals. `extras`: tags that only targets have; `lists`: new referrers tags.
fn sums(totals: &Totals, done: &Done, (extras, lists): (usize, usize), time: &str) -> Vec<String> {
    let counts = [
        (totals.create, "new"),
        (totals.update, "to update"),
        (totals.retag, "to be named"),
        (totals.referrers, "to get referrers"),
        (totals.conflict - totals.kept, "in conflict"),
        (totals.kept, "kept"),
        (totals.missing, "missing at the source"),
        (totals.unchanged, "unchanged"),
        (extras, "only at the target"),
    ];
    let refused = done.refused.len();
    let several = |number: usize, one, many| (number, if number == 1 { one } else { many });
    let lacks = [
        several(totals.failed, "image failed", "images failed"),
        several(totals.failed_rules - refused, "list failed", "lists failed"),
        several(refused, "rule cannot be carried out", "rules cannot be carried out"),
    ];
    let told = |counts: &[(usize, &str)]| {
        let told = counts.iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>()
    };
    let mut parts = told(&counts);
    if parts.is_empty() {
        parts.push("no images".to_owned());
    }
    parts.extend(told(&lacks));
    let told = parts.join(", ");
    let head = match done.ended {
        Ended::ByItself => "plan",
        Ended::Stopped => "plan that was stopped before it was whole",
    };
    let mut lines = vec![format!("{head}: {told}")];
    if lists > 0 {
        let what =
            if lists == 1 { "list of referrers, which comes" } else { "lists of referrers, which come" };
        lines.push(format!(
            "      {lists} {what} along with an image: a run may count such a one as unchanged"
        ));
    }
    if totals.bytes > 0 || totals.bytes_mounted > 0 {
        let mounted = match totals.bytes_mounted {
            0 => String::new(),
            bytes => format!(", {} mounted", amount_text::bytes(bytes)),
        };
        let bytes = amount_text::bytes(totals.bytes);
        let requests = counted(totals.requests as u64, "request", "requests");
        lines.push(format!("      {bytes} to send{mounted}, about {requests}{time}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_people_know_come_first_in_their_repository() {
        let signature = format!("r.io:5000/a/b:sha256-{}.sig", oci::Digest::sha256(b"x").hex());
        let sorted =
            ["r.io:5000/a/b-c:v1", "r.io:5000/a/b:v1", "r.io:5000/a/b:v2", &signature, "r.io:5000/a/c:v1"];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by_key(|target| key(0, target));
        assert_eq!(shuffled, sorted);
        assert!(key(9, "r.io/z:v1") < key(10, "r.io/a:v1"));
    }

    #[test]
    fn a_single_step_is_shown_rather_than_counted() {
        let shown = |steps: usize, all| {
            let mut group = Group::default();
            (1..=steps).for_each(|step| group.push(step.to_string(), all));
            let left_out = group.left_out();
            (group.first.len() + group.last.len(), group.last.front().cloned(), left_out)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(shown(FIRST + LAST, false), (8, text("7"), None));
        assert_eq!(shown(FIRST + LAST + 1, false), (9, text("7"), None));
        assert_eq!(shown(FIRST + LAST + 2, false), (8, text("9"), text("and 2 more")));
        assert_eq!(shown(2000, false), (8, text("1999"), text("and 1,992 more")));
        assert_eq!(shown(2000, true), (2000, None, None));
    }
}
