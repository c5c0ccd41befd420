//! Texts that fit a width, and their symbols. All characters of names and numbers take one column.

use crate::output::Paint;

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbols {
    Unicode,
    Ascii,
}

impl Symbols {
    /// With a locale other than UTF-8, the terminal may show characters other than ASCII wrongly.
    pub(crate) fn of_locale(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| lookup(name).filter(|value| !value.is_empty()));
        let is_utf8 = |locale: String| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        if set.is_none_or(is_utf8) { Self::Unicode } else { Self::Ascii }
    }

    /// Full, partial, empty.
    fn of_bar(self) -> [&'static str; 3] {
        match self {
            Self::Unicode => ["━", "╸", "─"],
            Self::Ascii => ["=", ">", "-"],
        }
    }

    fn cut(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "..",
        }
    }

    /// A bar of this many cells.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and a few dozen"
    )]
    pub(super) fn bar(self, fraction: f64, cells: usize, paint: Paint) -> String {
        let [full, begun, empty] = self.of_bar();
        let halves = (fraction.clamp(0.0, 1.0) * (cells * 2) as f64) as usize;
        let filled = format!("{}{}", full.repeat(halves / 2), if halves % 2 == 1 { begun } else { "" });
        format!("{}{}", paint.green(&filled), empty.repeat(cells - halves.div_ceil(2)))
    }
}

/// The width of a text in columns.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// The first text that fits, or else the last one, cut.
pub(super) fn fitting<const N: usize>(texts: [String; N], columns: usize) -> String {
    let mut last = String::new();
    for text in texts {
        if width(&text) <= columns {
            return text;
        }
        last = text;
    }
    last.chars().take(columns).collect()
}

/// The text, cut at the end if it does not fit.
pub(super) fn cut_end(text: &str, columns: usize, symbols: Symbols) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let sign = symbols.cut();
    let kept: String = text.chars().take(columns.saturating_sub(width(sign))).collect();
    if columns <= width(sign) { kept } else { kept + sign }
}

/// The text, cut in the middle if it does not fit: both ends of a name matter more.
pub(super) fn cut_middle(text: &str, columns: usize, symbols: Symbols) -> String {
    let sign = symbols.cut();
    let (length, room) = (width(text), columns.saturating_sub(width(sign)));
    if length <= columns {
        return text.to_owned();
    }
    // The end has the tag, so it gets more room.
    let front = room / 3;
    let start: String = text.chars().take(front).collect();
    let end: String = text.chars().skip(length - (room - front)).collect();
    if columns <= width(sign) { text.chars().take(columns).collect() } else { format!("{start}{sign}{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_in_the_middle() {
        let name = "team/platform/gateway/app:v1.0.0";
        for (columns, unicode, ascii) in [
            (40, name, name),
            (32, name, name),
            (20, "team/p…ay/app:v1.0.0", "team/p..y/app:v1.0.0"),
            (10, "tea…v1.0.0", "te..v1.0.0"),
            (3, "….0", "..0"),
            (1, "t", "t"),
            (0, "", ""),
        ] {
            assert_eq!(cut_middle(name, columns, Symbols::Unicode), unicode, "{columns}");
            assert_eq!(cut_middle(name, columns, Symbols::Ascii), ascii, "{columns}");
        }
        assert_eq!(cut_end("looking for images", 8, Symbols::Unicode), "looking…");
    }

    #[test]
    fn a_bar_is_as_wide_as_it_should_be() {
        let plain = Paint::never();
        for (fraction, bar) in [(0.0, "────"), (0.13, "╸───"), (0.5, "━━──"), (0.99, "━━━╸"), (2.0, "━━━━")]
        {
            assert_eq!(Symbols::Unicode.bar(fraction, 4, plain), bar, "{fraction}");
        }
        assert_eq!(Symbols::Ascii.bar(0.4, 4, plain), "=>--");
    }

    #[test]
    fn the_locale_says_what_can_be_shown() {
        let of = |variables: &[(&str, &str)]| {
            Symbols::of_locale(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Symbols::Unicode);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8")]), Symbols::Unicode);
        assert_eq!(of(&[("LANG", "C.utf8"), ("LC_ALL", "")]), Symbols::Unicode);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]), Symbols::Ascii);
        assert_eq!(of(&[("LANG", "en_US.ISO-8859-1")]), Symbols::Ascii);
    }
}
