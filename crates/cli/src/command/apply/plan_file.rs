//! Reads a plan, step by step.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use oci::{Digest, as_place};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use sync::{Action, Policy, Shard};

use super::lines::Line;
use super::slip::Slip;
use crate::output::counted;
use crate::output::plan::{Checksum, Division, SCHEMA, Step, fingerprint};

/// The problem of an image that another step of the plan brings to its source first: the registry there may change its manifest.
const NOT_KNOWN: &str = "it has no `sourceDigest`: the source did not have it yet, and the step that brings it there may rewrite it; plan again after this";

/// These only happen to a plan that was edited by hand.
const NOTHING_THERE: &str =
    "it has no `targetDigest`, and an image that is unchanged is one that the target has";
const SECOND: &str = "an earlier step of the plan has this target, too";
/// The run that made the plan was stopped before it had looked at all images.
const PARTIAL: &str = "the plan is not whole: the run that made it was stopped; make it anew with `image-syncer plan --out FILE`";

/// A plan, as `apply` needs it.
#[derive(Default)]
pub(super) struct PlanFile {
    pub(super) config_digest: Option<Digest>,
    /// The number of shards that its steps are divided for.
    pub(super) shards: Option<usize>,
    pub(super) rules: Vec<PlanRule>,
    /// Steps that change the target, and steps that found the target up to date. `apply` checks the latter again.
    pub(super) steps: Vec<Numbered>,
    /// Steps that were impossible when the plan was made.
    pub(super) impossible: Vec<Numbered>,
    /// Steps that cannot be read, and why.
    pub(super) malformed: Vec<Malformed>,
    /// Images and rules that the plan lacks because they failed when it was made: no step is about them.
    pub(super) lacks: Lacks,
    pub(super) integrity: Integrity,
    sum: Checksum,
}

/// Images and rules that a plan lacks.
#[derive(Default)]
pub(super) struct Lacks {
    pub(super) failures: Vec<Failures>,
    /// The error texts of rules that could not be carried out.
    pub(super) refused_rules: Vec<String>,
}

/// Images or rules that failed for the same reason.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Failures {
    pub(super) kind: String,
    pub(super) hint: String,
    pub(super) count: usize,
    /// The names of some of them.
    pub(super) examples: Vec<String>,
}

impl Default for Failures {
    fn default() -> Self {
        let (kind, hint, examples) = Default::default();
        Self { kind, hint, count: 1, examples }
    }
}

/// Whether a plan is unchanged since it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Integrity {
    /// The plan has no checksum.
    #[default]
    Unknown,
    Changed,
    AsWritten,
}

/// A rule of the config that the plan was made with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanRule {
    pub(super) name: Option<String>,
    pub(super) source: String,
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) part_of: Option<Arc<str>>,
    pub(super) policy: Arc<Policy>,
}

/// The position of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// Its place among all steps, counted from 1.
    pub(super) number: usize,
    /// The line in which it begins.
    pub(super) line: usize,
}

/// A step with its position.
pub(super) struct Numbered {
    pub(super) at: At,
    pub(super) step: Step,
}

/// A step that cannot be used.
pub(super) struct Malformed {
    pub(super) at: At,
    /// The names in it, empty where they are missing.
    pub(super) source: String,
    pub(super) target: String,
    pub(super) problem: String,
    /// The advice what to write instead, if known.
    pub(super) instead: Option<String>,
}

impl PlanFile {
    /// Reads a file; `-` is stdin.
    ///
    /// # Errors
    /// The file cannot be read, or is not a plan of a schema that this release knows.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Self::read_from(std::io::stdin().lock());
        }
        Self::read_from(File::open(path).map_err(|error| format!("it cannot be read: {error}"))?)
    }

    fn read_from(text: impl Read) -> Result<Self, String> {
        let line = Line::first();
        let mut reader = serde_json::Deserializer::from_reader(line.follow(BufReader::new(text)));
        let plan = reader.deserialize_map(PlanVisitor(line)).and_then(|plan| reader.end().map(|()| plan));
        let plan = plan.map_err(|error| {
            if error.is_data() {
                // serde's position is noise: the error lies in the value.
                return error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
            }
            if error.is_io() {
                return format!("it cannot be read: {error}");
            }
            format!("it is no whole JSON document: {error}")
        })?;
        Ok(plan.checked())
    }

    /// Keeps the steps of one shard: by the plan's own division, or else by the bytes to send. The first shard also reports the malformed
    /// steps and what the plan lacks. Also returns the fingerprint of the division, which is the same for all its shards.
    ///
    /// # Errors
    /// The plan is divided for another number of shards.
    pub(super) fn only(mut self, shard: Shard) -> Result<(Self, Digest), String> {
        if let Some(shards) = self.shards.filter(|shards| *shards != shard.count()) {
            return Err(format!(
                "it is divided for {shards} shards, and --shard {shard} asks for one of {}: write --shard {}/{shards}, or plan \
                 again with --shards {}",
                shard.count(),
                (shard.index() + 1).min(shards),
                shard.count()
            ));
        }
        self.refuse_shards_beyond(shard.count());
        let all = self.steps.iter().chain(&self.impossible);
        let splittable = |numbered: &Numbered| numbered.step.splittable();
        let division = Division::of(shard.count(), all.map(splittable).collect());
        let owner = |Numbered { step, .. }: &Numbered| {
            let owner = || division.owner(&step.image);
            step.shard.map_or_else(owner, |number| number - 1)
        };
        let all = self.steps.iter().chain(&self.impossible);
        let owners = all.map(|numbered| (numbered.step.image.target_name(), owner(numbered)));
        let split = fingerprint(shard.count(), owners);
        let is_ours = |numbered: &Numbered| owner(numbered) == shard.index();
        self.steps.retain(is_ours);
        self.impossible.retain(is_ours);
        if shard.index() > 0 {
            (self.malformed, self.lacks) = Default::default();
        }
        Ok((self, split))
    }

    /// Moves the steps whose shard does not exist to `malformed`: no shard would carry them out.
    fn refuse_shards_beyond(&mut self, count: usize) {
        let is_beyond = |Numbered { step, .. }: &mut Numbered| {
            step.shard.is_some_and(|number| number == 0 || number > count)
        };
        let beyond = self.steps.extract_if(.., is_beyond).chain(self.impossible.extract_if(.., is_beyond));
        self.malformed.extend(beyond.map(|Numbered { at, step }| {
            let (source, target) = (step.image.source_name(), step.image.target_name());
            let number = step.shard.unwrap_or_default();
            let problem = format!("`shard` is {number}, and the plan is carried out in {count} shards");
            let instead = Some(format!("write for `shard` a number from 1 to {count}"));
            Malformed { at, source, target, problem, instead }
        }));
    }

    /// Moves the steps that cannot be carried out to `malformed`.
    fn checked(mut self) -> Self {
        let mut targets = HashSet::new();
        for Numbered { at, step } in std::mem::take(&mut self.steps) {
            let mut instead = None;
            let target = as_place(&step.image.target_name()).into_owned();
            let problem = if !targets.insert(target) {
                SECOND.to_owned()
            } else if step.rule >= self.rules.len() {
                instead = Some("write for `rule` the place of a rule in `rules`, counted from 0".to_owned());
                let rules = counted(self.rules.len() as u64, "rule", "rules");
                format!("`rule` is {}, and the plan has {rules}", step.rule)
            } else if step.source_digest.is_none() {
                NOT_KNOWN.to_owned()
            } else if step.action == Action::Unchanged && step.target_digest.is_none() {
                instead = Some("write for `targetDigest` the digest that the target has".to_owned());
                NOTHING_THERE.to_owned()
            } else {
                self.steps.push(Numbered { at, step });
                continue;
            };
            let (source, target) = (step.image.source_name(), step.image.target_name());
            self.malformed.push(Malformed { at, source, target, problem, instead });
        }
        self
    }
}

/// Reads a plan. It knows its reader's line.
struct PlanVisitor(Line);

impl<'de> Visitor<'de> for PlanVisitor {
    type Value = PlanFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a plan")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<PlanFile, A::Error> {
        let (mut plan, mut schema, mut rules) = (PlanFile::default(), None, Value::Null);
        let (mut has_steps, mut is_partial, mut checksum) = (false, false, Option::<String>::None);
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "schema" => schema = Some(check_schema(&entries.next_value()?).map_err(A::Error::custom)?),
                "shards" => plan.shards = entries.next_value()?,
                "configDigest" => plan.config_digest = entries.next_value()?,
                "checksum" => checksum = entries.next_value()?,
                "partial" => is_partial = entries.next_value()?,
                "failures" => plan.lacks.failures = entries.next_value()?,
                "refusedRules" => plan.lacks.refused_rules = entries.next_value()?,
                // Parsed only after `schema` is known to fit, which may come later.
                "rules" => rules = entries.next_value()?,
                "steps" => {
                    entries.next_value_seed(Steps(&mut plan, &self.0))?;
                    has_steps = true;
                }
                _ => _ = entries.next_value::<IgnoredAny>()?,
            }
        }
        let without = || A::Error::custom(format!("it has no `schema`: {SCHEMA} begins a plan"));
        schema.ok_or_else(without)?;
        if is_partial {
            return Err(A::Error::custom(PARTIAL));
        }
        if !has_steps {
            return Err(A::Error::missing_field("steps"));
        }
        plan.integrity = match checksum {
            None => Integrity::Unknown,
            Some(checksum) if checksum == plan.sum.with(&rules).to_string() => Integrity::AsWritten,
            Some(_) => Integrity::Changed,
        };
        plan.rules = read_rules(rules).map_err(A::Error::custom)?;
        Ok(plan)
    }
}

fn read_rules(rules: Value) -> Result<Vec<PlanRule>, String> {
    let rules: Vec<Value> = serde_json::from_value(rules).map_err(|error| format!("`rules`: {error}"))?;
    let read = |(place, rule)| {
        let read = serde_json::from_value(rule);
        read.map_err(|error| format!("rule {place} in `rules`, counted from 0: {error}"))
    };
    rules.into_iter().enumerate().map(read).collect()
}

fn check_schema(schema: &Value) -> Result<(), String> {
    match schema.as_str() {
        Some(SCHEMA) => Ok(()),
        Some(other) if other.starts_with("image-syncer/plan/") => Err(format!(
            "its schema is {other}, and this release reads {SCHEMA}: make the plan anew with this release"
        )),
        Some(other) => Err(format!(
            "its schema is {other}, but a plan's is {SCHEMA}: `image-syncer plan --out FILE` writes one"
        )),
        None => Err(format!("its `schema` is no text, but a plan's is {SCHEMA}")),
    }
}

/// Reads steps one by one. A step that cannot be read does not affect the others.
struct Steps<'a>(&'a mut PlanFile, &'a Line);

/// Reads one step, with the line in which it begins.
struct Lined<'a>(&'a Line);

impl<'de> DeserializeSeed<'de> for Lined<'_> {
    type Value = (usize, Value);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // serde_json has already peeked at the step's first character, so this is its line.
        let line = self.0.now();
        Ok((line, Value::deserialize(deserializer)?))
    }
}

impl<'de> DeserializeSeed<'de> for Steps<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Steps<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of steps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut steps: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some((line, value)) = steps.next_element_seed(Lined(self.1))? {
            number += 1;
            let at = At { number, line };
            self.0.sum.add(&value);
            let name = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (source, target) = (name("source"), name("target"));
            match Step::deserialize(&value) {
                Ok(step @ Step { action: Action::Conflict | Action::Missing, .. }) => {
                    self.0.impossible.push(Numbered { at, step });
                }
                // The rule wants no platform of this image.
                Ok(Step { action: Action::Unchanged, result_digest: None, .. }) => {}
                Ok(step) => self.0.steps.push(Numbered { at, step }),
                Err(error) => {
                    let Slip { problem, instead } = Slip::of(&value, &error);
                    let instead = Some(instead);
                    self.0.malformed.push(Malformed { at, source, target, problem, instead });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
