//! The table of figures, for terminals and documents.

use super::result::{Results, Row, float};
use super::tool::SKOPEO;

const HEADINGS: [&str; 13] = [
    "scenario",
    "tool",
    "runs",
    "wall s",
    "÷ skopeo",
    "CPU s",
    "registries' CPU s",
    "busy",
    "peak MiB",
    "requests",
    "÷ floor",
    "read MiB",
    "right",
];

/// All rows as Markdown, which is readable on a terminal, too.
pub(super) fn text(results: &Results) -> String {
    let cells = results.rows.iter().map(|row| cells(results, row));
    markdown(&HEADINGS, cells.collect())
}

/// A table whose columns are as wide as they need.
pub(super) fn markdown<const COLUMNS: usize>(
    headings: &[&str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    // A bar would begin a new cell.
    lines.extend(rows.into_iter().map(|row| row.map(|cell| cell.replace('|', r"\|"))));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cells: &[String; COLUMNS]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rule = widths.map(|width| "-".repeat(width + 2)).join("|");
    let (first, rest) = lines.split_first().expect("the headings are there");
    let body: String = rest.iter().map(line).collect();
    format!("{}|{rule}|\n{body}", line(first))
}

fn cells(results: &Results, row: &Row) -> [String; HEADINGS.len()] {
    let mebibytes = |bytes: f64| format!("{:.0}", bytes / f64::from(1 << 20));
    let to_skopeo =
        results.row(&row.scenario, SKOPEO).map(|skopeo| row.wall_seconds() / skopeo.wall_seconds());
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    [
        row.scenario.clone(),
        row.tool.clone(),
        row.samples.len().to_string(),
        format!("{:.2}", row.wall_seconds()),
        ratio(to_skopeo),
        format!("{:.2}", row.median(|sample| sample.usage.cpu_seconds)),
        format!("{:.2}", row.median(|sample| sample.registries_cpu_seconds)),
        format!("{:.0} %", row.busy(results.machine.cores) * 100.0),
        format!("{:.0}", row.median(|sample| float(sample.usage.peak_kib)) / 1024.0),
        format!("{:.0}", row.requests()),
        ratio(row.to_floor()),
        mebibytes(row.median(|sample| float(sample.traffic.read_bytes))),
        right(row),
    ]
}

/// The worst run counts.
fn right(row: &Row) -> String {
    let worst = row.samples.iter().min_by_key(|sample| sample.right);
    let failed = row.samples.iter().any(|sample| sample.usage.code != 0);
    let counted = worst.map_or_else(String::new, |sample| format!("{}/{}", sample.right, sample.wanted));
    if failed { format!("{counted}, failed") } else { counted }
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::results;
    use super::*;

    #[test]
    fn a_row_has_medians_and_ratios() {
        let mut results = results(&[("big cold", "ours", &[1.0, 3.0, 2.0]), ("big cold", SKOPEO, &[8.0])]);
        results.machine.cores = 2;
        let text = text(&results);
        let ours: Vec<&str> = text.lines().nth(2).unwrap().split('|').map(str::trim).collect();
        assert_eq!(
            ours[1..14],
            [
                "big cold", "ours", "3", "2.00", "0.25", "1.00", "2.00", "75 %", "20", "102", "1.02", "1",
                "3/3"
            ]
        );
        assert!(
            text.lines().all(|line| line.chars().count() == text.lines().next().unwrap().chars().count())
        );
    }

    #[test]
    fn a_bar_in_a_name_is_no_border() {
        assert!(markdown(&["tool"], vec![["curl | curl".to_owned()]]).contains(r"| curl \| curl |"));
    }

    #[test]
    fn what_went_wrong_once_is_shown() {
        let mut results = results(&[("big cold", "ours", &[1.0, 1.0])]);
        (results.rows[0].samples[1].right, results.rows[0].samples[1].usage.code) = (1, 1);
        assert!(text(&results).contains("1/3, failed"));
    }
}
