//! Harbor's replication policies, as returned by `GET /api/v2.0/replication/policies`: a list of them, or one.

mod filter;
mod registry;

use super::fields::{Fields, Slip};
use super::pattern::{is_plain_path, literal_front};
use super::rule::{Patterns, Rule};
use super::{Draft, Options, place};
use crate::config::{Node, Value};
use filter::Filters;

const NOT_NEEDED: &str = "it is not needed here";

/// Keys that do not affect which images are copied.
const SILENT: [&str; 5] = ["id", "description", "creator", "creation_time", "update_time"];

pub(super) fn import(root: &Node, options: Options<'_>) -> Result<Draft, Slip> {
    let policies = match &root.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![root],
    };
    let harbor = options.harbor.map(place::host_of);
    if let Some(harbor) = harbor {
        place::prefix(harbor).map_err(|reason| Slip::new(root.line, format!("--harbor: {reason}")))?;
    }
    let mut draft = Draft::default();
    for (index, node) in policies.into_iter().enumerate() {
        let policy = Fields::of(format!("policy {}", index + 1), node)?;
        read_policy(policy, harbor, &mut draft)?;
    }
    if !draft.rules.is_empty() {
        draft.notes.changed_for_all(
            "artifacts without a tag",
            "Harbor's policies copy them, too, where no filter asks for tags; these rules copy tags",
        );
        tell_missing_login(harbor, &mut draft);
        draft.notes.changed_for_all(
            "signatures",
            "they go along wherever they are found; Harbor takes them from a Harbor only",
        );
    }
    Ok(draft)
}

/// Policies have no login for the Harbor that they belong to.
fn tell_missing_login(harbor: Option<&str>, draft: &mut Draft) {
    let Some(harbor) = harbor else { return };
    let front = format!("{harbor}/");
    let is_there =
        |rule: &Rule| rule.from.starts_with(&front) || rule.to.iter().any(|to| to.starts_with(&front));
    if draft.rules.iter().any(is_there) {
        let why = "no policy has it: write one into `auth`, where `docker login` left none";
        draft.notes.missing(format!("the login for `{harbor}`"), why);
    }
}

fn read_policy(mut policy: Fields<'_>, harbor: Option<&str>, draft: &mut Draft) -> Result<(), Slip> {
    let name = policy.text("name")?;
    let what = name.map_or_else(|| policy.what.clone(), |name| format!("policy `{}`", name.text));
    policy.what.clone_from(&what);
    if policy.node("src_registry").is_none() && policy.node("dest_registry").is_none() {
        let problem =
            format!("{what} has neither `src_registry` nor `dest_registry`, as Harbor's API has them");
        return Err(Slip::new(policy.line, problem));
    }
    policy.pass_over(&SILENT);
    if policy.truth("enabled")? == Some(false) {
        draft.notes.left_out(policy.line, &what, "it is disabled in Harbor");
        return Ok(());
    }
    let source =
        policy.map("src_registry")?.map(|fields| registry::read(fields, harbor, draft)).transpose()?;
    let target =
        policy.map("dest_registry")?.map(|fields| registry::read(fields, harbor, draft)).transpose()?;
    let local = || registry::local(harbor, policy.line);
    let (source, target) = (source.map_or_else(local, Ok)?, target.map_or_else(local, Ok)?);
    let filters = filter::read(policy.maps("filters", &format!("{what}, filter"))?, &mut draft.notes)?;
    let namespace = policy.text("dest_namespace")?.map(|namespace| namespace.text);
    let replaced = policy.number("dest_namespace_replace_count")?.unwrap_or(-1);
    let keeps_conflicts = policy.truth("override")? == Some(false);
    let rule = filters.and_then(|filters| {
        let way = Way { source: &source, target: &target, namespace, replaced };
        Ok(Rule { tags: filters.tags()?, keeps_conflicts, ..way.rule(&filters)? })
    });
    match rule {
        Ok(mut rule) => {
            if rule.from.contains('*') && place::is_docker_hub(&source) {
                draft.notes.changed(policy.line, &what, place::NO_LIST_AT_HUB);
            }
            if replaced < 0 && namespace.is_some() && rule.from.contains('*') {
                draft.notes.changed(policy.line, &what, "repositories whose last parts are the same go to one; Harbor mixes them, here that is an error before the rule copies anything");
            }
            if replaced > 0 && namespace.is_some() && rule.from.contains('*') {
                draft.notes.changed(policy.line, &what, "a repository with too few parts for `dest_namespace_replace_count` fails in Harbor; here it is passed over, or keeps its name");
            }
            rule.name = name.map(|name| draft.unique_name(name.text));
            draft.add(policy.line, &what, rule);
        }
        Err(why) => draft.notes.left_out(policy.line, &what, why),
    }
    leave_out(&mut policy, draft)?;
    policy.finish(&mut draft.notes);
    Ok(())
}

/// Reports settings without an equivalent.
fn leave_out(policy: &mut Fields<'_>, draft: &mut Draft) -> Result<(), Slip> {
    let notes = &mut draft.notes;
    if let Some(mut trigger) = policy.map("trigger")? {
        let kind = trigger.text("type")?;
        if let Some(kind) = kind.filter(|kind| kind.text != "manual") {
            let why = "this program runs once and ends: let cron or a timer start `image-syncer sync`";
            notes.left_out(kind.line, format!("`trigger` of {}", policy.what), why);
        }
    }
    for key in ["deletion", "replicate_deletion"] {
        if policy.truth(key)? == Some(true) {
            notes.left_out(
                policy.line,
                format!("`{key}` of {}", policy.what),
                "nothing is deleted by a copy: see `image-syncer prune`",
            );
        }
    }
    if let Some(speed) = policy.number("speed")?.filter(|speed| *speed > 0) {
        let why = format!("how fast is read is a flag for all rules together: `--bandwidth {speed}KiB/s`");
        notes.left_out(policy.line, format!("`speed` of {}", policy.what), why);
    }
    for key in ["copy_by_chunk", "single_active_replication"] {
        if policy.truth(key)? == Some(true) {
            notes.left_out(policy.line, format!("`{key}` of {}", policy.what), NOT_NEEDED);
        }
    }
    Ok(())
}

/// The mapping from source to target repositories.
struct Way<'a> {
    source: &'a str,
    target: &'a str,
    /// Replaces the first components of the source's path.
    namespace: Option<&'a str>,
    /// The number of replaced components; all but the last if negative.
    replaced: i64,
}

impl Way<'_> {
    fn rule(&self, filters: &Filters) -> Result<Rule, String> {
        let glob = filters.name.as_deref().filter(|glob| !glob.is_empty()).unwrap_or("**");
        if let Some(pattern) = glob.strip_prefix("regex:") {
            let include = vec![super::pattern::found(pattern)?];
            return self.many("**", Patterns { include, exclude: Vec::new() });
        }
        let (front, is_whole) = literal_front(glob);
        if is_whole {
            return self.one(glob);
        }
        if is_plain_path(glob) {
            return self.many(glob, Patterns::default());
        }
        // A glob that our patterns cannot express becomes a filter on everything below its literal beginning.
        let below = front.iter().chain(&["**"]).copied().collect::<Vec<_>>().join("/");
        self.many(&below, Patterns { include: vec![glob.to_owned()], exclude: Vec::new() })
    }

    /// A rule for one repository.
    fn one(&self, path: &str) -> Result<Rule, String> {
        let parts: Vec<&str> = path.split('/').collect();
        let kept = match (self.namespace, usize::try_from(self.replaced)) {
            (None, _) => path.to_owned(),
            (Some(namespace), Err(_)) => format!("{namespace}/{}", place::last_part(path)),
            (Some(_), Ok(replaced)) if replaced >= parts.len() => return Err(self.too_short()),
            (Some(namespace), Ok(replaced)) => format!("{namespace}/{}", parts[replaced..].join("/")),
        };
        let at = |host: &str, path: &str| {
            let text = format!("{host}/{path}");
            place::prefix(&text).map(str::to_owned)
        };
        Ok(Rule { from: at(self.source, path)?, to: vec![at(self.target, &kept)?], ..Rule::default() })
    }

    fn many(&self, glob: &str, repositories: Patterns) -> Result<Rule, String> {
        let (mut from, mut repositories) = (format!("{}/{glob}", self.source), repositories);
        let behind = match (self.namespace, self.replaced) {
            (None, _) => "{path}".to_owned(),
            (Some(namespace), ..0) => format!("{namespace}/{{name}}"),
            (Some(namespace), 0) => format!("{namespace}/{{path}}"),
            (Some(namespace), 1) => format!("{namespace}/{{repository}}"),
            (Some(namespace), replaced) => {
                if replaced > 100 {
                    return Err(self.too_short());
                }
                from = format!("{}/((?:[^/]+/){{{replaced}}}(.+))/", self.source);
                if repositories.include.is_empty() && glob != "**" {
                    repositories.include.push(glob.to_owned());
                }
                format!("{namespace}/$1")
            }
        };
        if let Some(namespace) = self.namespace {
            place::prefix(&format!("{}/{namespace}", self.target))?;
        }
        Ok(Rule { from, to: vec![format!("{}/{behind}", self.target)], repositories, ..Rule::default() })
    }

    fn too_short(&self) -> String {
        format!("`dest_namespace_replace_count` is {}, but its repositories have fewer parts", self.replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(
        name: &str,
        namespace: Option<&str>,
        replaced: i64,
    ) -> Result<(String, String, Vec<String>), String> {
        let way = Way { source: "a.io", target: "b.io", namespace, replaced };
        let rule = way.rule(&Filters { name: Some(name.to_owned()), ..Filters::default() })?;
        Ok((rule.from, rule.to.concat(), rule.repositories.include))
    }

    #[test]
    fn flattening_is_as_harbor_has_it() {
        let ns = Some("n");
        for (name, namespace, replaced, from, to, include) in [
            ("a/b/c/image", ns, -1, "a.io/a/b/c/image", "b.io/n/image", ""),
            ("a/b/c/image", ns, 0, "a.io/a/b/c/image", "b.io/n/a/b/c/image", ""),
            ("a/b/c/image", ns, 1, "a.io/a/b/c/image", "b.io/n/b/c/image", ""),
            ("a/b/c/image", ns, 3, "a.io/a/b/c/image", "b.io/n/image", ""),
            ("a/b/c/image", None, 3, "a.io/a/b/c/image", "b.io/a/b/c/image", ""),
            ("library/**", ns, -1, "a.io/library/**", "b.io/n/{name}", ""),
            ("library/**", ns, 0, "a.io/library/**", "b.io/n/{path}", ""),
            ("library/**", ns, 1, "a.io/library/**", "b.io/n/{repository}", ""),
            ("library/**", ns, 2, "a.io/((?:[^/]+/){2}(.+))/", "b.io/n/$1", "library/**"),
            ("", None, -1, "a.io/**", "b.io/{path}", ""),
            ("library/{a,b}", None, -1, "a.io/library/**", "b.io/{path}", "library/{a,b}"),
            ("{a,b}/**", None, -1, "a.io/**", "b.io/{path}", "{a,b}/**"),
            ("regex:^lib", None, -1, "a.io/**", "b.io/{path}", "/^lib/"),
        ] {
            let include: Vec<String> =
                Some(include.to_owned()).filter(|include| !include.is_empty()).into_iter().collect();
            assert_eq!(
                made(name, namespace, replaced),
                Ok((from.into(), to.into(), include)),
                "{name} {replaced}"
            );
        }
        assert!(made("a/image", ns, 2).is_err() && made("A/image", ns, 1).is_err());
    }
}
