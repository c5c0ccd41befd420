//! The binary between real registries: docker-registry on both sides, token servers, nginx with TLS; skopeo judges.

mod acr_setup;
mod acr_token;
mod acr_world;
mod bad_input;
mod check_bench;
mod check_reach;
mod check_rights;
mod check_sound;
mod command_line;
mod config_file;
mod config_slip;
mod dead_registry;
mod demo;
mod foreign_text;
mod interrupt;
mod kill;
mod memory;
mod output_files;
mod outputs;
mod process;
mod project;
mod project_faults;
mod scenario;
mod security;
mod state;
mod world;
