//! A request's path over redirects: the loops that send requests get each address from here.

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::redirect::{Rule, not_followed};
use crate::Error;
use crate::client::Party;
use crate::error::NotFollowed;

/// The current address of a request, how often it was sent, and which party led it there. It sends nothing itself.
pub(crate) struct Walk<'a> {
    rule: Rule<'a>,
    method: Method,
    url: Url,
    party: Party,
    requests: usize,
}

impl<'a> Walk<'a> {
    /// Begins at `url`.
    pub(crate) fn begin(rule: Rule<'a>, method: &Method, url: Url) -> Self {
        let party = rule.party_at(rule.begins_with(), &url);
        Self { rule, method: method.clone(), url, party, requests: 1 }
    }

    /// The address for the next request.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The party behind the current address. Only [`Party::Registry`] may get a login, and a request that
    /// [`Party::Another`] has redirected stays with it.
    pub(crate) fn party(&self) -> Party {
        self.party
    }

    /// Moves to the address of a redirect; `false` if the answer is final.
    ///
    /// # Errors
    /// It leads where the rule does not allow, or in a loop.
    pub(crate) fn goes_on(&mut self, (status, headers): (StatusCode, &HeaderMap)) -> Result<bool, Error> {
        let asked = (&self.method, &self.url);
        let Some(next) = self.rule.next(asked, (status, headers))? else { return Ok(false) };
        if self.requests == self.rule.most_requests() {
            return match self.rule {
                Rule::Ping => Ok(false),
                _ => Err(not_followed(asked, &next, NotFollowed::TooMany)),
            };
        }
        self.requests += 1;
        self.party = self.rule.party_at(self.party, &next);
        self.url = next;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::http::destination::LeavingTls;

    const LEAVING_TLS: LeavingTls = LeavingTls::Refused;

    fn step(walk: &mut Walk<'_>, to: &str) -> Result<bool, Error> {
        let headers = HeaderMap::from_iter([(http::header::LOCATION, to.parse().unwrap())]);
        walk.goes_on((StatusCode::TEMPORARY_REDIRECT, &headers))
    }

    /// Whether the login is sent to each address of a path.
    fn logins(named_by: Party, way: &[&str]) -> Vec<bool> {
        let home = Url::parse("https://r.io/").unwrap();
        let rule = Rule::Registry { home: &home, named_by, leaving_tls: LEAVING_TLS };
        let mut walk = Walk::begin(rule, &Method::GET, Url::parse(way[0]).unwrap());
        let mut logins = vec![walk.party() == Party::Registry];
        for to in &way[1..] {
            assert!(step(&mut walk, to).unwrap());
            assert_eq!(walk.url().as_str(), *to);
            logins.push(walk.party() == Party::Registry);
        }
        logins
    }

    #[test]
    fn s1_the_login_stays_at_home_and_does_not_come_back_with_somebody_else() {
        for (named_by, way, expected) in [
            (Party::Registry, vec!["https://r.io/a", "https://r.io/b"], vec![true, true]),
            (Party::Registry, vec!["https://r.io/a", "https://s.io/b"], vec![true, false]),
            (Party::Registry, vec!["https://r.io/a", "https://r.io:444/b"], vec![true, false]),
            (
                Party::Registry,
                vec!["https://r.io/a", "https://s.io/b", "https://r.io/c"],
                vec![true, false, false],
            ),
            (Party::Registry, vec!["https://s.io/a", "https://r.io/b"], vec![false, false]),
            (Party::Another, vec!["https://r.io/a", "https://r.io/b"], vec![false, false]),
        ] {
            assert_eq!(logins(named_by, &way), expected, "{way:?}");
        }
    }

    #[test]
    fn c28_circles_end_and_only_the_first_request_takes_that_for_an_answer() {
        let home = Url::parse("https://r.io/").unwrap();
        let registry = Rule::Registry { home: &home, named_by: Party::Registry, leaving_tls: LEAVING_TLS };
        for (rule, requests, is_answer) in [
            (registry, 10, false),
            (Rule::Ping, 10, true),
            (Rule::TokenServer, 3, false),
            (Rule::Author, 5, false),
            (Rule::SameServer, 3, false),
            (Rule::Nowhere, 1, true),
        ] {
            let mut walk = Walk::begin(rule, &Method::GET, Url::parse("https://r.io/v2/").unwrap());
            for _ in 1..requests {
                assert!(step(&mut walk, "/v2/").unwrap(), "{rule:?}");
            }
            match step(&mut walk, "/v2/") {
                Ok(goes_on) => assert!(is_answer && !goes_on, "{rule:?}"),
                Err(Error::Protocol { problem: Problem::Redirect { why, .. }, .. }) => {
                    assert_eq!((is_answer, why), (false, NotFollowed::TooMany), "{rule:?}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_redirect_ends_a_walk() {
        let mut walk = Walk::begin(Rule::SameServer, &Method::GET, Url::parse("https://r.io/a").unwrap());
        assert!(!walk.goes_on((StatusCode::OK, &HeaderMap::new())).unwrap());
        assert_eq!(walk.url().as_str(), "https://r.io/a");
    }
}
