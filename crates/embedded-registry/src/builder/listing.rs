//! Settings for the lists of tags and repositories.

use super::Builder;

#[derive(Default)]
pub(crate) struct ListingSettings {
    pub(crate) tag_page_size: Option<usize>,
    pub(crate) catalog_page_size: Option<usize>,
    pub(crate) largest_page: Option<usize>,
    pub(crate) links: Links,
    pub(crate) empty_tags: EmptyTags,
    pub(crate) extra_tags: Vec<String>,
    pub(crate) catalog: Catalog,
}

/// The form of the `Link` to the next page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// A path with a query.
    #[default]
    PathAbsolute,
    /// An absolute URL.
    Absolute,
    /// `./list?…`
    Relative,
    /// `?…`
    QueryOnly,
    /// `rel=next`, without quotes.
    Unquoted,
    /// The second of three links in one header.
    Several,
    /// An absolute URL of another host.
    OtherHost,
    /// The requested page again.
    SamePage,
}

/// The list of tags of a repository without tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyTags {
    /// `"tags": []`
    #[default]
    List,
    /// `"tags": null`
    Null,
    /// There is no `tags`.
    Missing,
    /// 404 `NAME_UNKNOWN`
    Unknown,
}

/// Whether repositories are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Catalog {
    /// They are.
    #[default]
    Given,
    /// The answer has this status, such as 401, 404 or 405.
    Refused(u16),
}

impl Builder {
    /// The most tags or repositories of a page, whatever the client requests.
    #[must_use]
    pub fn tag_page_size(mut self, size: usize) -> Self {
        self.settings.listings.tag_page_size = Some(size);
        self
    }

    /// The most repositories of a page, whatever the client requests; Azure has 100:
    /// <https://github.com/regclient/regclient/issues/404>.
    #[must_use]
    pub fn catalog_page_size(mut self, size: usize) -> Self {
        self.settings.listings.catalog_page_size = Some(size);
        self
    }

    /// Refuses `n` above this, as ECR does above 1000:
    /// <https://github.com/google/go-containerregistry/issues/681>.
    #[must_use]
    pub fn largest_page(mut self, size: usize) -> Self {
        self.settings.listings.largest_page = Some(size);
        self
    }

    /// Sets the form of the link to the next page.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.settings.listings.links = links;
        self
    }

    /// Sets the list of tags of a repository without tags.
    #[must_use]
    pub fn empty_tags(mut self, empty: EmptyTags) -> Self {
        self.settings.listings.empty_tags = empty;
        self
    }

    /// Appends these to every last page of tags, whatever they are: repeated, unsorted, invalid.
    #[must_use]
    pub fn extra_tags(mut self, tags: &[&str]) -> Self {
        self.settings.listings.extra_tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self
    }

    /// Sets whether repositories are listed.
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.settings.listings.catalog = catalog;
        self
    }
}
