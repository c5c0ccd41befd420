//! Restricts a config to one rule, by its name.

use super::error::ConfigError;
use super::load::{Written, WrittenLogins};
use super::sync_rules::SyncRule;
use crate::nearest::nearest;

impl Written {
    /// Checks that a rule with this name exists.
    ///
    /// # Errors
    /// No rule has that name.
    pub(crate) fn knows(&self, name: &str) -> Result<(), ConfigError> {
        let named = self.sync.iter().flat_map(|sync| &sync.rules).filter_map(|rule| rule.name.as_ref());
        let known: Vec<_> = named.map(|name| name.text.as_str()).collect();
        if known.contains(&name) { Ok(()) } else { Err(unknown(name, &known)) }
    }

    /// The config with this rule alone. Logins that only other rules use cause no warning.
    ///
    /// # Errors
    /// No rule has that name.
    pub(crate) fn only(mut self, name: &str) -> Result<Self, ConfigError> {
        self.knows(name)?;
        let is_wanted = |rule: &SyncRule| rule.name.as_ref().is_some_and(|own| own.text == name);
        self.sync.iter_mut().for_each(|sync| sync.rules.retain(is_wanted));
        self.rules.clear();
        self.logins = WrittenLogins::InAnotherConfig;
        Ok(self)
    }
}

fn unknown(name: &str, known: &[&str]) -> ConfigError {
    let error = ConfigError::new(format!("--only: no rule of `sync` has the name `{name}`"));
    match (nearest(name, known), known) {
        (Some(nearest), _) => error.help(format!("did you mean `{nearest}`?")),
        (None, []) => error.help("give the rule a name: `- name: NAME`; rules of `images` have none"),
        (None, known) => error.help(format!("those that have names: {}", known.join(", "))),
    }
}
