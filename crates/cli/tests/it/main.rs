//! The binary between real registries: docker-registry on both sides, token servers, nginx with TLS; skopeo judges.

mod bad_input;
mod check_bench;
mod check_reach;
mod check_rights;
mod check_sound;
mod config_file;
mod demo;
mod kill;
mod outputs;
mod process;
mod scenario;
mod security;
mod world;
