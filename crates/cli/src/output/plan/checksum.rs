//! Detects changes to a plan: a digest of its rules and steps. Indentation and the order of keys do not count, so that other tools may
//! reformat a plan.

use oci::Digest;
use serde_json::Value;

/// Sums up the steps, one by one, and finally the rules.
pub(crate) struct Checksum {
    steps: Digest,
}

impl Default for Checksum {
    fn default() -> Self {
        Self { steps: Digest::sha256(b"") }
    }
}

impl Checksum {
    /// Adds the next step.
    pub(crate) fn add(&mut self, step: &Value) {
        self.steps = next(&self.steps, step);
    }

    /// The sum of these rules and all steps.
    pub(crate) fn with(&self, rules: &Value) -> Digest {
        next(&self.steps, rules)
    }
}

/// The keys of a [`Value`] are sorted, so their order in the file does not matter.
fn next(before: &Digest, value: &Value) -> Digest {
    Digest::sha256(format!("{before}\n{value}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(steps: &[&str], rules: &str) -> Digest {
        let mut sum = Checksum::default();
        for step in steps {
            sum.add(&serde_json::from_str(step).unwrap());
        }
        sum.with(&serde_json::from_str(rules).unwrap())
    }

    #[test]
    fn only_what_stands_in_it_counts() {
        let (steps, rules) = ([r#"{"a": 1, "b": [2]}"#, r#"{"c": null}"#], "[{}]");
        let whole = sum(&steps, rules);
        assert_eq!(sum(&[r#"{ "b":[ 2 ],"a":1 }"#, steps[1]], rules), whole);
        for other in [&steps[..1], &[steps[1], steps[0]], &[r#"{"a": 1, "b": [3]}"#, steps[1]]] {
            assert_ne!(sum(other, rules), whole, "{other:?}");
        }
        assert_ne!(sum(&steps, "[]"), whole);
    }
}
