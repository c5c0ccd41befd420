//! The terminal of stderr: how large it is, and whose.

use console::Term;

use super::stream::Screen;

/// As what is written there needs to know it.
pub(super) const SCREEN: Screen = Screen { columns, is_ours };

/// Of a terminal that does not tell.
const SIZE: (usize, usize) = (24, 80);

/// Rows and columns: as the terminal says, or else `LINES` and `COLUMNS`.
pub(super) fn size() -> (usize, usize) {
    let told = Term::stderr().size_checked().map(|(rows, columns)| (rows.into(), columns.into()));
    told.filter(|(rows, columns)| *rows > 0 && *columns > 0)
        .unwrap_or_else(|| set(|name| std::env::var(name).ok()))
}

fn columns() -> usize {
    size().1
}

/// Whether this program is in the foreground there. One that is no terminal's job at all, as in a container, has it for itself.
#[expect(unsafe_code, reason = "the standard library does not tell whose a terminal is")]
fn is_ours() -> bool {
    // SAFETY: both calls only ask the kernel.
    let (foreground, own) = unsafe { (libc::tcgetpgrp(libc::STDERR_FILENO), libc::getpgrp()) };
    foreground < 0 || foreground == own
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
