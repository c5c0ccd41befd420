//! Findings as lines, and the exit status that follows from them.

use super::finding::{Blame, Finding, Level, Step};
use crate::exit_code;

/// All findings.
#[derive(Debug, Default)]
pub(super) struct CheckResult {
    pub(super) findings: Vec<Finding>,
    /// Repositories that were skipped because their registry has a problem.
    pub(super) not_checked: Vec<String>,
}

impl CheckResult {
    /// The same result, marked as interrupted by a signal.
    pub(super) fn stopped(mut self) -> Self {
        let what = "stopped by a signal: not everything was looked at";
        self.findings.push(Finding::warning("check", Step::Config, what));
        self
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// 0 without a problem, 4 if all problems are about logins, else 1.
    pub(super) fn exit_code(&self) -> u8 {
        let mut problems = self.findings.iter().filter(|finding| finding.is_problem()).peekable();
        if problems.peek().is_none() {
            exit_code::DONE
        } else if problems.all(|finding| finding.blame == Blame::Login) {
            exit_code::ALL_REFUSED
        } else {
            exit_code::SOME_FAILED
        }
    }

    /// A line for each finding, and a summary.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.findings.iter().map(line);
        lines.chain([self.summary()]).collect()
    }

    fn summary(&self) -> String {
        let counted = |number: usize, one: &str, many: &str| {
            if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
        };
        let (warnings, problems) = (self.count(Level::Warning), self.count(Level::Problem));
        let mut summary = format!(
            "{} ok, {}, {}",
            self.count(Level::Ok),
            counted(warnings, "warning", "warnings"),
            counted(problems, "problem", "problems"),
        );
        if !self.not_checked.is_empty() {
            let skipped = counted(self.not_checked.len(), "repository was", "repositories were");
            summary =
                format!("{summary}; {skipped} not looked at, because of the problem of the registry itself");
        }
        summary
    }
}

fn line(finding: &Finding) -> String {
    let Finding { level, place, rule, step, what, why, next, .. } = finding;
    let level = match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Problem => "problem",
    };
    let step = step.as_str();
    // A finding about the config itself has no registry.
    let place = match rule {
        _ if place == step => step.to_owned(),
        Some(rule) => format!("{place} (rule \"{rule}\"): {step}"),
        None => format!("{place}: {step}"),
    };
    let mut line = format!("{level:<8} {place}: {what}");
    for (name, text) in [("why", why), ("do", next)] {
        if let Some(text) = text {
            line = format!("{line}; {name}: {text}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigError;

    fn outcome(findings: Vec<Finding>) -> CheckResult {
        CheckResult { findings, not_checked: Vec::new() }
    }

    #[test]
    fn a_line_has_three_parts() {
        let finding = Finding::problem("r.io", Step::Login, "refused").why("401 no").next("log in");
        assert_eq!(line(&finding), "problem  r.io: login: refused; why: 401 no; do: log in");
        assert_eq!(line(&Finding::ok("r.io", Step::Tls, "accepted")), "ok       r.io: tls: accepted");
        let refused = ConfigError::new("2 names for 1 image").help("give no name");
        let told = line(&Finding::of_config(&refused));
        assert_eq!(told, "problem  config: 2 names for 1 image; do: give no name");
    }

    #[test]
    fn the_exit_status_tells_logins_apart() {
        let (ok, odd) = (Finding::ok("r", Step::Tls, ""), Finding::warning("r", Step::Tls, ""));
        let login = Finding::problem("r", Step::Login, "").by_login();
        let other = Finding::problem("r", Step::Port, "");
        for (findings, code) in [
            (vec![], 0),
            (vec![ok.clone(), odd.clone()], 0),
            (vec![ok.clone(), login.clone()], 4),
            (vec![login, other.clone()], 1),
            (vec![odd, other], 1),
        ] {
            assert_eq!(outcome(findings).exit_code(), code);
        }
    }

    #[test]
    fn the_summary_counts() {
        let mut outcome = outcome(vec![
            Finding::ok("r", Step::Tls, ""),
            Finding::warning("r", Step::Tls, ""),
            Finding::problem("r", Step::Tls, ""),
            Finding::problem("r", Step::Tls, ""),
        ]);
        assert_eq!(outcome.summary(), "1 ok, 1 warning, 2 problems");
        outcome.not_checked = vec!["r/a".to_owned(), "r/b".to_owned()];
        assert!(
            outcome.summary().ends_with(
                "; 2 repositories were not looked at, because of the problem of the registry itself"
            )
        );
    }
}
