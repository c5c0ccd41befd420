//! Errors as text.

use std::error::Error;

/// An error with all its sources, in one line.
pub fn with_sources(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(link) = source {
        text = format!("{text}: {link}");
        source = link.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    #[test]
    fn all_that_lies_behind_an_error_is_told() {
        let chain = Link("a", Some(Box::new(Link("b", Some(Box::new(Link("c", None)))))));
        assert_eq!(with_sources(&chain), "a: b: c");
        assert_eq!(with_sources(&Link("alone", None)), "alone");
    }
}
