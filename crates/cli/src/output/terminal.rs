//! The terminal of stderr: its size, and its foreground job.

use console::Term;

use super::stream::Screen;

/// The terminal's size and state, for the writer thread.
pub(super) const SCREEN: Screen = Screen { columns, is_ours };

/// The size if the terminal does not report one.
const SIZE: (usize, usize) = (24, 80);

/// Rows and columns: from the terminal, or else from `LINES` and `COLUMNS`.
pub(super) fn size() -> (usize, usize) {
    let told = Term::stderr().size_checked().map(|(rows, columns)| (rows.into(), columns.into()));
    told.filter(|(rows, columns)| *rows > 0 && *columns > 0)
        .unwrap_or_else(|| set(|name| std::env::var(name).ok()))
}

fn columns() -> usize {
    size().1
}

/// Whether this process is in the terminal's foreground. A process without job control, as in a container, always is.
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
