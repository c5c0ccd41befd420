//! Shows a selection to users, with the keys that rules use.

use std::fmt::{self, Display};

use super::age::Age;
use super::latest::{Group, Latest, NewestBy};
use super::tag_selection::{Prereleases, TagSelection};
use super::variant_name::VariantName;

impl Display for TagSelection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut keys = Vec::new();
        for any_of in self.include.iter().filter(|any_of| !any_of.is_empty()) {
            keys.push(format!("include {}", list(any_of)));
        }
        if !self.exclude.is_empty() {
            keys.push(format!("exclude {}", list(&self.exclude)));
        }
        keys.extend(self.semver.iter().map(|range| format!("semver {}", range.text())));
        if !self.variants.is_empty() {
            let name = |variant: &VariantName| match variant.to_string() {
                name if name.is_empty() => "none".to_owned(),
                name => name,
            };
            keys.push(format!("variants {}", list(&self.variants.iter().map(name).collect::<Vec<_>>())));
        }
        if self.prereleases == Prereleases::Select {
            keys.push("prereleases".to_owned());
        }
        keys.extend(self.ages.min().map(|age| format!("minAge {}", Age(age))));
        keys.extend(self.ages.max().map(|age| format!("maxAge {}", Age(age))));
        keys.extend(self.latest.map(|latest| latest.to_string()));
        if !self.pins.is_empty() {
            keys.push(format!("pins {}", list(&self.pins)));
        }
        if self.at_least > 0 {
            keys.push(format!("atLeast {}", self.at_least));
        }
        formatter.write_str(&keys.join("; "))
    }
}

impl Display for Latest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "latest {}", self.count)?;
        if self.by == NewestBy::Pushed {
            formatter.write_str(" by pushed")?;
        }
        if self.per == Group::Repository {
            formatter.write_str(" per repository")?;
        }
        self.parts.map_or(Ok(()), |parts| write!(formatter, " of {parts} parts"))
    }
}

fn list(all: &[impl Display]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::select::{AgeLimits, Matched, Pattern};

    #[test]
    fn selections_are_told_with_the_keys_of_rules() {
        let patterns = |texts: &[&str]| {
            texts.iter().map(|text| Pattern::new(text, Matched::Tags).unwrap()).collect::<Vec<_>>()
        };
        let selection = TagSelection {
            include: vec![patterns(&["v*", "/^r/"]), vec![]],
            exclude: patterns(&["*-rc*"]),
            semver: vec![">=1 <2".parse().unwrap()],
            variants: vec!["".parse().unwrap(), "alpine".parse().unwrap()],
            ages: AgeLimits::new(Some(Duration::from_secs(86_400)), None).unwrap(),
            latest: Some(Latest::new(5).unwrap().by(NewestBy::Pushed).per(Group::Repository)),
            pins: vec![oci::TagOrDigest::Tag("stable".parse().unwrap())],
            at_least: 1,
            ..TagSelection::default()
        };
        let told = "include v*, /^r/; exclude *-rc*; semver >=1 <2; variants none, alpine; minAge 1d; \
                    latest 5 by pushed per repository; pins stable; atLeast 1";
        assert_eq!(selection.to_string(), told);
    }
}
