//! Tells pages for people from answers of registries: proxies, firewalls and web sites give them, often with 200.

/// Whether a body is an HTML page, whatever its `Content-Type` says.
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|start| {
        body.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
