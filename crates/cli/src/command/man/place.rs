//! Files and environment variables that commands read.

use clap::{Arg, Command};

/// A file or environment variable.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Commands with this flag read the place.
    flag: &'static str,
}

impl Place {
    const fn new(name: &'static str, flag: &'static str, what: &'static str) -> Self {
        Self { name, what, flag }
    }

    pub(super) fn concerns(&self, command: &Command) -> bool {
        command.get_arguments().filter_map(Arg::get_long).any(|flag| flag == self.flag)
    }
}

pub(super) const FILES: [Place; 4] = [
    Place::new(
        "./image-syncer.yaml",
        "config",
        "The config file of verbs where none is named. The form without a verb reads ./image-syncer.json.",
    ),
    Place::new(
        "~/.local/state/image-syncer/state.redb",
        "state",
        "What a run remembers for the next one; below $XDG_STATE_HOME where that is set. Workers have worker.redb, worker-2.redb and so on there.",
    ),
    Place::new(
        "~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json",
        "plain-http",
        "Logins that `docker login` and `podman login` left, for registries without one in the config.",
    ),
    Place::new(
        "/etc/docker/certs.d, /etc/containers/certs.d",
        "plain-http",
        "Certificates, in a folder for each registry, as Docker and Podman have them.",
    ),
];

pub(super) const ENVIRONMENT: [Place; 11] = [
    Place::new(
        "DEFAULT_REGISTRY, DEFAULT_NAMESPACE",
        "namespace",
        "What --registry and --namespace say where they are not given.",
    ),
    Place::new(
        "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "plain-http",
        "The access key for logins with `provider: acr`; other ways to tell it that Alibaba Cloud's own tools have are taken, too.",
    ),
    Place::new(
        "DOCKER_AUTH_CONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE",
        "plain-http",
        "The text of a Docker config.json; the folder of one; podman's file of logins.",
    ),
    Place::new(
        "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY",
        "plain-http",
        "Proxies, and who is asked without one.",
    ),
    Place::new(
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "plain-http",
        "Authorities that are trusted, in place of the system's.",
    ),
    Place::new("IMAGE_SYNCER_PROGRESS", "progress", "The form of progress while --progress is auto."),
    Place::new(
        "IMAGE_SYNCER_SHARDS",
        "shard",
        "How many shards there are, for --shard auto in a Kubernetes Job, which tells only the index.",
    ),
    Place::new("XDG_STATE_HOME", "state", "Where the state lies, in a folder image-syncer."),
    Place::new(
        "GITHUB_ACTIONS",
        "summary-markdown",
        "Where it is true, causes of failures are printed as GitHub's annotations.",
    ),
    Place::new("TZ", "log", "The zone of times in the log."),
    Place::new("NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR, TERM", "color", "Whether stderr has colour."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::program;

    #[test]
    fn a_command_reads_each() {
        let program = program();
        let commands: Vec<_> = program.get_subcommands().chain([&program]).collect();
        for place in FILES.iter().chain(&ENVIRONMENT) {
            assert!(commands.iter().any(|command| place.concerns(command)), "{}", place.name);
        }
    }
}
