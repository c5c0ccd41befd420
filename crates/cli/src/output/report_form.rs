//! The format of a report, chosen by its file's ending.

use std::io::Write;
use std::path::Path;

use super::records::Records;
use super::report_html;
use super::report_json::{self, Facts};

/// For programs, or for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportForm {
    Json,
    /// A self-contained HTML page.
    Page,
}

impl ReportForm {
    pub(crate) fn of(path: &Path) -> Self {
        let is_page = |ending: &std::ffi::OsStr| {
            ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm")
        };
        if path.extension().is_some_and(is_page) { Self::Page } else { Self::Json }
    }

    pub(crate) fn write(
        self,
        facts: &Facts,
        records: &Records,
        writer: &mut dyn Write,
    ) -> std::io::Result<()> {
        match self {
            Self::Json => report_json::write(facts, records, writer),
            Self::Page => report_html::write(facts, records, writer),
        }
    }
}
