//! Writes documents for programs as a stream, without control characters.

use std::io::{BufWriter, Error, Write};

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::foreign::PlainJson;

/// Writes a document and a newline.
pub(super) fn write(document: &impl Serialize, writer: &mut dyn Write) -> Result<(), Error> {
    // serde_json writes each token separately, so a buffer is needed.
    let mut writer = BufWriter::new(PlainJson(writer));
    serde_json::to_writer_pretty(&mut writer, document)?;
    writeln!(writer)?;
    writer.flush()
}

/// A value that is computed only after the fields before it are written.
pub(super) struct Late<F>(pub(super) F);

impl<F: Fn() -> T, T: Serialize> Serialize for Late<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0)().serialize(serializer)
    }
}

/// A list whose items are read and written one by one, in constant memory.
pub(super) struct OneByOne<F>(pub(super) F);

impl<F, I, T> Serialize for OneByOne<F>
where
    F: Fn() -> Result<I, Error>,
    I: Iterator<Item = Result<T, Error>>,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in (self.0)().map_err(S::Error::custom)? {
            list.serialize_element(&item.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}
