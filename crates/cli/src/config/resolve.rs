//! From what was written to what it means: checked rules with the registries they speak to.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use providers::google::{self, ServiceAccount};
use registry::{
    Credentials, HostCertificates, Login, LoginFiles, Registry, RegistryHost, RepositoryName, Settings,
    TagOrDigest, Transport,
};
use sync::endpoint::RegistryEndpoint;
use sync::{Naming, ReferrerPolicy, Rule, RuleTarget, Selection};

use super::auth::Auth;
use super::conflict::{let_the_last_rule_win, self_copies};
use super::environment::{Lookup, expand};
use super::error::ConfigError;
use super::image_text::{ImageText, Which, parse};
use super::images::WrittenRule;
use super::load::Written;
use super::rule_error::RuleError;

/// Where rules with an empty target go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) registry: &'a str,
    pub(crate) namespace: &'a str,
}

/// Rules that can be carried out.
pub(crate) struct Resolved {
    pub(crate) rules: Vec<ResolvedRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that the rules speak to.
    pub(crate) registries: Vec<Registry>,
    pub(crate) warnings: Vec<String>,
}

/// A rule that cannot be carried out, beside others that can.
pub(crate) struct RefusedRule {
    pub(crate) written: WrittenRule,
    pub(crate) error: ConfigError,
}

/// A rule with how it was written.
pub(crate) struct ResolvedRule {
    /// The source's text, and those of the targets after defaults and variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: Rule,
    /// The key of the source's entry in `auth`.
    pub(crate) source_login: Option<String>,
    /// The keys of the targets' entries in `auth`.
    pub(crate) target_logins: Vec<Option<String>>,
}

/// Checks all rules. Those that cannot be carried out are named; some slips stop everything.
pub(crate) fn resolve(
    written: Written,
    defaults: Defaults<'_>,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let Written { auth, rules, rules_file, mut warnings } = written;
    warnings.extend(auth.warnings.iter().cloned());
    let registries = Registries::new(&auth, lookup, transport);
    let mut resolver = Resolver { defaults, lookup, registries, warnings };
    let (mut checked, mut refused, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for rule in &rules {
        let error = match resolver.rule(rule) {
            Ok(rule) => {
                checked.push(rule);
                continue;
            }
            Err(error) => error,
        };
        let stops_everything = error.stops_everything();
        let error = match &rules_file {
            Some(file) => ConfigError::from(error).file(file).line(rule.line),
            None => error.into(),
        };
        if stops_everything {
            errors.push(error);
        } else {
            refused.push(RefusedRule { written: rule.clone(), error });
        }
    }
    // A config of which nothing is left, and one that was not finished, are told whole.
    if !errors.is_empty() || (checked.is_empty() && !refused.is_empty()) {
        errors.extend(refused.into_iter().map(|refused| refused.error));
        errors.sort_by_key(ConfigError::line_number);
        return Err(errors);
    }
    if let Some(rules_file) = rules_file.filter(|_| rules.is_empty()) {
        resolver.warnings.push(format!("{} has no rules: there is nothing to copy", rules_file.display()));
    }
    let Resolver { registries, mut warnings, .. } = resolver;
    warnings.extend(registries.warnings());
    let registries = registries.handles.into_values().collect();
    warnings.extend(let_the_last_rule_win(&mut checked));
    warnings.extend(self_copies(&checked));
    Ok(Resolved { rules: checked, refused, registries, warnings })
}

struct Resolver<'a> {
    defaults: Defaults<'a>,
    lookup: Lookup<'a>,
    registries: Registries<'a>,
    warnings: Vec<String>,
}

impl Resolver<'_> {
    fn rule(&mut self, rule: &WrittenRule) -> Result<ResolvedRule, RuleError> {
        if rule.source.is_empty() {
            return Err(RuleError::SourceEmpty);
        }
        let source = parse(&rule.source).map_err(RuleError::Source)?;
        let (mut targets, mut texts) = (Vec::new(), Vec::new());
        for text in &rule.targets {
            let text = self.target(rule, &source, text)?;
            if !texts.contains(&text) {
                targets.push(self.rule_target(rule, &source, &text)?);
                texts.push(text);
            }
        }
        let source_login = self.registries.login_name(&source.registry, &source.repository);
        let login = |target: &RuleTarget| {
            self.registries.login_name(target.target.registry(), target.target.repository())
        };
        let target_logins = targets.iter().map(login).collect();
        let endpoint = self.registries.source(&source.registry, &source.repository);
        let selection = selection(source.which, &targets);
        let written = WrittenRule { line: rule.line, source: rule.source.clone(), targets: texts };
        let rule = Rule { source: Arc::new(endpoint), selection, targets, referrers: ReferrerPolicy::Leave };
        Ok(ResolvedRule { written, rule, source_login, target_logins })
    }

    /// The target's text with variables replaced, or made from the defaults.
    fn target(&mut self, rule: &WrittenRule, source: &ImageText, text: &str) -> Result<String, RuleError> {
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
    fn default_target(&self, rule: &WrittenRule, source: &ImageText) -> Result<String, RuleError> {
        let registry = self.defaults.registry.trim_end_matches('/');
        let namespace = self.defaults.namespace.trim_matches('/');
        let path = source.repository.as_str();
        match (registry, namespace) {
            ("", _) => Err(RuleError::TargetEmpty { source_text: rule.source.clone() }),
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
    ) -> Result<RuleTarget, RuleError> {
        let source_text = rule.source.clone();
        let target = parse(text).map_err(|reason| RuleError::Target {
            source_text: source_text.clone(),
            text: text.to_owned(),
            reason,
        })?;
        check_names(&source_text, source, text, &target)?;
        if !text.contains('/') && text.contains('.') {
            let slip =
                format!("the target `{text}` of `{source_text}` looks like a registry without a repository");
            self.warnings.push(format!("{slip}: it is taken for {}/{}", target.registry, target.repository));
        }
        if matches!(target.which, Which::Matching(_)) {
            let odd = format!(
                "the pattern in the target `{text}` of `{source_text}` selects among the source's tags"
            );
            self.warnings.push(format!("{odd}: it is clearer in the source"));
        }
        let endpoint = self.registries.target(&target.registry, &target.repository);
        Ok(RuleTarget { target: Arc::new(endpoint), naming: naming(target.which) })
    }
}

/// Checks names at the target against images at the source, as far as both are written down.
fn check_names(
    source_text: &str,
    source: &ImageText,
    text: &str,
    target: &ImageText,
) -> Result<(), RuleError> {
    let Which::These(names) = &target.which else { return Ok(()) };
    let (source_text, text) = (source_text.to_owned(), text.to_owned());
    let repeated = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name));
    if let Some((_, name)) = repeated {
        return Err(RuleError::NameTwice { source_text, text, name: name.clone() });
    }
    let Which::These(images) = &source.which else { return Ok(()) };
    if images.len() != names.len() {
        return Err(RuleError::Count { source_text, text, images: images.len(), names: names.len() });
    }
    match (&images[..], &names[..]) {
        ([TagOrDigest::Digest(image)], [TagOrDigest::Digest(name)]) if image != name => {
            Err(RuleError::OtherDigest { source_text, wanted: name.clone() })
        }
        _ => Ok(()),
    }
}

fn selection(which: Which, targets: &[RuleTarget]) -> Selection {
    match which {
        Which::Unsaid => Selection::All,
        Which::Matching(pattern) => Selection::Matching(pattern),
        Which::These(images) => {
            // Names are paired by position, so an image may only be left out where there are none.
            let paired = targets.iter().any(|target| matches!(target.naming, Naming::These(_)));
            let mut seen = HashSet::new();
            Selection::These(
                images.into_iter().filter(|image| paired || seen.insert(image.clone())).collect(),
            )
        }
    }
}

fn naming(which: Which) -> Naming {
    match which {
        Which::Unsaid => Naming::Same,
        Which::Matching(pattern) => Naming::Matching(pattern),
        Which::These(names) => Naming::These(names.into_iter().map(Some).collect()),
    }
}

/// One handle for each registry and login, so that connections and tokens are shared by all rules.
struct Registries<'a> {
    auth: &'a Auth,
    /// What `docker login` and `podman login` left: for registries without a login in `auth`.
    login_files: LoginFiles,
    transport: &'a Transport,
    handles: HashMap<(RegistryHost, Option<usize>, Option<String>), Registry>,
    used: BTreeSet<usize>,
    targets_without_login: BTreeSet<String>,
    home: Option<PathBuf>,
    /// What could not be read, each once.
    unusable: BTreeSet<String>,
}

impl<'a> Registries<'a> {
    fn new(auth: &'a Auth, lookup: Lookup<'_>, transport: &'a Transport) -> Self {
        let (login_files, errors) = LoginFiles::read(lookup);
        let unusable = errors.iter().map(ToString::to_string).collect();
        let home = lookup("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let (handles, used, targets_without_login) = Default::default();
        Self { auth, login_files, transport, handles, used, targets_without_login, home, unusable }
    }

    fn source(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        RegistryEndpoint::source(&self.registry(host, repository), repository)
    }

    fn target(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        if self.login_name(host, repository).is_none() && self.auth.find(host, repository).is_none() {
            self.targets_without_login.insert(host.to_string());
        }
        RegistryEndpoint::target(&self.registry(host, repository), repository)
    }

    /// Where an image's login comes from: an entry in `auth`, or a login file.
    fn login_name(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<String> {
        let entry = self.auth.find(host, repository).map(|index| &self.auth.entries[index]);
        match entry {
            Some(entry) if entry.credentials.is_some() => Some(entry.key.clone()),
            _ => {
                let file =
                    self.login_files.find(host, repository).map(|found| found.file.display().to_string());
                file.or_else(|| entry.map(|entry| entry.key.clone()))
            }
        }
    }

    fn registry(&mut self, host: &RegistryHost, repository: &RepositoryName) -> Registry {
        let index = self.auth.find(host, repository);
        self.used.extend(index);
        let entry = index.map(|index| &self.auth.entries[index]);
        let reach = entry.map(|entry| entry.reach.clone()).unwrap_or_default();
        let trusted_realm = entry.and_then(|entry| entry.trusted_realm.clone());
        let (login, file) = match entry.and_then(|entry| entry.credentials.clone()) {
            Some(credentials) => (self.written_login(host, credentials), None),
            None => match self.login_files.find(host, repository) {
                // Files may have a login for each path: each gets its own handle.
                Some(found) => (found.login, Some(found.identity)),
                None => (Login::Anonymous, None),
            },
        };
        let certificates = reach.certificates.and(self.certificates(host));
        let make = || {
            let settings = Settings {
                login,
                security: reach.security,
                certificates,
                proxies: reach.proxies,
                http_version: reach.http_version,
                trusted_realm,
                ..Settings::new(host.clone())
            };
            Registry::new(settings, self.transport.clone())
        };
        self.handles.entry((host.clone(), index, file)).or_insert_with(make).clone()
    }

    /// A login as it was written, or what its password is traded for.
    fn written_login(&mut self, host: &RegistryHost, credentials: Credentials) -> Login {
        if credentials.user() != google::SERVICE_ACCOUNT_USER || !google::is_google(host) {
            return Login::User(credentials);
        }
        match ServiceAccount::from_base64(credentials.password()) {
            Ok(account) => Login::Source(Arc::new(account)),
            Err(error) => {
                self.unusable.insert(format!("the auth entry for `{host}`: {error}"));
                Login::Anonymous
            }
        }
    }

    /// What `certs.d` has for a registry; what cannot be used is told, and the system's certificates count.
    fn certificates(&mut self, host: &RegistryHost) -> HostCertificates {
        HostCertificates::read(host, self.home.as_deref()).unwrap_or_else(|error| {
            self.unusable.insert(error.to_string());
            HostCertificates::default()
        })
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
        warnings.extend(self.unusable.iter().cloned());
        warnings.extend(
            unused.iter().map(|(_, entry)| format!("the auth entry `{}` is used by no rule", entry.key)),
        );
        warnings
    }
}

#[cfg(test)]
mod tests;
