//! One rule of a config by its name, and nothing of the others.

use super::error::ConfigError;
use super::load::{Written, WrittenLogins};
use crate::nearest::nearest;

impl Written {
    /// The config with this rule alone. Logins that only others use are none of this run's.
    ///
    /// # Errors
    /// No rule has that name.
    pub(crate) fn only(mut self, name: &str) -> Result<Self, ConfigError> {
        let rules = self.sync.as_mut().map(|sync| &mut sync.rules);
        let is_wanted =
            |rule: &super::sync_rules::SyncRule| rule.name.as_ref().is_some_and(|own| own.text == name);
        match rules {
            Some(rules) if rules.iter().any(is_wanted) => rules.retain(is_wanted),
            rules => {
                let named = rules.iter().flat_map(|rules| rules.iter()).filter_map(|rule| rule.name.as_ref());
                return Err(unknown(name, &named.map(|name| name.text.as_str()).collect::<Vec<_>>()));
            }
        }
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
