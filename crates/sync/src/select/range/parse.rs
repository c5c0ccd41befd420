//! Parses `>=1.20 <2 || 3.x`.

use oci::TagVersion;

use super::bound::{Alternative, Interval, Written};
use super::error::RangeError;

/// The operators before a version; the longer ones first.
const OPERATORS: [&str; 7] = [">=", "<=", ">", "<", "=", "^", "~"];
/// Operators of other languages, with the ones to use instead.
const FOREIGN: [(&str, &str); 6] =
    [("==", "="), ("=>", ">="), ("=<", "<="), ("~>", "~"), ("~=", "~"), ("^=", "^")];

/// Parses a range: one alternative or several.
pub(super) fn range(text: &str) -> Result<Vec<Alternative>, RangeError> {
    if text.trim().is_empty() {
        return Err(RangeError::Empty);
    }
    let alternatives = text.split("||").map(|alternative| {
        let read = conditions(alternative, text)?;
        let never = read.iter().any(|one| read.iter().any(|other| one.begins_behind(other)));
        if never { Err(RangeError::Never { text: alternative.trim().to_owned() }) } else { Ok(read) }
    });
    alternatives.collect()
}

/// Parses conditions that must all hold, separated by commas or blanks.
fn conditions(alternative: &str, range: &str) -> Result<Alternative, RangeError> {
    let mut read = Vec::new();
    for part in alternative.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        if words.is_empty() {
            return Err(RangeError::Gap { text: range.to_owned() });
        }
        let mut words = &words[..];
        while !words.is_empty() {
            let (interval, rest) = condition(words, range)?;
            read.push(interval);
            words = rest;
        }
    }
    Ok(read)
}

/// Parses the condition at the beginning of `words`: `A - B`, `>= 1`, `>=1`.
fn condition<'a, 'w>(words: &'w [&'a str], range: &str) -> Result<(Interval, &'w [&'a str]), RangeError> {
    match words {
        [from, "-", to, rest @ ..] => {
            let interval = Interval { from: version(from)?.at_least().from, to: version(to)?.at_most().to };
            Ok((interval, rest))
        }
        [operator, rest @ ..] if OPERATORS.contains(operator) => match rest {
            [text, rest @ ..] => Ok((compare(operator, text)?, rest)),
            [] => Err(RangeError::NoVersion { operator: (*operator).to_owned(), text: range.to_owned() }),
        },
        [word, rest @ ..] => {
            let operator = OPERATORS.into_iter().find(|operator| word.starts_with(operator)).unwrap_or("");
            refuse_foreign(word)?;
            Ok((compare(operator, &word[operator.len()..])?, rest))
        }
        [] => Err(RangeError::Gap { text: range.to_owned() }),
    }
}

fn refuse_foreign(word: &str) -> Result<(), RangeError> {
    if word.starts_with('!') {
        return Err(RangeError::Not { text: word.to_owned() });
    }
    match FOREIGN.into_iter().find(|(foreign, _)| word.starts_with(foreign)) {
        Some((foreign, ours)) => Err(RangeError::Operator { text: foreign.to_owned(), ours }),
        None => Ok(()),
    }
}

fn compare(operator: &str, text: &str) -> Result<Interval, RangeError> {
    let written = version(text)?;
    let never = || RangeError::Never { text: format!("{operator}{text}") };
    match operator {
        ">=" => Ok(written.at_least()),
        "<=" => Ok(written.at_most()),
        ">" => written.above().ok_or_else(never),
        "<" => written.below().ok_or_else(never),
        "^" => Ok(written.compatible()),
        "~" => Ok(written.close()),
        _ => Ok(written.exactly()),
    }
}

fn version(text: &str) -> Result<Written, RangeError> {
    let (mut numbers, mut has_wildcard) = (text, false);
    while let Some(before) = numbers.strip_suffix(['x', 'X', '*']) {
        match before.strip_suffix('.') {
            Some(before) => (numbers, has_wildcard) = (before, true),
            None if matches!(before, "" | "v" | "V") => return Ok(Written::ANY),
            None => break,
        }
    }
    let not_one = || RangeError::Version { text: text.to_owned() };
    let read = TagVersion::parse(numbers).ok_or_else(not_one)?;
    if has_wildcard && (read.prerelease.is_some() || !read.variant.is_empty()) {
        return Err(not_one());
    }
    match read.variant.bytes().next() {
        None => Ok(Written::new(&read, has_wildcard)),
        Some(b'0'..=b'9') if text.contains('-') => Err(RangeError::Hyphen { text: text.to_owned() }),
        Some(first) if first.is_ascii_alphabetic() && !is_comparison(read.variant) => {
            Err(RangeError::Variant { text: text.to_owned(), variant: read.variant.to_owned() })
        }
        Some(_) => Err(not_one()),
    }
}

/// Whether an apparent variant contains the next condition: `1.20<2`, `1.x>2`.
fn is_comparison(variant: &str) -> bool {
    variant.contains(['<', '>', '=', '^', '~', '*']) || variant.starts_with(['x', 'X'])
}
