//! The form without a verb, as the Go tool had it.

use clap::Parser;

use super::job::JobArgs;

/// Copies container images from registries to registries, bit for bit, and only what is missing
#[derive(Clone, Debug, Parser)]
#[command(
    name = "image-syncer",
    version,
    override_usage = "image-syncer VERB ...\n       image-syncer --config FILE [FLAGS]\n       image-syncer --auth FILE --images FILE [FLAGS]",
    after_help = "`image-syncer VERB -h` shows a verb's flags, `image-syncer --help` explains all.",
    after_long_help = EXAMPLES
)]
pub(crate) struct OldArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer demo
  image-syncer check --config image-syncer.yaml
  image-syncer --config harbor-to-acr.json --proc 10 --retries 10
  image-syncer --auth auth.json --images images.json --log log

How a rule of `images` reads:
  \"harbor.example.com/library/nginx\": \"\"
      every tag, to REGISTRY/NAMESPACE/nginx
  \"quay.io/coreos/etcd:v3.5.0,v3.5.1\": \"r.io/mirror/etcd\"
      some tags
  \"quay.io/coreos/etcd:/^v3\\\\./\": \"r.io/mirror/etcd\"
      tags in which a pattern is found
  \"alpine@sha256:...\": [\"r.io/a/alpine:3\", \"r.io/b/alpine\"]
      one image to two places
  \"harbor.example.com/library/**\": \"r.io/mirror\"
      every repository of a project

Exit status:
  0    all well
  1    some images failed, `copy` matched nothing, `verify` found differences,
       `apply` met a target that has changed, `prune` was refused
  2    bad command line or config
  3    all failed
  4    all failed by login
  10   `plan --exit-code`, and something to do
  130  stopped by SIGINT
  143  stopped by SIGTERM or SIGHUP";
