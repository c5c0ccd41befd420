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

use crate::output::plan::{Checksum, Division, SCHEMA, Step};

/// Of an image that another rule of the same plan brings to its source first, in a form that the registry there decides.
const NOT_KNOWN: &str = "it has no `sourceDigest`: the source did not have it yet, and the step that brings it there may rewrite it; plan again after this";

/// Only by hand.
const SECOND: &str = "an earlier step of the plan has this target, too";
/// Its run was stopped before it had looked at everything.
const PARTIAL: &str = "the plan is not whole: the run that made it was stopped; make it anew with `image-syncer plan --out FILE`";

/// A plan as `apply` needs it.
#[derive(Default)]
pub(super) struct PlanFile {
    pub(super) config_digest: Option<Digest>,
    /// For how many shards its steps are divided.
    pub(super) shards: Option<usize>,
    pub(super) rules: Vec<PlanRule>,
    /// Those that change something, and those of which the target has all: it is to be so still.
    pub(super) steps: Vec<Step>,
    /// Those that nobody could carry out when the plan was made.
    pub(super) impossible: Vec<Step>,
    /// Those that cannot be read, and why.
    pub(super) malformed: Vec<Malformed>,
    /// What it lacks because something failed when it was made.
    pub(super) lacks: Lacks,
    pub(super) integrity: Integrity,
    sum: Checksum,
}

/// What a plan lacks.
#[derive(Default)]
pub(super) struct Lacks {
    pub(super) failures: Vec<Failures>,
    /// Rules that could not be carried out, in words.
    pub(super) refused_rules: Vec<String>,
}

/// Images or rules that failed alike.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Failures {
    pub(super) kind: String,
    pub(super) hint: String,
    pub(super) count: usize,
    /// Some of their names.
    pub(super) examples: Vec<String>,
}

impl Default for Failures {
    fn default() -> Self {
        let (kind, hint, examples) = Default::default();
        Self { kind, hint, count: 1, examples }
    }
}

/// Whether a plan is as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Integrity {
    /// It does not say how that was.
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
    pub(super) policy: Arc<Policy>,
}

/// A step that is none.
pub(super) struct Malformed {
    /// Its names, as far as they are there.
    pub(super) source: String,
    pub(super) target: String,
    pub(super) problem: String,
}

impl PlanFile {
    /// Reads a file; `-` is stdin.
    ///
    /// # Errors
    /// It cannot be read, or is no plan that this release knows.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Self::read_from(std::io::stdin().lock());
        }
        Self::read_from(File::open(path).map_err(|error| format!("it cannot be read: {error}"))?)
    }

    fn read_from(text: impl Read) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_reader(BufReader::new(text));
        let plan = reader.deserialize_map(PlanVisitor).and_then(|plan| reader.end().map(|()| plan));
        let plan = plan.map_err(|error| {
            if error.is_data() {
                // The place where it was noticed says nothing of what is wrong.
                return error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
            }
            if error.is_io() {
                return format!("it cannot be read: {error}");
            }
            format!("it is no whole JSON document: {error}")
        })?;
        Ok(plan.checked())
    }

    /// Those of one shard: as the plan divides them, or by what they have to send. What cannot be read, or is not there, is told
    /// by the first.
    ///
    /// # Errors
    /// The plan is divided for another number of shards.
    pub(super) fn only(mut self, shard: Shard) -> Result<Self, String> {
        if let Some(shards) = self.shards.filter(|shards| *shards != shard.count()) {
            return Err(format!(
                "it is divided for {shards} shards, and --shard {shard} asks for one of {}: write --shard {}/{shards}, or plan \
                 again with --shards {}",
                shard.count(),
                (shard.index() + 1).min(shards),
                shard.count()
            ));
        }
        let all = self.steps.iter().chain(&self.impossible);
        let division = Division::of(shard.count(), all.map(Step::splittable).collect());
        let is_ours = |step: &Step| {
            let owner = || division.owner(&step.image);
            step.shard.map_or_else(owner, |number| number.saturating_sub(1)) == shard.index()
        };
        self.steps.retain(is_ours);
        self.impossible.retain(is_ours);
        if shard.index() > 0 {
            (self.malformed, self.lacks) = Default::default();
        }
        Ok(self)
    }

    /// Without steps that nobody could carry out.
    fn checked(mut self) -> Self {
        let mut targets = HashSet::new();
        for step in std::mem::take(&mut self.steps) {
            let target = as_place(&step.image.target_name()).into_owned();
            let problem = if !targets.insert(target) {
                SECOND.to_owned()
            } else if step.rule >= self.rules.len() {
                format!("`rule` is {}, and there are {} rules", step.rule, self.rules.len())
            } else if step.source_digest.is_none() {
                NOT_KNOWN.to_owned()
            } else {
                self.steps.push(step);
                continue;
            };
            let (source, target) = (step.image.source_name(), step.image.target_name());
            self.malformed.push(Malformed { source, target, problem });
        }
        self
    }
}

struct PlanVisitor;

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
                // What it is, only its schema tells, which may come later.
                "rules" => rules = entries.next_value()?,
                "steps" => {
                    entries.next_value_seed(Steps(&mut plan))?;
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
        plan.rules = serde_json::from_value(rules).map_err(A::Error::custom)?;
        Ok(plan)
    }
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

/// Reads steps one by one; one that cannot be read keeps no other from it.
struct Steps<'a>(&'a mut PlanFile);

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
        while let Some(value) = steps.next_element::<Value>()? {
            self.0.sum.add(&value);
            let name = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (source, target) = (name("source"), name("target"));
            match serde_json::from_value::<Step>(value) {
                Ok(step @ Step { action: Action::Conflict | Action::Missing, .. }) => {
                    self.0.impossible.push(step);
                }
                // No platform of it is wanted.
                Ok(Step { action: Action::Unchanged, result_digest: None, .. }) => {}
                Ok(step) => self.0.steps.push(step),
                Err(error) => {
                    let problem = error.to_string();
                    self.0.malformed.push(Malformed { source, target, problem });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PlanFile, String> {
        PlanFile::read_from(text.as_bytes())
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_it_is() {
        for (text, told) in [
            ("", "no whole JSON document"),
            ("{\"schema\": \"image-syncer/plan/1\"", "no whole JSON document"),
            ("[]", "expected a plan"),
            ("{}", "has no `schema`"),
            ("{\"schema\": 1}", "is no text"),
            ("{\"schema\": \"image-syncer/plan/2\"}", "this release reads image-syncer/plan/1"),
            ("{\"schema\": \"image-syncer/report/1\"}", "a plan's is image-syncer/plan/1"),
            ("{\"schema\": \"image-syncer/plan/1\", \"steps\": {}}", "expected a list of steps"),
            ("{\"schema\": \"image-syncer/plan/1\", \"rules\": []}", "missing field `steps`"),
            ("{\"schema\": \"image-syncer/plan/1\", \"partial\": true, \"steps\": []}", "was stopped"),
            ("{\"rules\": [{}], \"steps\": [], \"schema\": \"image-syncer/plan/1\"}", "missing field"),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text} was read"));
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_step_that_is_none_keeps_no_other_from_being_read() {
        let digest = Digest::sha256(b"x");
        let step = |target: &str, more: &str| {
            format!(r#"{{"rule": 0, "source": "q.io/a:1", "target": "{target}", "action": "create"{more}}}"#)
        };
        let source = format!(r#", "sourceDigest": "{digest}""#);
        let steps = [
            step("r.io/a:1", &source),
            step("r.io/a:2", ""),
            step("r.io/a", &source),
            step("r.io/a:3", r#", "sourceDigest": "sha256:0""#),
            step("r.io/a:4", &source.replace("0,", "7,")).replace("\"rule\": 0", "\"rule\": 7"),
            step("r.io/a:5", &source).replace("create", "delete"),
            step("R.io:443/a:1", &source),
            "7".to_owned(),
        ];
        let policy = serde_json::to_string(&sync::Policy::default()).unwrap();
        let rule =
            format!(r#"{{"name": null, "source": "q.io/a", "targets": ["r.io/a"], "policy": {policy}}}"#);
        let text = format!(
            r#"{{"schema": "{SCHEMA}", "rules": [{rule}], "later": [1], "steps": [{}], "totals": {{}}}}"#,
            steps.join(",")
        );
        let plan = read(&text).unwrap();
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].image.target_name(), "r.io/a:1");
        let malformed: Vec<_> = plan.malformed.iter().map(|step| (&*step.target, &*step.problem)).collect();
        let has = |target: &str, problem: &str| {
            malformed.iter().any(|(name, told)| *name == target && told.contains(problem))
        };
        assert!(has("r.io/a:2", "no `sourceDigest`"), "{malformed:?}");
        assert!(has("r.io/a", "the reference is empty"), "{malformed:?}");
        assert!(has("r.io/a:3", "hexadecimal"), "{malformed:?}");
        assert!(has("r.io/a:4", "`rule` is 7, and there are 1 rules"), "{malformed:?}");
        assert!(has("r.io/a:5", "unknown variant `delete`"), "{malformed:?}");
        assert!(has("R.io:443/a:1", "an earlier step"), "{malformed:?}");
        assert_eq!(malformed.len(), 7);
    }
}
