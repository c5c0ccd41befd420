//! How large the terminal of stderr is.

use console::Term;

/// Of a terminal that does not tell.
const SIZE: (usize, usize) = (24, 80);

/// Rows and columns: as the terminal says, or else `LINES` and `COLUMNS`.
pub(super) fn size() -> (usize, usize) {
    let told = Term::stderr().size_checked().map(|(rows, columns)| (rows.into(), columns.into()));
    told.filter(|(rows, columns)| *rows > 0 && *columns > 0)
        .unwrap_or_else(|| set(|name| std::env::var(name).ok()))
}

pub(super) fn columns() -> usize {
    size().1
}

fn set(lookup: impl Fn(&str) -> Option<String>) -> (usize, usize) {
    let number = |name: &str| lookup(name)?.parse().ok().filter(|number| *number > 0);
    (number("LINES").unwrap_or(SIZE.0), number("COLUMNS").unwrap_or(SIZE.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_what_the_terminal_does_not() {
        let of = |value: Option<&str>| set(|name| value.filter(|_| name == "COLUMNS").map(str::to_owned));
        assert_eq!(of(Some("132")), (24, 132));
        assert_eq!((of(Some("0")), of(Some("wide")), of(None)), (SIZE, SIZE, SIZE));
    }
}
