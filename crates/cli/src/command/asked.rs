//! The options of a run that its verb sets, beside the flags.

use std::path::Path;

use ::sync::{Mode, Shard, Verification};
use oci::Digest;

use crate::args::NamedFile;
use crate::done::Done;
use crate::exit_code;
use crate::output::{self, image_file, plan, print, report_json, verified, write_to_stdout};

/// The options of a run that its verb sets, beside the flags.
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'static str,
    pub(crate) results: Results,
    /// Whether a run that finds no image has failed.
    pub(crate) needs_images: bool,
    pub(crate) digest_file: Option<&'a Path>,
    /// The file that the plan is written to.
    pub(crate) plan_file: Option<&'a Path>,
    /// The files that the run reads: it must not overwrite one.
    pub(crate) inputs: Vec<NamedFile>,
    /// The shard to copy, if not all images.
    pub(crate) shard: Option<Shard>,
    /// The fingerprint of a division that was made before the run, as in a plan.
    pub(crate) split: Option<Digest>,
    /// The number of shards that a plan is divided for.
    pub(crate) shards: Option<usize>,
    /// The fleet that carries the images, if workers do.
    #[cfg(feature = "fleet")]
    pub(crate) fleet: Option<super::fleet::FleetRun>,
    /// The digest of the config, for a plan.
    pub(crate) config_digest: Option<Digest>,
}

impl Asked<'_> {
    /// The options of a verb that carries out a config.
    pub(crate) fn of_config(verb: &'static str, results: Results) -> Self {
        let (digest_file, plan_file, inputs, shard, split, shards, config_digest) = Default::default();
        Self {
            verb,
            results,
            needs_images: false,
            digest_file,
            plan_file,
            inputs,
            shard,
            split,
            shards,
            #[cfg(feature = "fleet")]
            fleet: None,
            config_digest,
        }
    }

    /// The command that goes on with the run if it is stopped.
    pub(super) fn goes_on(&self) -> &'static str {
        #[cfg(feature = "fleet")]
        if self.fleet.as_ref().is_some_and(super::fleet::FleetRun::has_joined_by_name) {
            return "the same command without --run goes on";
        }
        "the same command goes on"
    }

    /// The config's path, as the user typed it.
    pub(super) fn config(&self) -> Option<String> {
        let is_config = |file: &&NamedFile| matches!(file.name, "--config" | "--images");
        self.inputs.iter().find(is_config).map(|file| file.path.display().to_string())
    }
}

/// What a run prints on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Results {
    /// The sentence that the Go tool's scripts look for.
    OldSentence,
    /// A line for each image that stands at a target.
    Images,
    /// The report, for programs.
    Report,
    /// The plan.
    Plan(PlanResults),
    /// The findings of `verify`.
    Verification(VerifyResults),
    /// Nothing: the exit status is the result.
    Nothing,
}

/// The form of a result: for programs or for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// The document for programs.
    Json,
}

impl Form {
    /// The form that `--json` selects.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// The meaning of the exit status of `plan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusOfPlan {
    /// Whether the plan could be made.
    Made,
    /// Also whether the plan has changes.
    Changes,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlanResults {
    pub(crate) shown: plan::Shown,
    pub(crate) form: Form,
    pub(crate) status: StatusOfPlan,
}

/// How `verify` looks at targets, and how its findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifyResults {
    pub(crate) how: Verification,
    pub(crate) form: Form,
}

impl Results {
    /// Whether the output names images.
    pub(super) fn name_images(self) -> bool {
        matches!(self, Self::Images | Self::Report)
    }

    /// Whether the output is a plan.
    pub(super) fn is_plan(self) -> bool {
        matches!(self, Self::Plan(_))
    }

    /// Whether the output is one document, so that nothing else may go to stdout.
    pub(super) fn is_document(self) -> bool {
        matches!(
            self,
            Self::Report
                | Self::Plan(PlanResults { form: Form::Json, .. })
                | Self::Verification(VerifyResults { form: Form::Json, .. })
        )
    }

    /// The exit status of a run in which nothing failed.
    pub(super) fn status(self, done: &Done) -> u8 {
        match (self, &done.plan) {
            (Self::Plan(PlanResults { status: StatusOfPlan::Changes, .. }), Some(plan))
                if !plan.is_empty() =>
            {
                exit_code::CHANGES
            }
            _ => exit_code::DONE,
        }
    }

    /// The kind of verification, if the run only verifies.
    pub(super) fn verification(self) -> Option<Verification> {
        match self {
            Self::Verification(VerifyResults { how, .. }) => Some(how),
            _ => None,
        }
    }

    /// The mode of the run.
    pub(super) fn mode(self, is_dry_run: bool) -> Mode {
        match self.verification() {
            Some(how) => Mode::Verify(how),
            None if is_dry_run => Mode::Plan,
            None => Mode::Copy,
        }
    }

    pub(super) fn print(self, done: &Done, sentence: &str, code: u8) -> std::io::Result<()> {
        match self {
            Self::OldSentence => {
                print(sentence);
                // A reader that does not read this line loses nothing, so the end of the program does not wait for it.
                output::let_results_go();
                Ok(())
            }
            Self::Images => write_to_stdout(|writer| image_file::write_standing(&done.records, writer)),
            Self::Report => write_to_stdout(|writer| {
                report_json::write(&report_json::facts(done, code), &done.records, writer)
            }),
            Self::Plan(results) => {
                let Some(plan) = &done.plan else { return Ok(()) };
                write_to_stdout(|writer| match results.form {
                    Form::Json => plan::write(plan, done, writer),
                    Form::Text => plan::print(plan, done, results.shown, writer),
                })
            }
            Self::Verification(VerifyResults { form, .. }) => {
                let Some(verified) = &done.verified else { return Ok(()) };
                write_to_stdout(|writer| match form {
                    Form::Json => verified::write(verified, done, code, writer),
                    Form::Text => verified.print(writer),
                })
            }
            Self::Nothing => Ok(()),
        }
    }
}
