//! The words and numbers of a variant: `debian-12-r5`.

/// The separators between them.
pub(super) const SEPARATORS: [char; 4] = ['-', '_', '.', '+'];

/// A piece of a variant.
enum Piece<'a> {
    Word(&'a str),
    /// A number; one beyond 64 bits counts as the greatest.
    Number(u64),
    /// A commit: it differs in each build, and does not show which is newer.
    Commit,
    Separator(&'a str),
}

pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.' | b'+')
}

/// Whether a text is an abbreviated git commit, and not a number: 7 to 40 hexadecimal digits with a letter.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=40).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// With `#` for each number and commit.
pub(super) fn name(variant: &str) -> String {
    let shown = |piece| match piece {
        Piece::Word(text) | Piece::Separator(text) => text,
        Piece::Number(_) | Piece::Commit => "#",
    };
    pieces(variant).map(shown).collect()
}

/// The words alone, with hyphens between them.
pub(super) fn words(variant: &str) -> String {
    let word = |piece| if let Piece::Word(text) = piece { Some(text) } else { None };
    pieces(variant).filter_map(word).collect::<Vec<_>>().join("-")
}

/// The numbers, which show which of two builds with the same name is newer.
pub(super) fn numbers(variant: &str) -> impl Iterator<Item = u64> {
    pieces(variant).filter_map(|piece| if let Piece::Number(number) = piece { Some(number) } else { None })
}

fn pieces(variant: &str) -> impl Iterator<Item = Piece<'_>> {
    let (mut rest, mut begins_component) = (variant, true);
    std::iter::from_fn(move || {
        let (piece, length) = first_piece(rest, begins_component)?;
        // After the `g` that `git describe` puts before a commit, the component counts as if it began.
        begins_component = matches!(piece, Piece::Separator(_)) || (begins_component && is_described(rest));
        rest = &rest[length..];
        Some(piece)
    })
}

fn first_piece(text: &str, begins_component: bool) -> Option<(Piece<'_>, usize)> {
    let first = text.chars().next()?;
    let component = &text[..text.find(SEPARATORS).unwrap_or(text.len())];
    Some(if component.is_empty() {
        (Piece::Separator(&text[..1]), 1)
    } else if begins_component && is_commit(component) {
        (Piece::Commit, component.len())
    } else if begins_component && is_described(text) {
        (Piece::Word(&text[..1]), 1)
    } else if first.is_ascii_digit() {
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        (Piece::Number(text[..length].parse().unwrap_or(u64::MAX)), length)
    } else {
        let length = text.find(|next: char| next.is_ascii_digit() || SEPARATORS.contains(&next));
        let length = length.unwrap_or(text.len());
        (Piece::Word(&text[..length]), length)
    })
}

/// Whether a text begins with `g0a1b2c3`, as `git describe` writes a commit.
fn is_described(text: &str) -> bool {
    let component = &text[..text.find(SEPARATORS).unwrap_or(text.len())];
    component.strip_prefix('g').is_some_and(is_commit)
}
