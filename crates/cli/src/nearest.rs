//! What somebody most likely meant who wrote a word that is not known.

/// Nearer than so many changed letters a known word is most likely meant.
const NEAR: usize = 3;

/// The known word that is nearest, if at most half of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Of two that are equally near the one with the same letters is meant.
    let nearest =
        known.iter().copied().min_by_key(|known| (changes(word, known), letters(word) != letters(known)))?;
    let (changes, letters) = (changes(word, nearest), nearest.chars().count().max(word.chars().count()));
    (changes <= NEAR && changes * 2 <= letters).then_some(nearest)
}

/// Its letters in order: two words with the same ones differ in their places alone.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

/// How many letters have to be put in, taken out, replaced or changed with their neighbours to make one word of the other: the
/// distance of Damerau and Levenshtein, of which each letter is changed once.
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
