//! One manual page, with the usual sections in the usual order.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::help::{Help, Part};
use super::place::{ENVIRONMENT, FILES, Place};
use super::synopsis::{synopsis, unbroken};

/// The page of a command.
pub(super) fn page(command: Command) -> String {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(command.clone()).source(format!("image-syncer {version}")).manual("image-syncer");
    let mut page = Vec::new();
    // Writing to a vector does not fail.
    let _ = render(&command, &man, &mut page);
    String::from_utf8_lossy(&page).into_owned()
}

fn render(command: &Command, man: &Man, page: &mut Vec<u8>) -> io::Result<()> {
    let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let help = Help::of(&help);
    man.render_title(page)?;
    man.render_name_section(page)?;
    if command.get_overridden_usage().is_some() {
        man.render_synopsis_section(page)?;
    } else {
        synopsis(command).to_writer(page)?;
    }
    man.render_description_section(page)?;
    page.extend(options(man)?.into_bytes());
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    exit_status(&help).to_writer(page)?;
    places("ENVIRONMENT", &ENVIRONMENT, command).to_writer(page)?;
    places("FILES", &FILES, command).to_writer(page)?;
    examples(&help).to_writer(page)?;
    see_also(command).to_writer(page)
}

/// The section of options, with their headings as subsections.
fn options(man: &Man) -> io::Result<String> {
    let mut text = Vec::new();
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let first = text.find(".SH ").map_or(0, |at| at + 1);
    Ok(format!("{}{}", &text[..first], text[first..].replace("\n.SH ", "\n.SS ")))
}

fn exit_status(help: &Help) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    match &help.exit_status {
        Some(lines) => verbatim(&mut roff, lines),
        None => _ = roff.text([roman("As the table in "), bold("image-syncer"), roman("(1) says.")]),
    }
    roff
}

fn examples(help: &Help) -> Roff {
    let mut roff = Roff::new();
    if !help.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for part in &help.examples {
        match part {
            Part::Lines(lines) => verbatim(&mut roff, lines),
            Part::Heading(heading) => _ = roff.control("SS", [*heading]),
            Part::Sentence(text) => _ = roff.control("PP", []).text([roman(*text)]),
        }
    }
    roff
}

/// Lines that are not refilled.
fn verbatim(roff: &mut Roff, lines: &[&str]) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []);
}

/// The places that a command reads.
fn places(section: &str, all: &[Place], command: &Command) -> Roff {
    let mut roff = Roff::new();
    let mut places = all.iter().filter(|place| place.concerns(command)).peekable();
    if places.peek().is_some() {
        roff.control("SH", [section]);
    }
    for place in places {
        roff.control("TP", []);
        roff.text([bold(place.name)]);
        roff.text([roman(place.what)]);
    }
    roff
}

/// The program's page, and those of sibling commands and subcommands.
fn see_also(command: &Command) -> Roff {
    let name = command.get_name();
    let mut pages: Vec<_> =
        command.get_subcommands().map(|verb| format!("{name}-{}", verb.get_name())).collect();
    if let Some((above, _)) = name.rsplit_once('-').filter(|(above, _)| *above != "image") {
        pages.insert(0, above.to_owned());
        if above != "image-syncer" {
            pages.insert(0, "image-syncer".to_owned());
        }
    }
    let mut words = Vec::new();
    for page in pages {
        words.extend([bold(page), roman("(1), ")]);
    }
    if let Some(last) = words.last_mut() {
        *last = roman("(1)");
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.extend([unbroken(words)]);
    roff
}
