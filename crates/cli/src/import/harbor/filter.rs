//! `filters`: names of repositories, tags, labels, kinds of artifacts. All of them must match.

use super::super::fields::{Fields, Slip};
use super::super::note::Notes;
use super::super::pattern::{found, tag_glob};
use super::super::rule::Tags;
use crate::config::Value;

/// The selection of a policy.
#[derive(Debug, Default)]
pub(super) struct Filters {
    pub(super) name: Option<String>,
    /// Each pattern, and whether it excludes.
    pub(super) tags: Vec<(String, bool)>,
}

/// Reads all filters; the inner error says why they have no equivalent.
pub(super) fn read(filters: Vec<Fields<'_>>, notes: &mut Notes) -> Result<Result<Filters, String>, Slip> {
    let (mut read, mut refused) = (Filters::default(), None);
    for mut filter in filters {
        let kind = filter.needed("type")?;
        let is_excluding = filter.text("decoration")?.is_some_and(|decoration| decoration.text == "excludes");
        match kind.text {
            "name" => read.name = filter.text("value")?.map(|value| value.text.to_owned()),
            "tag" => {
                if let Some(value) = filter.text("value")? {
                    read.tags.push((value.text.to_owned(), is_excluding));
                }
            }
            "label" => {
                let is_empty = filter
                    .node("value")
                    .is_none_or(|value| matches!(&value.value, Value::List(items) if items.is_empty()));
                if !is_empty {
                    refused = Some(
                        "it asks for labels, which only Harbor has: without them more would be copied"
                            .to_owned(),
                    );
                }
            }
            "resource" => match filter.text("value")?.map(|value| value.text) {
                None | Some("artifact") => {}
                Some("image") => notes.changed(
                    kind.line,
                    &filter.what,
                    "charts and other artifacts under a tag are copied, too",
                ),
                Some(other) => refused = Some(format!("it is about `{other}` alone, which no rule can say")),
            },
            other => refused = Some(format!("its filter `{other}` is not known to this import")),
        }
        filter.finish(notes);
    }
    Ok(refused.map_or(Ok(read), Err))
}

impl Filters {
    pub(super) fn tags(&self) -> Result<Tags, String> {
        let mut tags = Tags::default();
        for (pattern, is_excluding) in &self.tags {
            let ours = match pattern.strip_prefix("regex:") {
                Some(regex) => found(regex)?,
                None => tag_glob(pattern),
            };
            match (is_excluding, ours.as_str()) {
                (true, "*") => return Err("it excludes every tag".to_owned()),
                (true, _) => tags.exclude.push(ours),
                (false, "*") => {}
                (false, _) => tags.include.push(vec![ours]),
            }
        }
        Ok(tags)
    }
}
