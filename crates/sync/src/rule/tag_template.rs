//! Templates for target tags, with text before or after the source's tag: `{tag}-mirror`.

use std::fmt;
use std::str::FromStr;

use oci::{ReferenceError, Tag};

/// The placeholder for the source's tag.
const PLACE: &str = "{tag}";

/// A tag with at least one `{tag}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTemplate {
    /// The texts before, between and after the placeholders.
    texts: Vec<String>,
}

/// Why a text is no tag template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagTemplateError {
    /// It has no placeholder for the source's tag.
    #[error("`{text}` has no `{{tag}}`, so all tags would be called the same")]
    WithoutTag {
        /// The text.
        text: String,
    },
    /// A character that tags cannot have, most likely another placeholder.
    #[error("`{text}` cannot be a tag: in a tag, `{{tag}}` is the only placeholder")]
    NoTag {
        /// The text.
        text: String,
    },
}

impl TagTemplate {
    /// The target's tag.
    ///
    /// # Errors
    /// The result is too long for a tag.
    pub fn fill(&self, tag: &Tag) -> Result<Tag, ReferenceError> {
        self.texts.join(tag.as_str()).parse()
    }

    /// The source tag that gives this target tag; `None` if none does.
    pub(crate) fn take_back(&self, name: &Tag) -> Option<Tag> {
        let own: usize = self.texts.iter().map(String::len).sum();
        let (first, places) = (self.texts.first()?.len(), self.texts.len() - 1);
        let all = name.as_str().len().checked_sub(own)?;
        if all % places != 0 {
            return None;
        }
        let tag: Tag = name.as_str().get(first..first + all / places)?.parse().ok()?;
        (self.fill(&tag).ok()? == *name).then_some(tag)
    }
}

impl FromStr for TagTemplate {
    type Err = TagTemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let texts: Vec<String> = text.split(PLACE).map(str::to_owned).collect();
        if texts.len() < 2 {
            return Err(TagTemplateError::WithoutTag { text: text.to_owned() });
        }
        // A character that may begin a tag is also valid in its middle.
        let shortest = texts.join("t");
        shortest.parse::<Tag>().map_err(|_| TagTemplateError::NoTag { text: text.to_owned() })?;
        Ok(Self { texts })
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.texts.join(PLACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_tag_goes_where_it_is_written() {
        let fill = |template: &str| {
            let template: TagTemplate = template.parse().unwrap();
            template.fill(&"v1.2".parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(fill("{tag}-mirror"), "v1.2-mirror");
        assert_eq!(fill("prod-{tag}"), "prod-v1.2");
        assert_eq!(fill("{tag}_{tag}"), "v1.2_v1.2");
        assert_eq!("a-{tag}-b".parse::<TagTemplate>().unwrap().to_string(), "a-{tag}-b");
    }

    #[test]
    fn a_name_is_taken_back_to_the_sources_tag() {
        let take_back = |template: &str, name: &str| {
            let template: TagTemplate = template.parse().unwrap();
            template.take_back(&name.parse().unwrap()).map(|tag| tag.to_string())
        };
        assert_eq!(take_back("{tag}-mirror", "v1-mirror").as_deref(), Some("v1"));
        assert_eq!(take_back("a-{tag}_{tag}", "a-v1_v1").as_deref(), Some("v1"));
        for name in ["a-v1_v2", "a-v1_v11", "a-_", "v1_v1", "a"] {
            assert_eq!(take_back("a-{tag}_{tag}", name), None, "{name}");
        }
        assert_eq!(take_back("{tag}-mirror", "mirror"), None);
    }

    #[test]
    fn what_makes_no_tag_is_told() {
        let error = |text: &str| text.parse::<TagTemplate>().unwrap_err();
        assert!(matches!(error("mirror"), TagTemplateError::WithoutTag { .. }));
        for text in ["{tag}-{name}", "{tag", "-{tag}", "{tag}/x", "{tag} x"] {
            let told = error(text).to_string();
            assert!(told.contains(text) && told.contains("{tag}"), "{told}");
        }
        let long: Tag = "x".repeat(125).parse().unwrap();
        assert!("{tag}-mirror".parse::<TagTemplate>().unwrap().fill(&long).is_err());
    }
}
