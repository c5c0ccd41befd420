//! What a verb asks of a run beside its flags.

use std::path::Path;

use ::sync::{Mode, Shard, Verification};
use oci::Digest;

use crate::args::NamedFile;
use crate::done::Done;
use crate::exit_code;
use crate::output::{self, image_file, plan, print, report_json, verified, write_to_stdout};

/// What a verb asks for beside its flags.
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'static str,
    pub(crate) results: Results,
    /// Whether a run that finds no image is a failure.
    pub(crate) needs_images: bool,
    pub(crate) digest_file: Option<&'a Path>,
    /// Where a plan is written.
    pub(crate) plan_file: Option<&'a Path>,
    /// Files that are read: none of them is written over.
    pub(crate) inputs: Vec<NamedFile>,
    /// Which part of the images is meant, where not all are.
    pub(crate) shard: Option<Shard>,
    /// How the parts were divided before the run, as those of a plan are.
    pub(crate) split: Option<Digest>,
    /// For how many shards a plan is divided.
    pub(crate) shards: Option<usize>,
    /// Through whom images are handed out, where workers bring them.
    #[cfg(feature = "fleet")]
    pub(crate) fleet: Option<super::fleet::FleetRun>,
    /// Stands for the config in a plan.
    pub(crate) config_digest: Option<Digest>,
}

impl Asked<'_> {
    /// A verb that carries a config out.
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

    /// The config, as it was named.
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
    /// What a run would do.
    Plan(PlanResults),
    /// What was found at targets.
    Verification(VerifyResults),
    /// The exit status says it.
    Nothing,
}

/// Whom a result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// The document for programs.
    Json,
}

impl Form {
    /// As `--json` says.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// What the exit status says of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusOfPlan {
    /// Whether it could be made.
    Made,
    /// And whether something is to be done.
    Changes,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlanResults {
    pub(crate) shown: plan::Shown,
    pub(crate) form: Form,
    pub(crate) status: StatusOfPlan,
}

/// How targets are looked at, and how that is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifyResults {
    pub(crate) how: Verification,
    pub(crate) form: Form,
}

impl Results {
    /// Whether it names images.
    pub(super) fn name_images(self) -> bool {
        matches!(self, Self::Images | Self::Report)
    }

    /// Whether it says what a run would do.
    pub(super) fn is_plan(self) -> bool {
        matches!(self, Self::Plan(_))
    }

    /// Whether it is one document, which bears nothing beside it.
    pub(super) fn is_document(self) -> bool {
        matches!(
            self,
            Self::Report
                | Self::Plan(PlanResults { form: Form::Json, .. })
                | Self::Verification(VerifyResults { form: Form::Json, .. })
        )
    }

    /// The status of a run in which nothing failed.
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

    /// What targets are looked at for, where nothing else is done.
    pub(super) fn verification(self) -> Option<Verification> {
        match self {
            Self::Verification(VerifyResults { how, .. }) => Some(how),
            _ => None,
        }
    }

    /// What a run does that is asked for this.
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
                // Whoever does not read it does not miss it.
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
