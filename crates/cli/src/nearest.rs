//! Guesses the known word that an unknown word stands for.

/// A known word with at most this many changed letters is taken as the intended one.
const NEAR: usize = 3;

/// The nearest known word, if at most half of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Of two equally near words, the one with the same letters is preferred.
    let nearest =
        known.iter().copied().min_by_key(|known| (changes(word, known), letters(word) != letters(known)))?;
    let (changes, letters) = (changes(word, nearest), nearest.chars().count().max(word.chars().count()));
    (changes <= NEAR && changes * 2 <= letters).then_some(nearest)
}

/// Its letters, sorted: two words with the same letters differ only in their order.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

/// The number of letters to insert, delete, replace or swap with a neighbour to turn one word into the other: the Damerau-Levenshtein
/// distance (optimal string alignment).
pub(crate) fn changes(from: &str, to: &str) -> usize {
    let letters = |word: &str| word.to_lowercase().chars().collect::<Vec<_>>();
    let (from, to) = (letters(from), letters(to));
    let (mut before, mut above) = (Vec::new(), (0..=to.len()).collect::<Vec<usize>>());
    for (line, letter) in from.iter().enumerate() {
        let mut row = vec![line + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut least = replaced.min(above[column + 1] + 1).min(row[column] + 1);
            if line > 0 && column > 0 && *letter == to[column - 1] && from[line - 1] == *other {
                least = least.min(before[column - 1] + 1);
            }
            row.push(least);
        }
        (before, above) = (above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["check", "copy", "expand", "acr", "demo"];
        assert_eq!(nearest("chekc", &known), Some("check"));
        assert_eq!(nearest("EXPAND", &known), Some("expand"));
        assert_eq!((changes("htlm", "html"), changes("abc", "cab"), changes("", "ab")), (1, 2, 2));
        assert_eq!(nearest("cpoy", &known), Some("copy"));
        assert_eq!(nearest("verison", &["verbose", "version"]), Some("version"));
        assert_eq!(nearest("reoprt", &["export", "report"]), Some("report"), "the same letters");
        assert_eq!(nearest("tasg", &["tag", "tags"]), Some("tags"), "the same letters");
        for far in ["version", "foo", "", "a-long-word-of-its-own"] {
            assert_eq!(nearest(far, &known), None, "{far}");
        }
        assert_eq!(nearest("check", &[]), None);
    }
}
