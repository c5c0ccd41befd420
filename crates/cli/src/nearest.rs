//! What somebody most likely meant who wrote a word that is not known.

/// Nearer than so many changed letters a known word is most likely meant.
const NEAR: usize = 3;

/// The known word that is nearest, if at most half of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let nearest = known.iter().copied().min_by_key(|known| changes(word, known))?;
    let (changes, letters) = (changes(word, nearest), nearest.chars().count().max(word.chars().count()));
    (changes <= NEAR && changes * 2 <= letters).then_some(nearest)
}

/// How many letters have to be put in, taken out or replaced to make one word of the other: Levenshtein's distance.
pub(crate) fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["check", "copy", "expand", "acr", "demo"];
        assert_eq!(nearest("chekc", &known), Some("check"));
        assert_eq!(nearest("EXPAND", &known), Some("expand"));
        assert_eq!(nearest("cpoy", &known), Some("copy"));
        for far in ["version", "foo", "", "a-long-word-of-its-own"] {
            assert_eq!(nearest(far, &known), None, "{far}");
        }
        assert_eq!(nearest("check", &[]), None);
    }
}
