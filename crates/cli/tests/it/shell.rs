//! Help at the command line: `--help`, completions, manual pages, and errors for unknown words.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::Workplace;

/// The verbs that the program itself lists.
fn verbs(workplace: &Workplace) -> Result<Vec<String>> {
    let help = workplace.run("-h")?.expect_code(0)?.stdout;
    let list = help.split("\nConfig:").next().unwrap_or_default();
    let lines = list.lines().filter(|line| line.starts_with("  ") && !line.trim_start().starts_with('-'));
    let words = lines.filter_map(|line| line.split_whitespace().next());
    let verbs: Vec<_> = words.filter(|word| *word != "image-syncer").map(str::to_owned).collect();
    ensure!(verbs.len() > 15 && verbs.iter().any(|verb| verb == "report"), "{help}");
    Ok(verbs)
}

/// The subcommands of verbs.
const BELOW: [&str; 5] = ["acr policy", "acr setup", "acr token", "report merge", "report show"];

#[test]
fn the_short_help_has_one_line_for_each_flag_and_fits_80_columns() -> Result<()> {
    let mut workplace = Workplace::new()?;
    workplace.variable("COLUMNS", "80");
    let verbs = verbs(&workplace)?;
    for verb in verbs.iter().map(String::as_str).chain([""]).chain(BELOW) {
        let help = workplace.run(&format!("{verb} -h"))?.expect_code(0)?.stdout;
        for line in help.lines() {
            ensure!(line.chars().count() <= 80, "{verb}: {line}");
            let indent = line.len() - line.trim_start().len();
            // A continuation line is indented to the text above it.
            ensure!(indent <= 7, "{verb} needs two lines: {line}");
            let is_flag = line.trim_start().starts_with('-');
            ensure!(!is_flag || line.trim_start().contains("  "), "{verb}: nothing is said of {line}");
        }
        if !["", "demo"].contains(&verb) {
            ensure!(help.lines().count() < 70, "{verb} fills more than a screen");
        }
    }
    let headings = ["Config:", "Registries:", "Selection:", "Copying:", "Output:"];
    for heading in headings {
        ensure!(workplace.run("sync -h")?.stdout.contains(&format!("\n{heading}\n")), "{heading}");
    }
    Ok(())
}

#[test]
fn copy_says_what_it_leaves_behind() -> Result<()> {
    let workplace = Workplace::new()?;
    let line = |verb: &str| -> Result<String> {
        let help = workplace.run(&format!("{verb} -h"))?.expect_code(0)?.stdout;
        Ok(help.lines().find(|line| line.contains("--referrers")).unwrap_or_default().to_owned())
    };
    ensure!(line("copy")?.ends_with("Signatures, SBOMs, too: else left behind"), "{}", line("copy")?);
    // A rule of `sync` brings them by itself.
    ensure!(!line("sync")?.contains("left behind"), "{}", line("sync")?);
    let long = workplace.run("copy --help")?.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(long.contains("stay at the source, but for those with a tag that is copied"), "{long}");
    Ok(())
}

#[test]
fn the_long_help_has_examples_and_what_the_status_means() -> Result<()> {
    let workplace = Workplace::new()?;
    for verb in verbs(&workplace)? {
        let help = workplace.run(&format!("{verb} --help"))?.expect_code(0)?.stdout;
        ensure!(help.contains("Examples:\n  "), "{verb}: {help}");
    }
    for verb in ["sync", "copy", "plan", "apply", "check", "verify", "prune", "inspect", "import", "report"] {
        let help = workplace.run(&format!("{verb} --help"))?.stdout;
        ensure!(help.contains("Exit status:\n  0 "), "{verb}: {help}");
    }
    Ok(())
}

#[test]
fn what_is_not_understood_is_told_with_what_was_meant() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("c.yaml", "sync: []\n")?;
    for (line, problem, help) in [
        ("sync --cofnig x", "`image-syncer sync` has no flag `--cofnig`", "did you mean `--config`?"),
        ("--retires 3", "`image-syncer` has no flag `--retires`", "did you mean `--retries`?"),
        ("sync --out x", "`image-syncer sync` has no flag `--out`", "it is a flag of `plan`"),
        ("check --force", "has no flag `--force`", "it is a flag of `sync`, `copy`, `plan`"),
        (
            "sync --exit-cod",
            "has no flag `--exit-cod`",
            "did you mean `--exit-code`, which is a flag of `plan`?",
        ),
        (
            "sync --check",
            "has no flag `--check`",
            "verbs have no dashes, and stand first: `image-syncer check`",
        ),
        ("-config c.yaml", "has no flag `-c`", "did you mean `--config`, with two dashes?"),
        ("sync --zzz", "has no flag `--zzz`", "`image-syncer sync -h` shows its flags"),
        ("sync --color rde", "`rde` is no value of `--color`", "write auto, always or never"),
        ("sync --log-level debgu", "`debgu` is no value of `--log-level`", "did you mean `debug`?"),
        ("schema conf", "`image-syncer schema` knows no `conf`", "did you mean `config`?"),
        ("completions bsh", "`image-syncer completions` knows no `bsh`", "did you mean `bash`?"),
        ("acr polcy", "`image-syncer acr` knows no `polcy`", "did you mean `image-syncer acr policy`?"),
        ("acr", "lacks the word that says what to do", "write policy, token or setup"),
        (
            "acr setup r.io --namespce ab",
            "`image-syncer acr setup` has no flag",
            "did you mean `--namespace`?",
        ),
        (
            "acr policy",
            "`image-syncer acr policy` lacks --instance ID and --namespace NAME",
            "write `image-syncer acr policy --instance ID --namespace NAME`",
        ),
        ("acr setup", " lacks --namespace NAME and HOST", "write `image-syncer acr setup "),
        ("--verison", "`image-syncer` has no flag `--verison`", "did you mean `--version`?"),
        ("sync --verison", "has no flag `--verison`", "did you mean `image-syncer --version`?"),
        (
            "plan --output-failed-images f",
            "`plan` does not take --output-failed-images",
            "`sync` takes this flag",
        ),
        ("copy a", "`image-syncer copy` lacks TARGET...", "write `image-syncer copy SOURCE TARGET...`"),
        ("explain a", "lacks --report FILE", "write `image-syncer explain IMAGE --report FILE`"),
        ("prune --undo-list u", "lacks --apply", "add `--apply`, or leave out what needs it"),
        ("digest a b", "`b` is a word too many for `image-syncer digest`", "write `image-syncer digest REF`"),
        ("sync c.yaml", "`c.yaml` is a word too many", "a file is named by a flag: `--config c.yaml`"),
        (
            "report show f --foo",
            "`image-syncer report show` has no flag `--foo`",
            "`image-syncer report show -h` shows its flags",
        ),
        (
            "report merge --htlm x",
            "`image-syncer report merge` has no flag",
            "did you mean `--html`, which is a flag of `report show`?",
        ),
        ("report show f --out x", "has no flag `--out`", "it is a flag of `report merge`, `plan`"),
        (
            "report merge",
            "`image-syncer report merge` lacks FILE...",
            "write `image-syncer report merge FILE...`",
        ),
        (
            "report show f g",
            "`g` is a word too many for `image-syncer report show`",
            "write `image-syncer report show FILE`",
        ),
        ("sync -q -v", "`--quiet` and `--verbose` exclude each other", "leave one of them out"),
        ("sync --dry-run=yes", "`--dry-run` takes no value", "write `--dry-run` alone"),
        ("sync --config", "`--config` is given without a value", "write `--config FILE`"),
        ("sync --force=x", "`--force=x`: it must be true or false", ""),
        ("sync --proc 0", "`--proc 0`: it must be 1 or more", ""),
        ("chekc", "`chekc` is no verb", "did you mean `image-syncer check`?"),
    ] {
        let ran = workplace.run(line)?.expect_code(2)?;
        let lines: Vec<&str> = ran.stderr.lines().collect();
        let first = lines.first().copied().unwrap_or_default();
        ensure!(first.starts_with("error: ") && first.contains(problem), "{line}: {}", ran.stderr);
        let second = lines.get(1).copied().unwrap_or_default();
        let has_help = if help.is_empty() { second.is_empty() } else { second.starts_with("  help: ") };
        ensure!(has_help && second.contains(help) && lines.len() <= 2, "{line}: {}", ran.stderr);
        ensure!(!ran.stderr.contains("tip:") && ran.stdout.is_empty(), "{line}: {}", ran.all());
    }
    Ok(())
}

/// bash's completions for the last word of a line.
fn completed(workplace: &Workplace, line: &str) -> Result<Vec<String>> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source ./completions; COMP_WORDS=({}); COMP_CWORD={}; COMPREPLY=(); \
         _image__syncer image-syncer '{}' '{}' 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1,
        line.split(' ').next_back().unwrap_or_default(),
        line.split(' ').nth_back(1).unwrap_or_default(),
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(workplace.path()).output()?;
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_verbs_flags_and_values() -> Result<()> {
    let workplace = Workplace::new()?;
    let script = workplace.run("completions bash")?.expect_code(0)?.stdout;
    workplace.write("completions", &script)?;
    for (line, offered) in [
        ("image-syncer ver", "verify"),
        ("image-syncer sync --log-l", "--log-level"),
        ("image-syncer sync --log-level de", "debug"),
        ("image-syncer copy --platform linux/arm64/", "linux/arm64/v8"),
        ("image-syncer schema pl", "plan"),
        ("image-syncer --ret", "--retries"),
        ("image-syncer acr po", "policy"),
        ("image-syncer completions f", "fish"),
    ] {
        let found = completed(&workplace, line)?;
        ensure!(found.iter().any(|word| word == offered), "{line}: {found:?}");
    }
    Ok(())
}

#[test]
fn every_shell_gets_all_verbs() -> Result<()> {
    let workplace = Workplace::new()?;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = workplace.run(&format!("completions {shell}"))?.expect_code(0)?.stdout;
        let more = ["log-level", "include-repository"].map(str::to_owned);
        for word in verbs(&workplace)?.iter().chain(&more) {
            ensure!(script.contains(word), "{shell} does not know {word}");
        }
    }
    Ok(())
}

#[test]
fn the_manual_has_a_page_for_each_verb_with_all_its_flags() -> Result<()> {
    let workplace = Workplace::new()?;
    let page = workplace.run("man")?.expect_code(0)?.stdout;
    ensure!(page.contains(".TH image-syncer 1") && page.contains("image\\-syncer"), "{page}");
    let verbs = verbs(&workplace)?;
    for verb in &verbs {
        ensure!(page.contains(verb.as_str()), "{verb} is not named");
    }
    workplace.run("man --dir share/man/man1")?.expect_code(0)?;
    for verb in verbs.into_iter().chain(BELOW.map(|verb| verb.replace(' ', "-"))) {
        let page = workplace.read(&format!("share/man/man1/image-syncer-{verb}.1"))?;
        ensure!(page.contains(&format!("image\\-syncer\\-{}", verb.replace('-', "\\-"))), "{verb}: {page}");
        let help = workplace.run(&format!("{} -h", verb.replace('-', " ")))?.stdout;
        let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
        for flag in flags.map(|flag| flag.trim_end_matches([',', ')', '.', '\''])) {
            let name = flag.split(['[', '=']).next().context("a flag")?;
            ensure!(page.contains(&name.replace('-', "\\-")), "{verb} has {name}: {page}");
        }
        for section in ["SYNOPSIS", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
            let (plain, quoted) = (format!(".SH {section}\n"), format!(".SH \"{section}\"\n"));
            let is_below = BELOW.iter().any(|below| below.replace(' ', "-") == verb);
            let is_there = page.contains(&plain) || page.contains(&quoted);
            ensure!(is_there || (is_below && section == "EXAMPLES"), "{verb} has no {section}: {page}");
        }
        ensure!(!page.contains("EXTRA") && !page.contains("Exit status:"), "{verb}: {page}");
    }
    let page = workplace.read("share/man/man1/image-syncer-sync.1")?;
    for part in [r"\fB\-\-config\fR \fIFILE\fR]", r"[=\fIBOOL\fR]]", "IMAGE_SYNCER_PROGRESS", "state.redb"] {
        ensure!(page.contains(part), "{part}: {page}");
    }
    workplace.write("file", "")?;
    let refused = workplace.run("man --dir file/man1")?.expect_code(2)?;
    ensure!(refused.stderr.matches("error").count() < 3, "{}", refused.stderr);
    refused.says(&["the folder file/man1 cannot be made"])?;
    Ok(())
}
