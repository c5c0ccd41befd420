//! Config files: what was written, and what it means.

mod alibaba;
mod auth;
mod config_file;
mod conflict;
mod document;
mod environment;
mod error;
mod excerpt;
mod file_text;
mod image_text;
mod images;
mod json;
mod load;
mod no_rules;
mod odd_character;
mod other_tool;
mod pattern;
mod registries;
mod resolve;
mod rule_error;
mod schema;
mod sync_rules;
mod syntax_error;
mod unknown_key;
pub(crate) mod yaml;

pub(crate) use alibaba::alibaba;
pub(crate) use auth::MissingRepositories;
pub(crate) use config_file::ConfigFile;
pub(crate) use conflict::shared_names;
pub(crate) use document::{Node, Scalar, ScalarKind, Value};
pub(crate) use error::ConfigError;
pub(crate) use images::WrittenRule;
pub(crate) use load::{Written, images, load, typed};
pub(crate) use other_tool::{OtherTool, recognise};
pub(crate) use pattern::ResolvedPattern;
pub(crate) use registries::{KnownRegistry, LoginOrigin};
pub(crate) use resolve::{
    Defaults, RefusedRule, Resolved, ResolvedRule, RuleLogins, SharedRegistries, resolve,
};
pub(crate) use schema::schema;
