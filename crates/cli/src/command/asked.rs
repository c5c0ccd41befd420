//! What a verb asks of a run beside its flags.

use std::path::Path;

use crate::done::Done;
use crate::output::{self, image_file, print, report_json, write_to_stdout};

/// What a verb asks for beside its flags.
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'static str,
    pub(crate) results: Results,
    /// Whether a run that finds no image is a failure.
    pub(crate) needs_images: bool,
    pub(crate) digest_file: Option<&'a Path>,
}

impl Asked<'_> {
    /// A verb that carries a config out.
    pub(crate) fn of_config(verb: &'static str, results: Results) -> Self {
        Self { verb, results, needs_images: false, digest_file: None }
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
    /// The exit status says it.
    Nothing,
}

impl Results {
    /// Whether it names images.
    pub(super) fn name_images(self) -> bool {
        matches!(self, Self::Images | Self::Report)
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
            Self::Report => write_to_stdout(|writer| report_json::write(done, code, writer)),
            Self::Nothing => Ok(()),
        }
    }
}
