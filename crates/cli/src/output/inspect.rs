//! The description of an image: the document for programs, the tree for people.

mod inspected;
mod schema;
mod tree;

pub(crate) use inspected::{Blob, Config, Inspected, Manifest, Referrer, SCHEMA, Standing};
pub(crate) use schema::schema;
pub(crate) use tree::lines;
