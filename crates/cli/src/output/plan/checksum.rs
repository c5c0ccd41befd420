//! Tells a plan that was changed since it was written: a digest of its rules and steps. How they are indented and in which order
//! their keys stand does not count, so that a plan may go through a program that prints it again.

use oci::Digest;
use serde_json::Value;

/// Sums steps up, one by one, and rules at the end.
pub(crate) struct Checksum {
    steps: Digest,
}

impl Default for Checksum {
    fn default() -> Self {
        Self { steps: Digest::sha256(b"") }
    }
}

impl Checksum {
    /// Takes the next step.
    pub(crate) fn add(&mut self, step: &Value) {
        self.steps = next(&self.steps, step);
    }

    /// The sum of these rules and all steps.
    pub(crate) fn with(&self, rules: &Value) -> Digest {
        next(&self.steps, rules)
    }
}

/// The keys of a [`Value`] are sorted.
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
