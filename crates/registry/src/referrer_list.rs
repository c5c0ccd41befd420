//! What refers to a manifest: signatures, SBOMs, attestations. Spec: distribution-spec, end-12.
//!
//! Registries since OCI 1.1 list them; for others clients keep the list under a tag. Some answer the request
//! and mean something else, so no answer is trusted before it was looked at.

mod answer;
mod filter;
mod lock;
mod tag;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use oci::{Descriptor, Digest, ErrorKind, MediaType, TagOrDigest, referrers_tag};

use crate::client::{Answered, Call, Party, unexpected};
use crate::error::Problem;
use crate::http::body::read_to_limit;
use crate::learned::Ability;
use crate::manifest_api::LARGEST_MANIFEST;
use crate::pages::{Origin, Page, Pages};
use crate::{Error, Repository};

use answer::Meaning;

pub use filter::ReferrerFilter;
pub use tag::ReferrersTag;

/// More referrers of one manifest than this are an attack.
const MOST_REFERRERS: usize = 100_000;

/// What the registry's own list says.
enum Listed {
    /// Told by the registry, or by where it sends us.
    These(Vec<Descriptor>, Party),
    /// It does not know the subject or the repository.
    NoneHere,
    /// It keeps no such list; this is what it answered instead.
    NoList(Error),
    /// It keeps none, or this login may not see them.
    Refused(Error),
}

/// The registry's own list, empty where it has none.
#[derive(Default)]
struct OwnList {
    found: Vec<Descriptor>,
    /// Whether it refused to give it, so that it has yet to be seen whether this login may read at all.
    was_refused: bool,
}

impl Repository {
    /// What refers to `subject` and passes the filter, each once: from the registry's list, or from the tag that
    /// clients keep where there is none.
    ///
    /// Costs one request where the registry is known to keep lists, or known not to; until then an empty list
    /// costs a second one, and a refused one a third where no tag stands in for it.
    ///
    /// A page is read whole, because what it is shows in all of it, and so it may have as many bytes as a manifest: some
    /// 50,000 entries. What is larger fails with [`Problem::TooLarge`]; more pages may follow.
    pub async fn referrers(
        &self,
        subject: &Digest,
        filter: &ReferrerFilter,
    ) -> Result<Vec<Descriptor>, Error> {
        let learned = self.registry().learned();
        let mut own = self.own_list(subject, filter).await?;
        // Some answer with an empty list without keeping any. https://github.com/sigstore/sigstore-js/issues/1187
        if learned.referrers_in(self.name()) != Ability::Works {
            let tagged = self.tagged_referrers(subject).await?;
            if own.was_refused && tagged.is_some() {
                learned.note_referrers_refused(self.name());
            } else if own.was_refused {
                self.note_refused_list(subject).await?;
            }
            own.found.extend(tagged.unwrap_or_default());
        }
        Ok(filter.each_once(own.found))
    }

    /// The same, without those that stand under the tag: for those who copy that tag anyway.
    pub async fn untagged_referrers(
        &self,
        subject: &Digest,
        filter: &ReferrerFilter,
    ) -> Result<Vec<Descriptor>, Error> {
        let own = self.own_list(subject, filter).await?;
        if own.was_refused {
            self.note_refused_list(subject).await?;
        }
        Ok(filter.each_once(own.found))
    }

    /// Only a login that may read manifests was refused because there is no list. It says nothing of other
    /// repositories, so it is asked once in each.
    async fn note_refused_list(&self, subject: &Digest) -> Result<(), Error> {
        // That nothing is there may also be said to whoever may not see it.
        if self.resolve(&TagOrDigest::Digest(subject.clone())).await?.is_some() {
            self.registry().learned().note_referrers_refused(self.name());
        }
        Ok(())
    }

    /// Sees to it that who asks for the referrers of `subject` finds `referrer`, which was pushed here before.
    ///
    /// A registry that keeps the list itself needs nothing. One that may or may not is asked for its list first.
    pub async fn keep_referrer(&self, subject: &Digest, referrer: &Descriptor) -> Result<(), Error> {
        let learned = self.registry().learned();
        let mut was_refused = false;
        if learned.referrers_in(self.name()) == Ability::Unknown {
            let own = self.own_list(subject, &ReferrerFilter::all()).await?;
            if own.found.iter().any(|entry| entry.digest == referrer.digest) {
                return Ok(());
            }
            was_refused = own.was_refused;
        }
        if learned.referrers_in(self.name()) != Ability::Works {
            self.add_referrer(subject, referrer).await?;
        }
        if was_refused {
            // Whoever may not read and write manifests here has met that by now.
            learned.note_referrers_refused(self.name());
        }
        Ok(())
    }

    /// Whether the registry itself tells what refers to `subject`: `referrer`, which was pushed here before, among them.
    pub async fn lists_referrer(&self, subject: &Digest, referrer: &Descriptor) -> Result<bool, Error> {
        let learned = self.registry().learned();
        let is_listed = learned.referrers_in(self.name()) == Ability::Unknown && {
            let own = self.own_list(subject, &ReferrerFilter::all()).await?;
            own.found.iter().any(|entry| entry.digest == referrer.digest)
        };
        Ok(is_listed || learned.referrers_in(self.name()) == Ability::Works)
    }

    /// What the registry's own list says, where it may have one.
    async fn own_list(&self, subject: &Digest, filter: &ReferrerFilter) -> Result<OwnList, Error> {
        let learned = self.registry().learned();
        if learned.referrers_in(self.name()) == Ability::Absent {
            return Ok(OwnList::default());
        }
        match self.list_referrers(subject, filter).await? {
            Listed::These(found, party) => {
                if party == Party::Registry && !found.is_empty() {
                    learned.note_referrers(Ability::Works);
                }
                Ok(OwnList { found, was_refused: false })
            }
            Listed::NoneHere => Ok(OwnList::default()),
            Listed::NoList(error) | Listed::Refused(error) if learned.referrers() == Ability::Works => {
                Err(error)
            }
            Listed::NoList(_) => {
                learned.note_referrers(Ability::Absent);
                Ok(OwnList::default())
            }
            Listed::Refused(_) => Ok(OwnList { found: Vec::new(), was_refused: true }),
        }
    }

    async fn list_referrers(&self, subject: &Digest, filter: &ReferrerFilter) -> Result<Listed, Error> {
        let path = format!("/v2/{}/referrers/{subject}", self.name());
        let mut pages = Pages::new(self.registry().clone(), self.scopes(), path, filter.query());
        let (mut all, mut party) = (Vec::new(), Party::Registry);
        while let Some(call) = pages.call().await? {
            let is_first = pages.is_at_start();
            let (page, listed) = match self.ask_for_page(call, subject).await {
                Ok(answer) => answer,
                Err(Unusable(meaning, error)) if is_first && meaning != Meaning::Failure => {
                    return Ok(match meaning {
                        Meaning::NoneHere => Listed::NoneHere,
                        Meaning::Forbidden => Listed::Refused(error),
                        _ => Listed::NoList(error),
                    });
                }
                Err(Unusable(_, error)) => return Err(error),
            };
            if page.from.party() == Party::Another {
                party = Party::Another;
            }
            for why in listed.unreadable {
                let what =
                    format!("its list of what refers to {subject} has an entry that cannot be read: {why}");
                self.registry().note(what);
            }
            let mut entries = pages.turn(&page, listed.entries, |entry| entry.digest.to_string())?;
            filter.complete(&mut entries, &page.headers);
            all.append(&mut entries);
            if all.len() > MOST_REFERRERS {
                return Err(page.call.protocol(Problem::Page("there is no end of referrers")));
            }
        }
        Ok(Listed::These(all, party))
    }

    async fn ask_for_page(&self, call: Call, subject: &Digest) -> Result<(Page, answer::Listed), Unusable> {
        let response = match self.registry().send(&call).await {
            Ok(response) => response,
            Err(error) => return Err(Unusable(answer::meaning_of(&error, answer::From::Registry), error)),
        };
        // GitHub's registry sends who asks for referrers to its web site.
        let from = match Answered::of(&response).by {
            Party::Registry => answer::From::Registry,
            Party::Another => answer::From::Elsewhere,
        };
        let origin = Origin::of(&response);
        if response.status() != StatusCode::OK {
            let error = unexpected(&call, response).await;
            return Err(Unusable(answer::meaning_of(&error, from), error));
        }
        let headers = response.headers().clone();
        let body = read_to_limit(&call.method, response, LARGEST_MANIFEST).await;
        let body = body.map_err(|error| Unusable(Meaning::Failure, error))?;
        match answer::read(&content_type(&headers), &body, subject) {
            Ok(listed) => Ok((Page { call, from: origin, headers }, listed)),
            Err(wrong) => {
                let error = call.protocol(Problem::Json(wrong.to_string()));
                Err(Unusable(wrong.meaning(), error))
            }
        }
    }

    /// What clients keep under the tag, `None` where there is none; a tag that is used for something else tells nothing.
    async fn tagged_referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, Error> {
        match self.pull_manifest(&TagOrDigest::Tag(referrers_tag(subject))).await {
            Ok(index) if *index.media_type() == MediaType::OCI_INDEX => {
                let links = index.links();
                let links =
                    links.map_err(|source| Error::Manifest { digest: index.digest().clone(), source })?;
                Ok(Some(links.manifests))
            }
            Ok(_) => Ok(Some(Vec::new())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An answer that is no list, and what that says about the registry.
struct Unusable(Meaning, Error);

fn content_type(headers: &HeaderMap) -> MediaType {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    MediaType::new(text.unwrap_or_default())
}
