//! Splits the text at the end of `--help`: a terminal shows it as it is, a manual page has a section for each part.

/// The parts of the text.
pub(super) struct Help<'a> {
    /// The table below `Exit status:`, without its indent.
    pub(super) exit_status: Option<Vec<&'a str>>,
    /// All other parts in order, without the heading `Examples:`.
    pub(super) examples: Vec<Part<'a>>,
}

/// A part of the examples.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Indented lines: commands and their meaning.
    Lines(Vec<&'a str>),
    /// A line above an indented part that has no examples, without its colon.
    Heading(&'a str),
    /// Text about the examples.
    Sentence(&'a str),
}

impl<'a> Help<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (mut exit_status, mut examples) = (None, Vec::new());
        let mut is_in_table = false;
        for line in text.lines().filter(|line| !line.is_empty()) {
            match (line.strip_prefix("  "), line.strip_suffix(':')) {
                (Some(indented), _) if is_in_table => exit_status.get_or_insert_with(Vec::new).push(indented),
                (Some(indented), _) => match examples.last_mut() {
                    Some(Part::Lines(lines)) => lines.push(indented),
                    _ => examples.push(Part::Lines(vec![indented])),
                },
                (None, Some("Exit status")) => is_in_table = true,
                (None, heading) => {
                    is_in_table = false;
                    examples.push(heading.map_or(Part::Sentence(line), Part::Heading));
                }
            }
        }
        examples.retain(|part| *part != Part::Heading("Examples"));
        Self { exit_status, examples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_sentences_and_the_table_are_told_apart() {
        let text =
            "Examples:\n  a b\n  a c\n\nLook:\n  d\n\nExit status:\n  0  well\n     so far\n\nThat is all.";
        let help = Help::of(text);
        assert_eq!(help.exit_status, Some(vec!["0  well", "   so far"]));
        let expected = [
            Part::Lines(vec!["a b", "a c"]),
            Part::Heading("Look"),
            Part::Lines(vec!["d"]),
            Part::Sentence("That is all."),
        ];
        assert_eq!(help.examples, expected);
    }
}
