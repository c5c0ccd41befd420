//! The `Link` to the next page, in all its forms.

use http::header;

use crate::answer::Answer;
use crate::builder::listing::Links;
use crate::call::Call;

impl Call<'_> {
    /// Adds the link to the page of `path` with `query`, if there is a next one.
    pub(super) fn link(&self, answer: Answer, path: &str, query: Option<String>) -> Answer {
        let Some(query) = query else { return answer };
        let host = self.header(header::HOST).unwrap_or_default();
        let own = self.head.uri.path_and_query().map_or(path, |path| path.as_str());
        let last = path.rsplit('/').next().unwrap_or_default();
        answer.header(
            "link",
            match self.shared.settings.listings.links {
                Links::PathAbsolute => format!("<{path}?{query}>; rel=\"next\""),
                Links::Absolute => format!("<http://{host}{path}?{query}>; rel=\"next\""),
                // Without the dot, the colon of a digest would end a scheme.
                Links::Relative => format!("<./{last}?{query}>; rel=\"next\""),
                Links::QueryOnly => format!("<?{query}>; rel=\"next\""),
                Links::Unquoted => format!("<{path}?{query}>; rel=next"),
                Links::Several => format!(
                    "<{path}?page=first>; rel=\"first\", <{path}?{query}>; title=\"a, b\"; rel=\"next\", \
                 <{path}?page=last>; rel=\"last\""
                ),
                Links::OtherHost => format!("<http://elsewhere.invalid{path}?{query}>; rel=\"next\""),
                Links::SamePage => format!("<{own}>; rel=\"next\""),
            },
        )
    }
}
