//! Finds the first unusable field of a step that was edited by hand, and what to write there.

use oci::Digest;
use oci::foreign_text::clean_to;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync::{Action, Image, Policy, WantedReferrers};

/// The most bytes of a wrong value that an error shows.
const LONGEST: usize = 80;

/// A problem, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip {
    /// The field, and its problem.
    pub(super) problem: String,
    /// The advice what to write instead.
    pub(super) instead: String,
}

/// The values that a field of a step takes.
struct Field {
    name: &'static str,
    check: fn(&Value) -> Result<(), String>,
    presence: Presence,
    takes: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Needed,
    /// Optional; `null` is allowed.
    Free,
}

const NAME: &str = "`HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`";
const DIGEST: &str = "a digest, such as `sha256:` with 64 hexadecimal digits, or null";
const NUMBER: &str = "a whole number";

const FIELDS: [Field; 13] = [
    needed("rule", number, "the place of a rule in `rules`, counted from 0"),
    needed("source", name, NAME),
    needed("target", name, NAME),
    needed(
        "action",
        is::<Action>,
        "`create`, `update`, `retag`, `referrers`, `unchanged`, `conflict` or `missing`",
    ),
    free("sourceDigest", digest, DIGEST),
    free("targetDigest", digest, DIGEST),
    free("resultDigest", digest, DIGEST),
    free("bytes", number, NUMBER),
    free("bytesMounted", number, NUMBER),
    free("referrers", number, NUMBER),
    free("note", text, "a text, or null"),
    free("referrersWanted", is::<WantedReferrers>, "`none`, `tagged`, `untagged` or `all`"),
    free("shard", number, "the number of a shard, counted from 1"),
];

const fn needed(name: &'static str, check: fn(&Value) -> Result<(), String>, takes: &'static str) -> Field {
    Field { name, check, presence: Presence::Needed, takes }
}

const fn free(name: &'static str, check: fn(&Value) -> Result<(), String>, takes: &'static str) -> Field {
    Field { name, check, presence: Presence::Free, takes }
}

impl Slip {
    /// The problem of a step that serde could not read for the reason `why`.
    pub(super) fn of(step: &Value, why: &serde_json::Error) -> Self {
        if !step.is_object() {
            let problem = format!("it is {}", shown(step));
            return Self { problem, instead: "write an object in `{}`, like the other steps".to_owned() };
        }
        FIELDS.iter().find_map(|field| field.slip(step)).unwrap_or_else(|| of_policy(step, why))
    }
}

impl Field {
    fn slip(&self, step: &Value) -> Option<Slip> {
        let Self { name, check, presence, takes } = self;
        let problem = match step.get(name) {
            None | Some(Value::Null) if *presence == Presence::Free => return None,
            None => format!("it has no `{name}`"),
            Some(value) => format!("`{name}` is {}: {}", shown(value), check(value).err()?),
        };
        Some(Slip { problem, instead: format!("write for `{name}` {takes}") })
    }
}

/// The problem of the policy, if all other fields are right.
fn of_policy(step: &Value, why: &serde_json::Error) -> Slip {
    let wrong = step.get("policy").and_then(|policy| serde_json::from_value::<Policy>(policy.clone()).err());
    let problem = match wrong {
        Some(wrong) => format!("`policy` cannot be used: {wrong}"),
        None => format!("it cannot be read: {why}"),
    };
    Slip { problem, instead: "leave `policy` out to take that of the step's rule".to_owned() }
}

fn number(value: &Value) -> Result<(), String> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.map(drop).ok_or_else(|| "that is no whole number".to_owned())
}

fn text(value: &Value) -> Result<(), String> {
    value.as_str().map(drop).ok_or_else(|| "that is no text".to_owned())
}

fn name(value: &Value) -> Result<(), String> {
    let text = value.as_str().ok_or("that is no text")?;
    Image::check_name(text).map_err(|error| error.to_string())
}

fn digest(value: &Value) -> Result<(), String> {
    let text = value.as_str().ok_or("that is no text")?;
    text.parse::<Digest>().map(drop).map_err(|error| error.to_string())
}

/// Checks that the value is one of the words of `T`.
fn is<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    let read = serde_json::from_value::<T>(value.clone());
    read.map(drop).map_err(|_| "that is none of its words".to_owned())
}

fn shown(value: &Value) -> String {
    clean_to(&value.to_string(), LONGEST).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::plan_file::tests::step;
    use super::*;
    use crate::output::plan::Step;

    fn slip(edited: &Value) -> Option<Slip> {
        let error = serde_json::from_value::<Step>(edited.clone()).err()?;
        Some(Slip::of(edited, &error))
    }

    #[test]
    fn every_slip_names_its_field_and_what_to_write_there() {
        let whole: Value = serde_json::from_str(&step("r.io/a:1", "")).unwrap();
        assert_eq!(slip(&whole), None);
        for (field, value, told) in [
            ("rule", "-1", "`rule` is -1: that is no whole number"),
            ("rule", "\"0\"", "`rule` is \"0\": that is no whole number"),
            ("source", "\"\"", "`source` is \"\": it names neither a tag nor a digest"),
            ("source", "\"q.io:5000/a\"", "`source` is \"q.io:5000/a\": it names neither a tag nor a digest"),
            ("target", "7", "`target` is 7: that is no text"),
            ("target", "\"r.io/a:.x\"", "`target` is \"r.io/a:.x\": "),
            ("action", "\"delete\"", "`action` is \"delete\": that is none of its words"),
            ("sourceDigest", "\"sha256:0\"", "`sourceDigest` is \"sha256:0\": "),
            ("targetDigest", "[]", "`targetDigest` is []: that is no text"),
            ("resultDigest", "\"\"", "`resultDigest` is \"\": "),
            ("bytes", "1.5", "`bytes` is 1.5: that is no whole number"),
            ("bytesMounted", "true", "`bytesMounted` is true: that is no whole number"),
            ("referrers", "-1", "`referrers` is -1: that is no whole number"),
            ("note", "1", "`note` is 1: that is no text"),
            ("referrersWanted", "\"some\"", "`referrersWanted` is \"some\": that is none of its words"),
            ("shard", "\"1/2\"", "`shard` is \"1/2\": that is no whole number"),
        ] {
            let mut edited = whole.clone();
            edited[field] = serde_json::from_str(value).unwrap();
            let Slip { problem, instead } = slip(&edited).unwrap_or_else(|| panic!("{field} {value}"));
            assert!(problem.starts_with(told), "{problem}");
            assert!(instead.contains(&format!("`{field}`")), "{instead}");
        }
        for field in FIELDS.iter().filter(|field| field.presence == Presence::Needed) {
            let mut edited = whole.clone();
            edited.as_object_mut().unwrap().remove(field.name);
            assert_eq!(slip(&edited).unwrap().problem, format!("it has no `{}`", field.name));
        }
        let mut edited = whole.clone();
        edited["policy"] = 7.into();
        assert!(slip(&edited).unwrap().problem.starts_with("`policy` cannot be used: "));
        assert_eq!(slip(&7.into()).unwrap().problem, "it is 7");
    }
}
