//! `image-syncer import`: converts another tool's config to ours. The config goes to stdout, notes about the conversion to stderr.

use super::refuse::refuse;
use crate::args::{ImportArgs, Tool};
use crate::config::{ConfigError, ConfigFile, OtherTool, recognise};
use crate::exit_code;
use crate::import::{Imported, Kind, Note, Options, import};
use crate::output::{print_verbatim, say, warn};

const FLAGS_OF_SKOPEO: &str = "--to, --scoped and --all say what stands on skopeo's command line";

/// Prints the config; returns the exit status.
pub(crate) fn run(args: &ImportArgs) -> u8 {
    let (file, imported) = match read(args) {
        Ok(read) => read,
        Err(error) => return refuse(&[error]),
    };
    file.warnings().iter().for_each(|warning| warn(warning));
    for (kind, heading) in
        [(Kind::Kept, "kept"), (Kind::Changed, "changed in meaning"), (Kind::LeftOut, "left out")]
    {
        tell(&file, heading, imported.notes.iter().filter(|note| note.kind == kind));
    }
    let Some(config) = imported.config else {
        let none = file.whole("no rule could be made of it: see what was left out");
        return refuse(&[none]);
    };
    // The config may hold the other file's passwords, so it must be printed unchanged. The printer has already escaped control characters.
    print_verbatim(config.trim_end());
    exit_code::DONE
}

fn read(args: &ImportArgs) -> Result<(ConfigFile, Imported), ConfigError> {
    let file = ConfigFile::read(&args.file)?;
    let tool = tool(args.from.map(Tool::other), &file)?;
    let is_skopeo = tool == OtherTool::Skopeo;
    if !is_skopeo && (args.to.is_some() || args.scoped || args.all) {
        let problem =
            format!("{FLAGS_OF_SKOPEO}, but this is a file for {}, which says it itself", tool.name());
        return Err(file.whole(&problem).help("leave them out"));
    }
    if tool != OtherTool::Harbor && args.harbor.is_some() {
        let problem = format!("--harbor is for Harbor's policies, but this is a file for {}", tool.name());
        return Err(file.whole(&problem).help("leave it out"));
    }
    let options = Options {
        to: args.to.as_deref(),
        scoped: args.scoped,
        all: args.all,
        harbor: args.harbor.as_deref(),
    };
    let Some(made) = import(&file.root, tool, options) else { return Err(not_read(&file, tool)) };
    // The error does not show the line: it may hold a password.
    let made = made.map_err(|slip| file.whole(&slip.problem).line(slip.line))?;
    Ok((file, made))
}

/// The tool of the file: from the flag, or else from the content. A flag that contradicts the content is an error.
fn tool(given: Option<OtherTool>, file: &ConfigFile) -> Result<OtherTool, ConfigError> {
    match (given, recognise(&file.root)) {
        (Some(given), Some(seen)) if given != seen => {
            let problem = format!("this is no file for {}: it looks like one for {}", given.name(), seen.name());
            let error = file.whole(&problem);
            Err(match Tool::of(seen) {
                Some(tool) => error.help(format!("write `--from {}`, or leave --from out", tool.word())),
                None => error,
            })
        }
        (Some(tool), _) | (None, Some(tool)) => Ok(tool),
        (None, None) => Err(file.whole("this looks like a file of none of the tools that are known").help(
            "write `--from TOOL` with one of regsync, skopeo, dregsy, ocync, harbor; a file of this program's own needs no import",
        )),
    }
}

fn not_read(file: &ConfigFile, tool: OtherTool) -> ConfigError {
    let problem = format!("this is a file for {}, of which no rules are made", tool.name());
    file.whole(&problem)
        .help("files of regsync, skopeo, dregsy and ocync are read, and Harbor's replication policies")
}

fn tell<'a>(file: &ConfigFile, heading: &str, notes: impl Iterator<Item = &'a Note>) {
    let notes: Vec<_> = notes.collect();
    if notes.is_empty() {
        return;
    }
    say(&format!("{heading} ({}):", notes.len()));
    for Note { what, why, line, .. } in notes {
        let place = line.map(|line| format!("{}:{line}: ", file.shown())).unwrap_or_default();
        say(&format!("  {place}{what}: {why}"));
    }
}

impl Tool {
    fn other(self) -> OtherTool {
        match self {
            Self::Regsync => OtherTool::Regsync,
            Self::Skopeo => OtherTool::Skopeo,
            Self::Dregsy => OtherTool::Dregsy,
            Self::Ocync => OtherTool::Ocync,
            Self::Harbor => OtherTool::Harbor,
        }
    }

    fn of(other: OtherTool) -> Option<Self> {
        [Self::Regsync, Self::Skopeo, Self::Dregsy, Self::Ocync, Self::Harbor]
            .into_iter()
            .find(|tool| tool.other() == other)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Regsync => "regsync",
            Self::Skopeo => "skopeo",
            Self::Dregsy => "dregsy",
            Self::Ocync => "ocync",
            Self::Harbor => "harbor",
        }
    }
}
