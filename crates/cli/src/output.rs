//! The output of a run. stdout is for results that programs read, stderr for people.

pub(crate) mod amount_text;
mod annotations;
mod asked_noun;
mod canvas;
mod display;
mod failure;
mod fleet_standing;
mod foreign;
mod hosts;
pub(crate) mod image_file;
pub(crate) mod inspect;
mod json_document;
mod json_lines;
pub(crate) mod json_schema;
mod last_line;
mod layout;
mod left_out;
mod lines;
mod log_file;
mod nothing;
mod number;
mod output_file;
mod own_stream;
mod paint;
pub(crate) mod plan;
mod progress;
mod progress_form;
mod progress_json;
mod prune;
mod record;
mod records;
pub(crate) mod remainder;
pub(crate) mod replaced;
mod report_form;
mod report_html;
pub(crate) mod report_json;
mod report_markdown;
mod report_text;
mod report_words;
mod rule_names;
mod rule_text;
mod say;
mod selected;
mod size;
mod sorted;
mod speed;
mod spool;
mod standard;
mod status;
mod stopping;
mod stream;
mod summary;
mod tally;
mod taskbar;
mod terminal;
mod verdict_words;
pub(crate) mod verified;
mod volume;
mod worker_shares;
mod worth;

pub(crate) use annotations::annotations;
pub(crate) use display::Display;
pub(crate) use failure::Failure;
#[cfg(feature = "fleet")]
pub(crate) use fleet_standing::{AskFleet, FleetStanding, FleetWorker};
pub(crate) use hosts::ask_hosts;
pub(crate) use lines::{again, again_because};
pub(crate) use log_file::{LogFile, LogForm};
pub(crate) use number::counted;
pub(crate) use output_file::{Document, OutputFile, is_stdout};
pub(crate) use paint::{Colour, Paint, choose as choose_colour};
pub(crate) use progress_form::{Asked as AskedProgress, choose as choose_progress};
pub(crate) use progress_json::schema as progress_schema;
pub(crate) use prune::{Problem, PruneOutcome, schema as prune_schema};
pub(crate) use record::{Ended, ImageRecord};
pub(crate) use records::{Gathered, Recorder, Records};
pub(crate) use report_form::ReportForm;
pub(crate) use report_markdown::write as write_markdown;
pub(crate) use report_text::lines as report_lines;
pub(crate) use rule_names::RuleNames;
pub(crate) use rule_text::{PlannedRule, behind, covers, made, pairs_of};
pub(crate) use say::{
    note, print, print_json, print_lines, print_verbatim, say, say_lines, tell_panics, warn,
};
pub(crate) use size::size;
pub(crate) use standard::{finish, finish_results, leave, leave_picture, let_results_go, write_to_stdout};
pub(crate) use status::{Several, Status};
pub(crate) use stopping::stopping;
pub(crate) use stream::Flushed;
pub(crate) use summary::{failures, old_sentence, table, verified_table};
pub(crate) use tally::Tally;
pub(crate) use verified::{Verified, VerifiedRecorder};
pub(crate) use volume::Volume;
#[cfg(feature = "fleet")]
pub(crate) use worker_shares::{Loss, Share};
pub(crate) use worker_shares::{WorkerEntry, WorkerShares};

/// Whether all output on stderr is for programs.
pub(crate) fn is_for_programs() -> bool {
    json_lines::is_spoken()
}

/// Prints the last line for programs, with the result of the run.
pub(crate) fn say_summary_line(done: &crate::done::Done, code: u8) {
    if is_for_programs() {
        standard::stderr_text(&progress_json::summary_line(done, code));
    }
}
