//! Writes the document image by image.

use std::io::Write;

use serde::Serialize;

use super::facts::{Facts, Head, SCHEMA, Tail};
use crate::output::Records;
use crate::output::json_document::{self, OneByOne};

#[derive(Serialize)]
struct Document<'a, I> {
    schema: &'static str,
    #[serde(flatten)]
    head: &'a Head,
    images: I,
    #[serde(flatten)]
    tail: &'a Tail,
}

/// Writes the document and a newline.
pub(crate) fn write(facts: &Facts, records: &Records, writer: &mut dyn Write) -> std::io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        head: &facts.head,
        images: OneByOne(|| Ok(records.read()?.map(|record| record.map(|(_, record)| record)))),
        tail: &facts.tail,
    };
    json_document::write(&document, writer)
}
