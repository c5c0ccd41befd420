//! Config files: what was written, and what it means.

mod alibaba;
mod auth;
mod bind;
mod choice;
mod config_file;
mod conflict;
mod defaults;
mod document;
mod environment;
mod error;
mod excerpt;
mod file_name;
mod file_text;
mod guards;
mod image_text;
mod images;
mod json;
mod load;
mod named;
mod naming;
mod no_rules;
mod odd_character;
mod only;
mod onto_itself;
mod other_tool;
mod pattern;
mod registries;
mod resolve;
mod resolved;
mod resolver;
mod rule_error;
mod schema;
mod sync_rules;
mod syntax_error;
mod terms;
mod unknown_key;
pub(crate) mod yaml;

pub(crate) use alibaba::alibaba;
pub(crate) use auth::{Absent, MissingRepositories};
pub(crate) use bind::Binder;
pub(crate) use config_file::ConfigFile;
pub(crate) use conflict::shared_names;
pub(crate) use defaults::Defaults;
pub(crate) use document::{Node, Scalar, ScalarKind, Value};
pub(crate) use environment::environment;
pub(crate) use error::ConfigError;
pub(crate) use images::{Section, WrittenRule};
pub(crate) use load::{Written, images, load, typed};
pub(crate) use named::{NameError, NamedImage, NamedRegistry, parse_repository};
pub(crate) use other_tool::{OtherTool, recognise};
pub(crate) use registries::{KnownRegistry, LoginOrigin};
pub(crate) use resolve::resolve;
pub(crate) use resolved::{
    RefusedRule, Resolved, ResolvedPattern, ResolvedRule, ResolvedTasks, RuleLogins, SharedRegistries,
};
pub(crate) use schema::schema;
