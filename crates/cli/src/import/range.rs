//! Converts version ranges, whose syntax differs between tools, to `>=`, `>`, `<`, `<=` and `=` with whole versions, which mean the same
//! everywhere. A range that cannot be converted is an error: nothing is guessed.

/// The syntax of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Operators are joined to numbers, blanks mean AND; lists mean OR.
    Regsync,
    /// skopeo's: <https://github.com/Masterminds/semver#checking-version-constraints>
    Masterminds,
    /// dregsy's: <https://github.com/blang/semver#ranges>
    Blang,
    /// Commas mean AND.
    Ocync,
}

/// A range in our syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) text: String,
    /// Whether it contains a prerelease: then skopeo includes prereleases.
    pub(super) names_prerelease: bool,
}

/// Converts a range; the error says why it cannot be converted.
pub(super) fn rewrite(text: &str, dialect: Dialect) -> Result<Range, String> {
    let has_or = matches!(dialect, Dialect::Masterminds | Dialect::Blang);
    if text.contains("||") && !has_or {
        return Err("`||` is no part of this tool's ranges".to_owned());
    }
    let alternatives: Vec<_> =
        text.split("||").map(|each| alternative(each, dialect)).collect::<Result<_, _>>()?;
    let names_prerelease = alternatives.iter().any(|range| range.names_prerelease);
    let texts: Vec<_> = alternatives.into_iter().map(|range| range.text).collect();
    Ok(Range { text: texts.join(" || "), names_prerelease })
}

/// Comparisons that must all hold.
fn alternative(text: &str, dialect: Dialect) -> Result<Range, String> {
    let has_comma = matches!(dialect, Dialect::Masterminds | Dialect::Ocync);
    if text.contains(',') && !has_comma {
        return Err("a comma is no part of this tool's ranges".to_owned());
    }
    let text = text.replace(',', " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err("a part of the range is empty".to_owned());
    }
    let (mut comparisons, mut names_prerelease, mut index) = (Vec::new(), false, 0);
    while index < words.len() {
        let (comparison, used) = match &words[index..] {
            [from, "-", to, ..] if dialect == Dialect::Masterminds => (format!(">={from} <={to}"), 3),
            [operator, version, ..] if operator.bytes().all(is_operator) && dialect != Dialect::Regsync => {
                (format!("{operator}{version}"), 2)
            }
            [whole, ..] => ((*whole).to_owned(), 1),
            [] => break,
        };
        for each in comparison.split(' ') {
            let rewritten = comparison_of(each, dialect)?;
            names_prerelease |= rewritten.names_prerelease;
            comparisons.extend(rewritten.comparisons);
        }
        index += used;
    }
    let text = if comparisons.is_empty() { ">=0".to_owned() } else { comparisons.join(" ") };
    Ok(Range { text, names_prerelease })
}

struct Comparisons {
    comparisons: Vec<String>,
    names_prerelease: bool,
}

fn is_operator(byte: u8) -> bool {
    b"<>=!~^".contains(&byte)
}

fn comparison_of(text: &str, dialect: Dialect) -> Result<Comparisons, String> {
    let end = text.bytes().take_while(|byte| is_operator(*byte)).count();
    let (operator, version) = text.split_at(end);
    let version = Version::parse(version)?.pad(dialect)?;
    let comparisons = if version.is_any() { any(operator) } else { compare(operator, &version, dialect) };
    let comparisons = comparisons.ok_or_else(|| format!("`{text}` has no equal here"))?;
    Ok(Comparisons { comparisons, names_prerelease: version.prerelease.is_some() })
}

/// The conditions for a comparison with `*`: none if every version matches. `None` if it has no equivalent.
fn any(operator: &str) -> Option<Vec<String>> {
    let fits_all = matches!(operator, "" | "=" | "==" | ">=" | "=>" | "<=" | "=<" | "~" | "~>" | "^");
    fits_all.then(Vec::new)
}

/// The equivalent comparisons with whole versions.
fn compare(operator: &str, version: &Version, dialect: Dialect) -> Option<Vec<String>> {
    let shown = version.shown();
    let span = |end: Version| vec![format!(">={shown}"), format!("<{}", end.shown())];
    let has_tilde = dialect != Dialect::Blang && dialect != Dialect::Ocync;
    // regsync's documentation does not say whether `1.25` is one version or a prefix.
    let is_unclear = dialect == Dialect::Regsync && !version.is_whole;
    Some(match operator {
        "" | "=" | "==" | ">" | "<=" if is_unclear => return None,
        "" | "=" | "==" if version.is_whole => vec![format!("={shown}")],
        "" | "=" | "==" => span(version.next()),
        ">" if version.is_whole => vec![format!(">{shown}")],
        ">" => vec![format!(">={}", version.next().shown())],
        ">=" | "=>" => vec![format!(">={shown}")],
        "<" => vec![format!("<{shown}")],
        "<=" | "=<" if version.is_whole => vec![format!("<={shown}")],
        "<=" | "=<" => vec![format!("<{}", version.next().shown())],
        "~" | "~>" if has_tilde => span(version.upper(2)),
        "^" if has_tilde => {
            let kept = version.numbers.iter().position(|number| *number > 0);
            span(version.upper(kept.map_or(version.numbers.len(), |index| index + 1)))
        }
        _ => return None,
    })
}

/// A version, or a prefix of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    numbers: Vec<u64>,
    prerelease: Option<String>,
    /// Whether it is one version rather than a prefix.
    is_whole: bool,
    /// Whether `x` or `*` is in place of a number.
    has_wildcard: bool,
}

impl Version {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no version");
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let bare = bare.split('+').next().unwrap_or_default();
        let (front, prerelease) = match bare.split_once('-') {
            Some((front, prerelease)) if !prerelease.is_empty() => (front, Some(prerelease.to_owned())),
            Some(_) => return Err(wrong()),
            None => (bare, None),
        };
        let (mut numbers, mut has_wildcard) = (Vec::new(), false);
        for part in front.split('.') {
            if matches!(part, "x" | "X" | "*") {
                has_wildcard = true;
            } else if has_wildcard {
                return Err(wrong());
            } else {
                let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                let number = part.parse().ok().filter(|number| is_number && *number < u64::MAX);
                numbers.push(number.ok_or_else(wrong)?);
            }
        }
        let fits =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        if prerelease.as_deref().is_some_and(|text| !fits(text)) {
            return Err(wrong());
        }
        let is_whole = numbers.len() >= 3 && !has_wildcard;
        Ok(Self { numbers, prerelease, is_whole, has_wildcard })
    }

    /// Fills missing numbers as the tool does.
    fn pad(mut self, dialect: Dialect) -> Result<Self, String> {
        match dialect {
            Dialect::Regsync | Dialect::Ocync if self.has_wildcard => {
                return Err("wildcards are no part of this tool's ranges".to_owned());
            }
            Dialect::Blang if !self.is_whole && !self.has_wildcard => {
                return Err(format!("`{}` is no whole version, as dregsy wants it", self.shown()));
            }
            // ocync compares numbers with zeros for missing ones.
            Dialect::Ocync => {
                self.numbers.resize(self.numbers.len().max(3), 0);
                self.is_whole = true;
            }
            Dialect::Regsync | Dialect::Masterminds | Dialect::Blang => {}
        }
        Ok(self)
    }

    fn is_any(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The first version after this prefix.
    fn next(&self) -> Self {
        self.upper(self.numbers.len())
    }

    /// The first version after those with the same first `kept` numbers.
    fn upper(&self, kept: usize) -> Self {
        let mut numbers = self.numbers.clone();
        numbers.truncate(kept.max(1));
        if let Some(last) = numbers.last_mut() {
            *last += 1;
        }
        Self { numbers, prerelease: None, is_whole: true, has_wildcard: false }
    }

    fn shown(&self) -> String {
        let numbers = self.numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        match &self.prerelease {
            // skopeo's `>=1.2.0-0` means: including prereleases.
            Some(prerelease) if prerelease != "0" => format!("{numbers}-{prerelease}"),
            _ => numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, dialect: Dialect) -> String {
        match rewrite(text, dialect) {
            Ok(range) => range.text,
            Err(reason) => format!("error: {reason}"),
        }
    }

    #[test]
    fn ranges_of_all_tools_become_plain_comparisons() {
        use Dialect::{Blang, Masterminds, Ocync, Regsync};
        for (text, dialect, expected) in [
            (">=1.25.0 <1.26.0", Regsync, ">=1.25.0 <1.26.0"),
            ("^1.2", Regsync, ">=1.2 <2"),
            ("~1.2.3", Regsync, ">=1.2.3 <1.3"),
            (">=v1.20", Regsync, ">=1.20"),
            (">= 3.12", Masterminds, ">=3.12"),
            (">=3.12, < 4 || ~2.7", Masterminds, ">=3.12 <4 || >=2.7 <2.8"),
            ("1.2 - 2", Masterminds, ">=1.2 <3"),
            (">11", Masterminds, ">=12"),
            ("<=1.25", Masterminds, "<1.26"),
            ("=1.25", Masterminds, ">=1.25 <1.26"),
            ("1.2.x", Masterminds, ">=1.2 <1.3"),
            ("*", Masterminds, ">=0"),
            ("^0.2.3", Masterminds, ">=0.2.3 <0.3"),
            ("^0.0.3", Masterminds, ">=0.0.3 <0.0.4"),
            ("^0", Masterminds, ">=0 <1"),
            ("~1", Masterminds, ">=1 <2"),
            (">=1.2.0-0", Masterminds, ">=1.2.0"),
            ("=>1.0.0 =<1.5.0", Masterminds, ">=1.0.0 <=1.5.0"),
            (">=1.31.0 <1.31.9", Blang, ">=1.31.0 <1.31.9"),
            ("> 1.2.3", Blang, ">1.2.3"),
            (">1.x || ==0.9.1", Blang, ">=2 || =0.9.1"),
            (">=1.25, <2", Ocync, ">=1.25.0 <2.0.0"),
            (">1.25", Ocync, ">1.25.0"),
        ] {
            assert_eq!(shown(text, dialect), expected, "{text} {dialect:?}");
        }
    }

    #[test]
    fn what_has_no_equal_is_refused() {
        use Dialect::{Blang, Masterminds, Ocync, Regsync};
        for (text, dialect) in [
            ("!=1.2.3", Masterminds),
            ("!1.2.3", Blang),
            ("^1.2.3", Blang),
            (">=1.2", Blang),
            (">= 1.2.0", Regsync),
            (">=1, <2", Regsync),
            ("1 || 2", Regsync),
            ("^1.2", Ocync),
            ("1.x", Ocync),
            ("1.x", Regsync),
            ("=1.25", Regsync),
            ("", Masterminds),
            ("||", Masterminds),
            ("<*", Masterminds),
            (">=abc", Masterminds),
            (">=1..2", Masterminds),
            (">=18446744073709551615", Masterminds),
        ] {
            assert!(rewrite(text, dialect).is_err(), "{text} {dialect:?}: {}", shown(text, dialect));
        }
    }

    #[test]
    fn a_prerelease_in_a_range_is_known() {
        assert!(rewrite(">=1.2.0-0", Dialect::Masterminds).unwrap().names_prerelease);
        assert!(!rewrite(">=1.2.0", Dialect::Masterminds).unwrap().names_prerelease);
        assert_eq!(shown(">=1.2.0-rc1", Dialect::Masterminds), ">=1.2.0-rc1");
    }
}
