//! Tells web pages from registries' answers: proxies, firewalls and web sites send them, often with 200.

/// The most bytes of a page that are searched for its headline, which need not come first.
pub(crate) const MOST_OF_PAGE: usize = 4096;
/// The most bytes of a headline that are shown.
pub(crate) const MOST_HEADLINE: usize = 300;

/// Whether a body is an HTML page, whatever its `Content-Type` says.
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|start| {
        body.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
    })
}

/// A page's headline: its title, or else its first heading.
pub(crate) fn headline(page: &str) -> Option<String> {
    let text = ["title", "h1"].iter().find_map(|name| inside(page, name));
    text.map(|text| decoded(&text)).filter(|text| !text.is_empty())
}

/// The text of the first element of this name, on one line.
fn inside(page: &str, name: &str) -> Option<String> {
    // It has the same length, whatever the page's encoding.
    let lower = page.to_ascii_lowercase();
    let tag = format!("<{name}");
    // `<titlebar>` is another element.
    let is_whole = |after: &usize| {
        lower.as_bytes().get(*after).is_some_and(|next| next.is_ascii_whitespace() || b">/".contains(next))
    };
    let after = lower.match_indices(&tag).map(|(begin, tag)| begin + tag.len()).find(is_whole)?;
    let begin = after + lower[after..].find('>')? + 1;
    let end = lower[begin..].find('<').map_or(lower.len(), |length| begin + length);
    let text = page[begin..end].split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Replaces the entities that titles have; the ampersand last, so that none is decoded twice.
fn decoded(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_title_or_its_first_heading() {
        for (page, told) in [
            (
                "<html> <head><title>413 Request Entity Too Large</title></head> <body>x",
                Some("413 Request Entity Too Large"),
            ),
            ("<HTML><TITLE lang=en>\n Sign&nbsp;in\n to A &amp; B </TITLE>", Some("Sign in to A & B")),
            ("<html><title></title><h1 class=\"x\">Blocked</h1>", Some("Blocked")),
            ("<html><title>cut of", Some("cut of")),
            ("<html><title", None),
            ("<html><titlebar>Menu</titlebar><title>Sign in</title>", Some("Sign in")),
            ("<html><titlebar>Menu</titlebar><h1>Blocked</h1>", Some("Blocked")),
            ("<html>Sign in</html>", None),
            ("<html>\u{130}<title>\u{130}x</title>", Some("\u{130}x")),
        ] {
            assert_eq!(headline(page).as_deref(), told, "{page}");
        }
    }

    #[test]
    fn pages_are_known_by_their_beginning() {
        for page in ["<html>", "\n <!DOCTYPE html><HTML lang=en>", "<HTML><head>"] {
            assert!(is_web_page(page.as_bytes()), "{page}");
        }
        for other in ["", "{}", "<", "<?xml version=\"1.0\"?><Error/>", "html"] {
            assert!(!is_web_page(other.as_bytes()), "{other}");
        }
    }
}
