//! The referrers of a manifest: signatures, SBOMs, attestations. Spec: distribution-spec, end-12.
//!
//! Registries since OCI 1.1 list them; for others, clients keep the list under a tag. Some registries answer the request
//! with something else, so each answer is checked before it is trusted.

mod answer;
mod filter;
mod lock;
mod tag;

use http::StatusCode;
use oci::{Descriptor, Digest, ErrorKind, MediaType, TagOrDigest, referrers_tag};

use crate::client::{Answered, Call, Party, unexpected};
use crate::error::Problem;
use crate::http::body::read_to_limit;
use crate::learned::Ability;
use crate::manifest_api::{LARGEST_MANIFEST, content_type};
use crate::pages::{Origin, Page, Pages};
use crate::{Error, Repository};

use answer::Meaning;

pub use filter::ReferrerFilter;
pub use tag::ReferrersTag;

/// More referrers of one manifest than this are an attack.
const MOST_REFERRERS: usize = 100_000;

/// The result of requesting the registry's own list.
enum Listed {
    /// The list, from the registry or from another server to which it redirected.
    These(Vec<Descriptor>, Party),
    /// The registry does not know the subject or the repository.
    NoneHere,
    /// The registry sends such requests to a web site, so that it keeps no lists; this is its answer.
    SentAway(Error),
    /// This answer is no list: the registry keeps none, or something before it answered.
    NoList(Error),
    /// The registry keeps no list, or this login may not read it.
    Refused(Error),
}

/// The registry's own list, empty if there is none.
#[derive(Default)]
struct OwnList {
    found: Vec<Descriptor>,
    /// Whether the registry refused the request: then it is not known yet whether this login may read at all.
    was_refused: bool,
}

impl Repository {
    /// The referrers of `subject` that pass the filter, each once: from the registry's list, or from the tag that
    /// clients keep if there is none.
    ///
    /// Takes one request if it is known whether the registry keeps lists; until then an empty list
    /// takes a second one, and a refused one a third if there is no tag.
    ///
    /// A page is read whole, because only the whole document shows what it is. So it may have as many bytes as a manifest: some
    /// 50,000 entries. A larger one fails with [`Problem::TooLarge`]; more pages may follow.
    pub async fn referrers(
        &self,
        subject: &Digest,
        filter: &ReferrerFilter,
    ) -> Result<Vec<Descriptor>, Error> {
        let learned = self.registry().learned();
        let mut own = self.own_list(subject, filter).await?;
        // Some registries answer with an empty list without keeping any. https://github.com/sigstore/sigstore-js/issues/1187
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

    /// The same without those of the tag's list: for callers that copy that tag anyway.
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

    /// If a login may read manifests but is refused the list, there is no list. That says nothing about other
    /// repositories, so each is tested once.
    async fn note_refused_list(&self, subject: &Digest) -> Result<(), Error> {
        // A 404 may also be the answer to a login that may not read it.
        if self.resolve(&TagOrDigest::Digest(subject.clone())).await?.is_some() {
            self.registry().learned().note_referrers_refused(self.name());
        }
        Ok(())
    }

    /// Makes sure that the referrers of `subject` include `referrer`, which was pushed here before.
    ///
    /// A registry that keeps the list itself needs nothing. If it is unknown whether it does, its list is requested first.
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
            // A login that may not read and write manifests here would have failed by now.
            learned.note_referrers_refused(self.name());
        }
        Ok(())
    }

    /// Whether the registry's own list of referrers of `subject` has `referrer`, which was pushed here before.
    pub async fn lists_referrer(&self, subject: &Digest, referrer: &Descriptor) -> Result<bool, Error> {
        let learned = self.registry().learned();
        let is_listed = learned.referrers_in(self.name()) == Ability::Unknown && {
            let own = self.own_list(subject, &ReferrerFilter::all()).await?;
            own.found.iter().any(|entry| entry.digest == referrer.digest)
        };
        Ok(is_listed || learned.referrers_in(self.name()) == Ability::Works)
    }

    /// The registry's own list, if it may have one.
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
            Listed::NoList(_) if learned.believes_no_list(self.name()) => Ok(OwnList::default()),
            Listed::NoList(error) => Err(error),
            Listed::SentAway(error) | Listed::Refused(error) if learned.referrers() == Ability::Works => {
                Err(error)
            }
            Listed::SentAway(_) => {
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
                        Meaning::SentAway => Listed::SentAway(error),
                        Meaning::NoList | Meaning::Failure => Listed::NoList(error),
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
                return Err(page.protocol(Problem::Page("there is no end of referrers")));
            }
        }
        Ok(Listed::These(all, party))
    }

    async fn ask_for_page(&self, call: Call, subject: &Digest) -> Result<(Page, answer::Listed), Unusable> {
        let response = match self.registry().send(&call).await {
            Ok(response) => response,
            Err(error) => return Err(Unusable(answer::meaning_of(&error, answer::From::Registry), error)),
        };
        // GitHub's registry redirects requests for referrers to its web site.
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
                Err(Unusable(wrong.meaning(from), error))
            }
        }
    }

    /// The list that clients keep under the tag, `None` if there is none; a tag that holds something else has no list.
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

/// An answer that is no list, and what it says about the registry.
struct Unusable(Meaning, Error);
