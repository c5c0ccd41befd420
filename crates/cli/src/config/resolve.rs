//! From what was written to what it means: checked rules with the registries they speak to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use registry::{Registry, RegistryHost, RepositoryName, Security, Settings, Transport};
use sync::endpoint::RegistryEndpoint;
use sync::{Naming, Rule, RuleTarget, Selection};

use super::auth::Auth;
use super::environment::{Lookup, expand};
use super::error::ConfigError;
use super::image_text::{ImageText, Which, parse};
use super::images::WrittenRule;
use super::load::Written;

/// Where rules with an empty target go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) registry: &'a str,
    pub(crate) namespace: &'a str,
}

/// Rules that can be carried out.
pub(crate) struct Resolved {
    pub(crate) rules: Vec<Rule>,
    pub(crate) warnings: Vec<String>,
}

/// Checks all rules. Every bad one is named; then nothing is copied at all.
pub(crate) fn resolve(
    written: Written,
    defaults: Defaults<'_>,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let Written { auth, rules, rules_file, mut warnings } = written;
    warnings.extend(auth.warnings.iter().cloned());
    let mut resolver = Resolver { defaults, lookup, registries: Registries::new(&auth, transport), warnings };
    let (mut checked, mut errors) = (Vec::new(), Vec::new());
    for rule in &rules {
        match resolver.rule(rule) {
            Ok(rule) => checked.push(rule),
            Err(error) => errors.push(error.file(&rules_file).line(rule.line)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if rules.is_empty() {
        resolver.warnings.push(format!("{} has no rules: there is nothing to copy", rules_file.display()));
    }
    let Resolver { registries, mut warnings, .. } = resolver;
    warnings.extend(registries.warnings());
    Ok(Resolved { rules: checked, warnings })
}

struct Resolver<'a> {
    defaults: Defaults<'a>,
    lookup: Lookup<'a>,
    registries: Registries<'a>,
    warnings: Vec<String>,
}

impl Resolver<'_> {
    fn rule(&mut self, rule: &WrittenRule) -> Result<Rule, ConfigError> {
        if rule.source.is_empty() {
            return Err(ConfigError::new("a rule has an empty source"));
        }
        let source = parse(&rule.source)
            .map_err(|error| ConfigError::new(format!("the source of a rule cannot be used: {error}")))?;
        let mut targets = Vec::new();
        let mut texts = BTreeSet::new();
        for text in &rule.targets {
            let target = self.target(rule, &source, text)?;
            if texts.insert(target.clone()) {
                targets.push(self.rule_target(rule, &source, &target)?);
            }
        }
        let endpoint = self.registries.source(&source.registry, &source.repository);
        Ok(Rule { source: Arc::new(endpoint), selection: selection(source.which), targets })
    }

    /// The target's text with variables replaced, or made from the defaults.
    fn target(&mut self, rule: &WrittenRule, source: &ImageText, text: &str) -> Result<String, ConfigError> {
        if text.is_empty() {
            return self.default_target(rule, source);
        }
        let expanded = expand(text, self.lookup);
        for name in &expanded.undefined {
            let warning = format!("the target of `{}` refers to ${name}, which has no value", rule.source);
            self.warnings.push(warning);
        }
        Ok(expanded.text)
    }

    /// With registry and namespace: the source's path without its first part. With a registry alone: all of it.
    fn default_target(&self, rule: &WrittenRule, source: &ImageText) -> Result<String, ConfigError> {
        let registry = self.defaults.registry.trim_end_matches('/');
        let namespace = self.defaults.namespace.trim_matches('/');
        let path = source.repository.as_str();
        match (registry, namespace) {
            ("", _) => Err(ConfigError::new(format!("the target of `{}` is empty", rule.source))
                .help("write a target, or give --registry and --namespace for all empty ones")),
            (registry, "") => Ok(format!("{registry}/{path}")),
            (registry, namespace) => {
                let below = path.split_once('/').map_or(path, |(_, below)| below);
                Ok(format!("{registry}/{namespace}/{below}"))
            }
        }
    }

    fn rule_target(
        &mut self,
        rule: &WrittenRule,
        source: &ImageText,
        text: &str,
    ) -> Result<RuleTarget, ConfigError> {
        let wrong = |reason: String| {
            ConfigError::new(format!("the target `{text}` of `{}` cannot be used: {reason}", rule.source))
        };
        let target = parse(text).map_err(|error| wrong(error.to_string()))?;
        if let (Which::These(images), Which::These(names)) = (&source.which, &target.which)
            && images.len() != names.len()
        {
            let problem = format!("it has {} name(s) for {} image(s)", names.len(), images.len());
            return Err(wrong(problem).help("give no name to keep the source's, or one name for each image"));
        }
        let endpoint = self.registries.target(&target.registry, &target.repository);
        Ok(RuleTarget { target: Arc::new(endpoint), naming: naming(target.which) })
    }
}

fn selection(which: Which) -> Selection {
    match which {
        Which::Unsaid => Selection::All,
        Which::Matching(pattern) => Selection::Matching(pattern),
        Which::These(images) => Selection::These(images),
    }
}

fn naming(which: Which) -> Naming {
    match which {
        Which::Unsaid => Naming::Same,
        Which::Matching(pattern) => Naming::Matching(pattern),
        Which::These(names) => Naming::These(names),
    }
}

/// One handle for each registry and login, so that connections and tokens are shared by all rules.
struct Registries<'a> {
    auth: &'a Auth,
    transport: &'a Transport,
    handles: HashMap<(RegistryHost, Option<usize>), Registry>,
    used: BTreeSet<usize>,
    targets_without_login: BTreeSet<String>,
}

impl<'a> Registries<'a> {
    fn new(auth: &'a Auth, transport: &'a Transport) -> Self {
        let (handles, used, targets_without_login) = Default::default();
        Self { auth, transport, handles, used, targets_without_login }
    }

    fn source(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        RegistryEndpoint::source(&self.registry(host, repository), repository)
    }

    fn target(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        if self.auth.find(host, repository).is_none() {
            self.targets_without_login.insert(host.to_string());
        }
        RegistryEndpoint::target(&self.registry(host, repository), repository)
    }

    fn registry(&mut self, host: &RegistryHost, repository: &RepositoryName) -> Registry {
        let index = self.auth.find(host, repository);
        self.used.extend(index);
        let entry = index.map(|index| &self.auth.entries[index]);
        let make = || {
            let credentials = entry.and_then(|entry| entry.credentials.clone());
            let security = entry.map_or(Security::Verified, |entry| entry.security);
            Registry::new(Settings { host: host.clone(), credentials, security }, self.transport.clone())
        };
        self.handles.entry((host.clone(), index)).or_insert_with(make).clone()
    }

    /// A login for one registry and a target at another is the most common slip of all.
    fn warnings(&self) -> Vec<String> {
        let unused: Vec<_> =
            self.auth.entries.iter().enumerate().filter(|(index, _)| !self.used.contains(index)).collect();
        let mut warnings: Vec<_> = self
            .targets_without_login
            .iter()
            .map(|host| {
                let unused = unused.iter().map(|(_, entry)| format!("`{}`", entry.key)).collect::<Vec<_>>();
                let meant = if unused.is_empty() { String::new() } else { format!("; did you mean {}?", unused.join(" or ")) };
                format!("the target registry `{host}` has no entry in auth, so it is written to without a login{meant}")
            })
            .collect();
        warnings.extend(
            unused.iter().map(|(_, entry)| format!("the auth entry `{}` is used by no rule", entry.key)),
        );
        warnings
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn resolved(
        auth: &str,
        images: &str,
        registry: &str,
        namespace: &str,
    ) -> Result<Resolved, Vec<ConfigError>> {
        let file = PathBuf::from("c.json");
        let json = |text: &str| crate::config::json::read(text).unwrap();
        let lookup = |name: &str| (name == "NS").then(|| "team".to_owned());
        let auth = super::super::auth::read(
            &file,
            crate::config::document::Format::Json,
            &json(auth),
            super::super::auth::Expansion::Literal,
            &lookup,
        )
        .unwrap();
        let rules = super::super::images::read(&file, &json(images)).unwrap();
        let written = Written { auth, rules, rules_file: file, warnings: Vec::new() };
        let transport = Transport::new("test", &[]).unwrap();
        resolve(written, Defaults { registry, namespace }, &transport, &lookup)
    }

    fn targets(images: &str, registry: &str, namespace: &str) -> Vec<String> {
        let resolved =
            resolved("{}", images, registry, namespace).unwrap_or_else(|errors| panic!("{errors:?}"));
        let targets = resolved.rules.iter().flat_map(|rule| &rule.targets);
        targets.map(|target| target.target.name().to_owned()).collect()
    }

    #[test]
    fn empty_targets_are_named_by_the_defaults() {
        let rule = |source: &str| format!(r#"{{"{source}": ""}}"#);
        for (source, with_namespace, without) in [
            ("harbor.host:32080/library/nginx", "d.io/ns/nginx", "d.io/library/nginx"),
            ("gcr.io/a/b/c/d/e:v1", "d.io/ns/b/c/d/e", "d.io/a/b/c/d/e"),
            ("nginx", "d.io/ns/nginx", "d.io/library/nginx"),
            ("r.io/app", "d.io/ns/app", "d.io/app"),
        ] {
            assert_eq!(targets(&rule(source), "d.io", "ns"), [with_namespace]);
            assert_eq!(targets(&rule(source), "d.io", ""), [without]);
            assert!(resolved("{}", &rule(source), "", "ns").is_err());
        }
        assert_eq!(targets(&rule("r.io/x/app"), "d.io/", "a/b"), ["d.io/a/b/app"]);
    }

    #[test]
    fn several_targets_variables_and_repetitions() {
        let rule = r#"{"r.io/a/b:v1": ["t.io/${NS}/b", "t.io/team/b", "u.io/b:x"]}"#;
        assert_eq!(targets(rule, "", ""), ["t.io/team/b", "u.io/b"]);
    }

    #[test]
    fn every_bad_rule_is_named_with_its_line() {
        let errors = resolved(
            "{}",
            "{\n\"r.io/A:v1\": \"t.io/a\",\n\"r.io/a:v1,v2\": \"t.io/a:x\",\n\"\": \"x\"}",
            "",
            "",
        );
        let errors: Vec<_> = errors.err().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 3);
        assert!(
            errors[0].starts_with("c.json:2: the source") && errors[0].contains("upper-case"),
            "{errors:?}"
        );
        assert!(
            errors[1].starts_with("c.json:3: the target") && errors[1].contains("1 name(s) for 2 image(s)")
        );
    }

    #[test]
    fn the_seeds_slip_is_told_with_both_names() {
        let auth = r#"{"a.cn-shanghai.cr.aliyuncs.com": {}, "harbor.host:32080": {}}"#;
        let warnings = resolved(
            auth,
            r#"{"harbor.host:32080/library/nginx": ""}"#,
            "registry.cn-beijing.aliyuncs.com",
            "x",
        );
        let warnings = warnings.unwrap_or_else(|errors| panic!("{errors:?}")).warnings;
        assert!(
            warnings[0].contains("registry.cn-beijing.aliyuncs.com")
                && warnings[0].contains("a.cn-shanghai.cr")
        );
        assert_eq!(warnings.len(), 2);
    }
}
