//! Errors of files with rules and logins.

use anyhow::Result;
use futures_util::future::BoxFuture;

use super::Message;
use super::shown::Shown;
use crate::process::Workplace;

pub(super) const MESSAGES: &[Message] = &[
    Message {
        title: "The config is not there",
        cause: "The file that is named does not exist; the path begins at the folder that the command runs in.",
        what_to_do: "Check the name, or go to the file's folder.",
        what: &["mirro.yaml"],
        why: &["the file does not exist"],
        next: &["did you mean `mirror.yaml`?"],
        code: 2,
        show: || config("mirror.yaml", "sync: []\n", "sync --config mirro.yaml"),
    },
    Message {
        title: "Wrong indentation in YAML",
        cause: "The lines of one map do not begin in one column.",
        what_to_do: "Give the marked line the same indentation as its neighbours.",
        what: &["c.yaml:3:3"],
        why: &["this is not valid YAML"],
        next: &["begin in one column"],
        code: 2,
        show: || config("c.yaml", "images:\n    a.io/b: c.io/d\n  e.io/f: g.io/h\n", "sync --config c.yaml"),
    },
    Message {
        title: "A comma too many in JSON",
        cause: "JSON takes no comma behind the last entry.",
        what_to_do: "Remove the comma.",
        what: &["c.json:1:31"],
        why: &["this is not valid JSON: this comma has nothing behind it"],
        next: &["remove the comma"],
        code: 2,
        show: || config("c.json", "{\"images\": {\"a.io/b\": \"c.io/d\",}}", "sync --config c.json"),
    },
    Message {
        title: "A key that means nothing",
        cause: "A rule of `sync` has a key that it does not know: most likely a slip.",
        what_to_do: "Write the key that is named; `docs/configuration.md` lists all.",
        what: &["c.yaml:4:5"],
        why: &["`platform` means nothing"],
        next: &["did you mean `platforms`?"],
        code: 2,
        show: || {
            let text = "sync:\n  - from: a.io/b\n    to: c.io/d\n    platform: [linux/amd64]\n";
            config("c.yaml", text, "sync --config c.yaml")
        },
    },
    Message {
        title: "A variable that is not set",
        cause: "The login comes from a variable of the environment that is not there.",
        what_to_do: "Export the variable, also for the service or container that runs the command.",
        what: &["c.yaml:2", "the auth entry `a.io`"],
        why: &["passwordEnv `REGISTRY_PASSWORD`, but that variable is not set or empty"],
        next: &["export the variable"],
        code: 2,
        show: || {
            let text =
                "auth:\n  a.io: {username: u, passwordEnv: REGISTRY_PASSWORD}\nimages: {a.io/b: c.io/d}\n";
            config("c.yaml", text, "sync --config c.yaml")
        },
    },
    Message {
        title: "The file with the password is not there",
        cause: "`passwordFile` names a file that cannot be read.",
        what_to_do: "Write the password to that file, or name the one that has it. In Kubernetes see how the secret is mounted.",
        what: &["c.yaml:2", "the auth entry `a.io`"],
        why: &["passwordFile `/run/secrets/none`, which cannot be read: No such file"],
        next: &["name a file that holds the password alone"],
        code: 2,
        show: || {
            let text =
                "auth:\n  a.io: {username: u, passwordFile: /run/secrets/none}\nimages: {a.io/b: c.io/d}\n";
            config("c.yaml", text, "sync --config c.yaml")
        },
    },
    Message {
        title: "A config without rules",
        cause: "The file has logins alone: there is nothing to copy.",
        what_to_do: "Add `images` or `sync`.",
        what: &["c.yaml"],
        why: &["has no rules"],
        next: &["SOURCE"],
        code: 2,
        show: || config("c.yaml", "auth: {}\n", "sync --config c.yaml"),
    },
    Message {
        title: "A config of another tool",
        cause: "The file is one for regsync, which has other keys.",
        what_to_do: "Let `image-syncer import` make a config of it, and read what it says of what changes.",
        what: &["regsync.yml"],
        why: &["this is a file for regsync"],
        next: &["image-syncer import"],
        code: 2,
        show: || {
            let text = "version: 1\nsync:\n  - source: a.io/b\n    target: c.io/d\n    type: repository\n";
            config("regsync.yml", text, "sync --config regsync.yml")
        },
    },
    Message {
        title: "Two images for one name",
        cause: "Two rules of `sync` would give one tag at the target different images.",
        what_to_do: "Give one of them another target, or a name of its own.",
        what: &["c.yaml:5:9"],
        why: &["c.io/d:v1 would come from both"],
        next: &["give one of the two rules another target"],
        code: 2,
        show: || {
            let text =
                "sync:\n  - from: a.io/one:v1\n    to: c.io/d\n  - from: a.io/two:v1\n    to: c.io/d\n";
            config("c.yaml", text, "sync --config c.yaml")
        },
    },
    Message {
        title: "A rule that is none",
        cause: "A source or a target cannot be read as an image.",
        what_to_do: "Write HOST/REPOSITORY, with a tag, a list, a pattern or a digest behind it where not all is meant.",
        what: &["c.yaml"],
        why: &["App"],
        next: &["lower"],
        code: 2,
        show: || config("c.yaml", "images: {a.io/App: c.io/d}\n", "sync --config c.yaml"),
    },
];

fn config(name: &'static str, text: &'static str, line: &'static str) -> BoxFuture<'static, Result<Shown>> {
    Box::pin(async move {
        let workplace = Workplace::new()?;
        workplace.write(name, text)?;
        Shown::error(&workplace.run(line)?, &[])
    })
}
