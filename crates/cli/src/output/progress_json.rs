//! The progress of a run for programs: a line of JSON for each reported event, described by `schema progress`.

mod schema;

use std::sync::Arc;

use serde::Serialize;
use sync::{Error, Event, ImageReport, Outcome};

use super::failure::{Failure, explain};
use super::fleet_standing::FleetStanding;
use super::json_lines::{line, now};
use super::progress::{Row, View};
use super::record::ImageRecord;
use super::report_json::{self, Alike, Totals};
use super::rule_names::RuleNames;
use crate::diagnostic;
use crate::done::Done;

pub(crate) use schema::schema;

/// All lines except messages in words.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line<'a> {
    Status {
        time: String,
        seconds_elapsed: u64,
        /// The middle of the estimated range.
        seconds_remaining: Option<u64>,
        bytes_done: u64,
        /// The known bytes.
        bytes_total: u64,
        bytes_per_second: Option<u64>,
        images_done: u64,
        images_total: u64,
        images_failed: u64,
        /// Whether lists are still being read, which may add images.
        listing: bool,
        /// Images in work, in answer to SIGUSR1.
        #[serde(skip_serializing_if = "Option::is_none")]
        in_work: Option<Vec<InWork>>,
        /// The fleet's status, in answer to SIGUSR1.
        #[serde(skip_serializing_if = "Option::is_none")]
        fleet: Option<FleetStanding>,
    },
    Image {
        time: String,
        #[serde(flatten)]
        image: Box<ImageRecord>,
    },
    Error {
        time: String,
        message: String,
        rule: Option<&'a str>,
        source: String,
        target: Option<String>,
        /// Set if it will be retried.
        seconds_until_retry: Option<f64>,
        error: Failure,
    },
    Summary {
        time: String,
        schema: &'static str,
        run: &'a str,
        command: &'static str,
        exit_code: u8,
        seconds_elapsed: f64,
        totals: Totals,
        failures: Vec<Alike>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InWork {
    source: String,
    target: String,
    seconds: u64,
    bytes_done: u64,
    bytes_total: Option<u64>,
}

fn status(view: &View, in_work: Option<Vec<InWork>>, fleet: Option<FleetStanding>) -> String {
    line(&Line::Status {
        time: now(),
        seconds_elapsed: view.elapsed.as_secs(),
        seconds_remaining: view.remaining.seconds(),
        bytes_done: view.sent,
        bytes_total: view.total,
        bytes_per_second: view.per_second,
        images_done: view.images.ended(),
        images_total: view.images.planned,
        images_failed: view.images.failed,
        listing: view.lists,
        in_work,
        fleet,
    })
}

pub(super) fn status_line(view: &View) -> String {
    status(view, None, None)
}

/// The status with images and workers, in answer to SIGUSR1.
pub(super) fn status_of_all(view: &View, fleet: Option<FleetStanding>) -> String {
    let in_work = |row: &Row| InWork {
        source: row.image.source_name(),
        target: row.image.target_name(),
        seconds: row.took.as_secs(),
        bytes_done: row.sent,
        bytes_total: row.total,
    };
    status(view, Some(view.rows.iter().map(in_work).collect()), fleet)
}

/// `tries`: the number of retries of its steps.
pub(super) fn image_line(ended: &ImageReport, names: &RuleNames, tries: u64) -> String {
    let image = Box::new(ImageRecord::new(ended, names.label(ended.rule), tries));
    line(&Line::Image { time: now(), image })
}

/// The line for a failure, if the event is one.
pub(super) fn error_line(event: &Event, names: &RuleNames) -> Option<String> {
    let of = |error: &Arc<Error>, rule: Option<usize>, source: String, target, wait: Option<f64>| {
        line(&Line::Error {
            time: now(),
            message: diagnostic::short(error),
            rule: rule.and_then(|rule| names.label(rule)),
            source,
            target,
            seconds_until_retry: wait,
            error: explain(error),
        })
    };
    Some(match event {
        Event::ImageFinished(ended) => {
            let Outcome::Failed(error) = &ended.outcome else { return None };
            let (source, target) = (ended.image.source_name(), ended.image.target_name());
            of(error, Some(ended.rule), source, Some(target), None)
        }
        Event::RuleFailed(failure) => {
            of(&failure.error, Some(failure.rule), failure.source.to_string(), None, None)
        }
        Event::Retrying { image, error, wait, .. } => {
            of(error, None, image.source_name(), Some(image.target_name()), Some(wait.as_secs_f64()))
        }
        Event::RetryingList { source, error, wait } => {
            of(error, None, source.to_string(), None, Some(wait.as_secs_f64()))
        }
        _ => return None,
    })
}

/// The last line.
pub(crate) fn summary_line(done: &Done, exit_code: u8) -> String {
    line(&Line::Summary {
        time: now(),
        schema: "image-syncer/progress/1",
        run: done.run.id.as_str(),
        command: done.run.command,
        exit_code,
        seconds_elapsed: done.report.took.as_secs_f64(),
        totals: report_json::totals(done),
        failures: report_json::alike(&done.failures),
    })
}
