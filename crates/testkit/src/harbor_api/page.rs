//! Splits lists into pages, with Harbor's headers.

use http::StatusCode;
use http::header::{HeaderName, LINK};
use serde_json::Value;
use url::form_urlencoded;

use super::answer::{self, Answer};

/// Parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &http::Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// A boolean parameter, or its default.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, |value| value == "true")
    }

    fn number(&self, name: &str, default: usize) -> Option<usize> {
        self.get(name).map_or(Some(default), |value| value.parse().ok())
    }
}

/// One page of `items` at `path`.
pub(super) fn page(path: &str, query: &Query, items: &[Value]) -> Answer {
    let invalid = |what: &str| {
        let message = format!("validation failure list:\n{what}");
        answer::error(StatusCode::UNPROCESSABLE_ENTITY, "UNPROCESSABLE_ENTITY", &message)
    };
    let (Some(number), Some(size)) = (query.number("page", 1), query.number("page_size", 10)) else {
        return invalid("page and page_size in query must be of type int64");
    };
    if size > 100 {
        return invalid("page_size in query should be less than or equal to 100");
    }
    if number < 1 || size < 1 {
        return invalid("page in query should be greater than or equal to 1");
    }
    let shown: Vec<Value> = items.iter().skip((number - 1) * size).take(size).cloned().collect();
    let answer = answer::data(StatusCode::OK, &Value::Array(shown));
    let count = HeaderName::from_static("x-total-count");
    let answer = answer::with_header(answer, count, &items.len().to_string());
    answer::with_header(answer, LINK, &links(path, query, (number, size), items.len()))
}

/// Relative, prev before next, and with an unencoded query.
/// <https://github.com/goharbor/harbor/blob/main/src/server/v2.0/handler/base.go>
fn links(path: &str, query: &Query, (number, size): (usize, usize), total: usize) -> String {
    let link = |page: usize, relation: &str| {
        let mut parameters: Vec<(String, String)> =
            query.0.iter().filter(|(name, _)| name != "page" && name != "page_size").cloned().collect();
        parameters.push(("page".to_owned(), page.to_string()));
        parameters.push(("page_size".to_owned(), size.to_string()));
        // Go sorts them, too.
        parameters.sort();
        let text: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("<{path}?{}>; rel=\"{relation}\"", text.join("&"))
    };
    let mut links = Vec::new();
    if number > 1 && (number - 1) * size < total {
        links.push(link(number - 1, "prev"));
    }
    if number * size < total {
        links.push(link(number + 1, "next"));
    }
    links.join(" , ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_and_not_encoded() {
        let query = Query::of(&"/api/v2.0/projects?q=name%3D%7Ba+b%7D&page=2&page_size=2".parse().unwrap());
        let expected = "</api/v2.0/projects?page=1&page_size=2&q=name={a b}>; rel=\"prev\" , \
            </api/v2.0/projects?page=3&page_size=2&q=name={a b}>; rel=\"next\"";
        assert_eq!(links("/api/v2.0/projects", &query, (2, 2), 5), expected);
        assert_eq!(links("/api/v2.0/projects", &query, (1, 2), 2), "");
    }

    #[test]
    fn more_than_a_hundred_is_refused() {
        let query = Query::of(&"/?page_size=101".parse().unwrap());
        assert_eq!(page("/", &query, &[]).status(), 422);
    }
}
