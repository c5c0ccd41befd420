//! The config of `skopeo sync --src yaml`: <https://github.com/containers/skopeo/blob/main/docs/skopeo-sync.1.md>. Target and platforms are
//! on skopeo's command line.

use std::collections::BTreeMap;

use oci::{Digest, Tag};

use super::fields::{FILE, Fields, Slip, Written, text};
use super::login::{Login, Secret, Trust};
use super::note::Notes;
use super::pattern::found;
use super::range::{self, Dialect};
use super::rule::{Referrers, Rule, Tags};
use super::{Draft, Options, place};
use crate::config::{Node, Value};

/// The target of all images.
#[derive(Clone, Copy)]
struct Target<'a> {
    to: &'a str,
    scoped: bool,
}

pub(super) fn import(root: &Node, options: Options<'_>) -> Result<Draft, Slip> {
    let no_target = "a file for skopeo does not say where images go: write `--to HOST/PREFIX`, with `--scoped` and `--all` where skopeo has them";
    let to = options.to.ok_or_else(|| Slip::new(root.line, no_target))?;
    let to = place::prefix(to).map_err(|reason| Slip::new(root.line, format!("--to: {reason}")))?;
    let target = Target { to, scoped: options.scoped };
    let mut draft = Draft::default();
    for (registry, node) in Fields::of(FILE, root)?.named() {
        let fields = Fields::of(format!("`{registry}`"), node)?;
        read_registry(registry, fields, target, &mut draft)?;
    }
    tell_collisions(&mut draft);
    if !options.all && !draft.rules.is_empty() {
        let why = "without `--all` skopeo copies the image of the platform that it runs on, by itself; these rules copy every platform. Say `--all` if that is meant, or write `platforms`";
        draft.notes.changed_for_all("platforms", why);
        draft
            .comments
            .push("skopeo was run without --all: for one platform of each image alone, write".to_owned());
        draft.comments.push("defaults: {platforms: [linux/amd64]}".to_owned());
    }
    Ok(draft)
}

fn read_registry(
    registry: &str,
    mut fields: Fields<'_>,
    target: Target<'_>,
    draft: &mut Draft,
) -> Result<(), Slip> {
    let login = read_login(&mut fields, &mut draft.notes)?;
    draft.logins.add(place::host_of(registry), login, fields.line, &mut draft.notes);
    for kind in [Kind::Named, Kind::Regex, Kind::Semver] {
        let Some(images) = fields.map(kind.key())? else { continue };
        for (name, node) in images.named() {
            let what = format!("`{registry}/{name}`");
            let wanted = kind.read(node, &what)?;
            let rules = source(registry, name).and_then(|source| {
                let to = goes_to(&source, target)?;
                wanted.rules(&place::repository(&source), &to, &what, node.line, &mut draft.notes)
            });
            match rules {
                Ok(rules) => rules.into_iter().for_each(|rule| draft.add(node.line, &what, rule)),
                Err(why) => draft.notes.left_out(node.line, &what, why),
            }
        }
    }
    fields.finish(&mut draft.notes);
    Ok(())
}

fn read_login(fields: &mut Fields<'_>, notes: &mut Notes) -> Result<Login, Slip> {
    let mut login = Login::default();
    if let Some(mut credentials) = fields.map("credentials")? {
        let (user, password) = (credentials.text("username")?, credentials.text("password")?);
        if let (Some(user), Some(password)) = (user, password) {
            login.user = Some(Secret::Literal(user.text.to_owned()));
            login.password = Some(Secret::Literal(password.text.to_owned()));
        }
        let why = "identity tokens stand in what `docker login` leaves, which is read, not in `auth`";
        credentials.leave_out(notes, &[("identitytoken", why)]);
        credentials.finish(notes);
    }
    // skopeo then also speaks plain HTTP.
    if fields.truth("tls-verify")? == Some(false) {
        login.trust = Trust::Anything;
    }
    if let Some(folder) = fields.text("cert-dir")? {
        login.ca = Some(folder.text.to_owned());
        let why = "the authorities in it count; for a client's certificate there write `clientCert` and `clientKey`. A relative path begins at the config's folder";
        notes.changed(folder.line, format!("`cert-dir` of {}", fields.what), why);
    }
    Ok(login)
}

/// The repository, joined from the two names as skopeo does it.
fn source(registry: &str, name: &str) -> Result<oci::Reference, String> {
    let reference = place::reference(&format!("{registry}/{name}"))?;
    if reference.tag.is_some() || reference.digest.is_some() {
        return Err("a repository is wanted, without tag and digest".to_owned());
    }
    Ok(reference)
}

fn goes_to(source: &oci::Reference, target: Target<'_>) -> Result<String, String> {
    let whole = place::repository(source);
    let behind = if target.scoped { &whole } else { place::last_part(source.repository.as_str()) };
    let to = format!("{}/{behind}", target.to);
    place::prefix(&to).map(str::to_owned)
}

/// The three maps of a registry: repositories, with selections of their images.
#[derive(Clone, Copy)]
enum Kind {
    Named,
    Regex,
    Semver,
}

/// The selected images of a repository.
enum Wanted<'a> {
    /// These tags and digests; all tags if the list is empty.
    These(Vec<Written<'a>>),
    Matching(&'a str),
    Within(&'a str),
}

impl Kind {
    fn key(self) -> &'static str {
        match self {
            Self::Named => "images",
            Self::Regex => "images-by-tag-regex",
            Self::Semver => "images-by-semver",
        }
    }

    fn read<'a>(self, node: &'a Node, what: &str) -> Result<Wanted<'a>, Slip> {
        let wrong = |wanted: &str| {
            Slip::new(node.line, format!("what `{}` has for {what} must be {wanted}", self.key()))
        };
        match self {
            Self::Named => {
                let items = match &node.value {
                    Value::List(items) => items.as_slice(),
                    _ if node.is_null() => &[],
                    _ => return Err(wrong("a list of tags and digests")),
                };
                let item = |item: &'a Node| text(item).map(|text| Written { text, line: item.line });
                let items: Option<Vec<_>> = items.iter().map(item).collect();
                items.map(Wanted::These).ok_or_else(|| wrong("a list of tags and digests"))
            }
            Self::Regex => text(node).map(Wanted::Matching).ok_or_else(|| wrong("a regex")),
            Self::Semver => text(node).map(Wanted::Within).ok_or_else(|| wrong("a range of versions")),
        }
    }
}

impl Wanted<'_> {
    fn rules(
        &self,
        from: &str,
        to: &str,
        what: &str,
        line: usize,
        notes: &mut Notes,
    ) -> Result<Vec<Rule>, String> {
        let rule = |from: String, tags, referrers| Rule {
            from,
            to: vec![to.to_owned()],
            tags,
            referrers,
            ..Rule::default()
        };
        let none = Some(Referrers::None);
        Ok(match self {
            Self::These(images) if images.is_empty() => {
                notes.changed(line, format!("tags of signatures in {what}"), SIGNATURES);
                vec![rule(from.to_owned(), Tags::default(), None)]
            }
            Self::These(images) => {
                let sources = sources(from, images, notes);
                if sources.is_empty() {
                    return Err("none of what it names is a tag or digest".to_owned());
                }
                sources.into_iter().map(|from| rule(from, Tags::default(), none.clone())).collect()
            }
            Self::Matching(pattern) => vec![rule(from.to_owned(), Tags::any_of(vec![found(pattern)?]), none)],
            Self::Within(range) => {
                let tags = within(range)?;
                let why = if tags.is_plain_only { RANGE } else { RANGE_WITH_PRERELEASES };
                notes.changed(line, format!("the range `{range}` of {what}"), why);
                vec![rule(from.to_owned(), tags, none)]
            }
        })
    }
}

const SIGNATURES: &str = "signatures under cosign's tags go along with their image, and so do other referrers of it, which skopeo leaves (`referrers: false` leaves both)";

const RANGE: &str = "skopeo takes what stands behind the numbers for a prerelease and leaves it, so this rule has `variants: [\"\"]`: plain versions alone; tags with more than three numbers, which are no versions to skopeo, may fit here";

const RANGE_WITH_PRERELEASES: &str = "it names a prerelease, so skopeo takes every suffix, as this rule does; numbers alone decide here, so what only the suffix keeps out of the range with skopeo may fit";

/// A repository with tags as one source. A list must begin with a tag, so digests alone are separate sources.
fn sources(from: &str, images: &[Written<'_>], notes: &mut Notes) -> Vec<String> {
    let (mut tags, mut digests) = (Vec::new(), Vec::new());
    for image in images {
        if image.text.parse::<Tag>().is_ok() {
            tags.push(image.text);
        } else if image.text.parse::<Digest>().is_ok() {
            digests.push(image.text);
        } else {
            notes.left_out(
                image.line,
                format!("`{}` of `{from}`", image.text),
                "it is neither a tag nor a digest",
            );
        }
    }
    if tags.is_empty() {
        return digests.into_iter().map(|digest| format!("{from}@{digest}")).collect();
    }
    tags.extend(digests);
    vec![format!("{from}:{}", tags.join(","))]
}

fn within(text: &str) -> Result<Tags, String> {
    let range = range::rewrite(text, Dialect::Masterminds).map_err(|reason| {
        format!("its range cannot be carried over: {reason}. Write `tags: {{semver: ...}}` by hand")
    })?;
    // A range with a prerelease makes skopeo include prereleases, and thereby every suffix.
    let (is_plain_only, prereleases) = (!range.names_prerelease, range.names_prerelease);
    Ok(Tags { semver: Some(range.text), is_plain_only, prereleases, ..Tags::default() })
}

/// If two repositories have the same target, skopeo overwrites one image by the other; ours is an error before anything moves.
fn tell_collisions(draft: &mut Draft) {
    let mut by_target: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in &draft.rules {
        let from = rule.from.split(['@']).next().unwrap_or_default();
        let name = from.rfind('/').map_or(0, |slash| slash + 1);
        let repository = from[name..].find(':').map_or(from, |colon| &from[..name + colon]);
        let sources = by_target.entry(rule.to[0].as_str()).or_default();
        if !sources.contains(&repository) {
            sources.push(repository);
        }
    }
    for (to, sources) in by_target.into_iter().filter(|(_, sources)| sources.len() > 1) {
        let why = format!(
            "`{}` all go there: skopeo writes one over the other where they have tags in common, here that is an error before anything moves. `--scoped` keeps them apart",
            sources.join("`, `")
        );
        draft.notes.changed_for_all(format!("`{to}`"), why);
    }
}
