//! GitHub's annotations of a workflow run: a line for each cause of failures.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use oci::foreign_text::clean_to;

use super::asked_noun;
use super::number::{counted, grouped};
use super::remainder::and_more;
use super::report_json::{self, Facts, FailureGroup};
use super::report_words::place;
use crate::done::Done;

/// GitHub shows no more errors per step.
const MOST: usize = 10;
/// The number of refusals to list.
const NAMED: usize = 5;
/// The most bytes of one text.
const LONGEST: usize = 2048;

/// A command for each cause, the most frequent first. If there are too many causes, the last command says so.
pub(crate) fn annotations(done: &Done, code: u8) -> Vec<String> {
    annotations_of(&report_json::facts(done, code), asked_noun::of(done))
}

/// `asked`: the nouns, singular and plural, for refused rules or names.
fn annotations_of(facts: &Facts, asked: [&str; 2]) -> Vec<String> {
    let causes = &facts.tail.failures;
    let mut lines: Vec<_> = refused(facts, asked).into_iter().collect();
    let room = MOST - lines.len();
    let shown = if causes.len() > room { room - 1 } else { room };
    lines.extend(causes.iter().take(shown).map(|group| command(&title(group), &text(group))));
    if let Some(more) = causes.len().checked_sub(shown).filter(|more| *more > 0) {
        let failed: u64 = causes.iter().skip(shown).map(|group| group.count).sum();
        let more = counted(more as u64, "more cause", "more causes");
        lines.push(command(
            &format!("{more} of failures"),
            &format!("{} failed for them: see the report", grouped(failed)),
        ));
    }
    lines
}

/// All refusals in one command.
fn refused(facts: &Facts, [one, many]: [&str; 2]) -> Option<String> {
    let words = &facts.tail.refused_rules;
    let named = words.iter().take(NAMED).map(|words| clean_to(words, LONGEST)).collect::<Vec<_>>().join("\n");
    let rest = match words.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("\nand {}: see the report", counted(more as u64, "more refusal", "more refusals")),
    };
    let title = format!("{} cannot be carried out", counted(facts.head.totals.refused, one, many));
    (!words.is_empty()).then(|| command(&title, &format!("{named}{rest}")))
}

fn title(group: &FailureGroup) -> String {
    format!("{} failed: {}", grouped(group.count), place(group))
}

fn text(group: &FailureGroup) -> String {
    let more = and_more(group.count.saturating_sub(group.examples.len() as u64));
    let rest = more.map(|more| format!(" {more}")).unwrap_or_default();
    let examples =
        group.examples.iter().map(|example| clean_to(example, LONGEST)).collect::<Vec<_>>().join("\n");
    format!(
        "{}\nNext: {}\n{examples}{rest}",
        clean_to(&group.message, LONGEST),
        clean_to(&group.hint, LONGEST)
    )
}

/// `::error title=...::...`: one command on one line, with its texts escaped.
fn command(title: &str, text: &str) -> String {
    let title = escape(&clean_to(title, LONGEST)).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{}", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::report_json::Facts;

    const RULES: [&str; 2] = ["rule", "rules"];

    fn facts(causes: usize) -> Facts {
        let mut facts = Facts::default();
        let group = |number: usize| FailureGroup {
            count: 7,
            side: "target".to_owned(),
            host: format!("r{number}.io:5000"),
            message: "50% of it\r\n::warning::mine, all: mine".to_owned(),
            hint: "ask".to_owned(),
            examples: vec!["r.io/a:v1".to_owned()],
            ..FailureGroup::default()
        };
        facts.tail.failures = (0..causes).map(group).collect();
        facts
    }

    #[test]
    fn foreign_text_is_no_command_of_its_own() {
        let lines = annotations_of(&facts(1), RULES);
        assert_eq!(
            lines,
            [
                "::error title=7 failed%3A target r0.io%3A5000::50%25 of it\\r\\n::warning::mine, all: mine%0ANext: ask%0Ar.io/a:v1 and 6 more"
            ]
        );
    }

    #[test]
    fn what_is_refused_stands_first_and_counts_as_one() {
        let mut facts = facts(30);
        facts.head.totals.refused = 12;
        facts.tail.refused_rules = (0..7).map(|number| format!("rule {number}")).collect();
        let lines = annotations_of(&facts, ["name", "names"]);
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines[0],
            "::error title=12 names cannot be carried out::rule 0%0Arule 1%0Arule 2%0Arule 3%0Arule 4%0Aand 2 more refusals: see the report"
        );
        assert!(lines[9].contains("22 more causes"), "{}", lines[9]);
    }

    #[test]
    fn there_are_ten_at_most_and_the_last_one_counts_the_rest() {
        assert_eq!(annotations_of(&facts(10), RULES).len(), 10);
        let lines = annotations_of(&facts(30), RULES);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[9], "::error title=21 more causes of failures::147 failed for them: see the report");
    }
}
