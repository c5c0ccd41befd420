//! The keys of an auth entry for features beside the protocol: a cloud's logins, and creating missing repositories.

use std::str::FromStr;

use super::entry_reader::EntryReader;
use crate::config::document::Node;
use crate::config::error::ConfigError;
use endpoints::AcrSettings;

/// Features of a registry beside the protocol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// Set for Alibaba's registries, with temporary logins.
    pub(crate) acr: Option<AcrSettings>,
    pub(crate) missing: MissingRepositories,
}

/// How to treat a missing project, namespace or repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MissingRepositories {
    /// The registry's own refusal is reported.
    #[default]
    AreTold,
    /// They are created through the registry's API.
    AreCreated,
}

const PROVIDER_HELP: &str = r#"write "provider": "acr" for Alibaba Cloud, or leave the key out"#;
const ACR_HELP: &str = r#"write "instanceId": "cri-...", "region": "cn-shanghai", "endpoint": "cr.cn-shanghai.aliyuncs.com" or a whole URL"#;

impl EntryReader<'_> {
    /// Reads these keys; all are optional.
    pub(super) fn offer(&mut self, fields: &[(String, Node)]) -> Result<Offer, ConfigError> {
        let creates = self.flag(fields, "create")?;
        let missing = if creates { MissingRepositories::AreCreated } else { MissingRepositories::AreTold };
        let acr = match self.find(fields, "provider") {
            None => None,
            Some(node) => match self.text("provider", node)?.as_str() {
                "" => None,
                "acr" => Some(self.acr(fields)?),
                other => {
                    let problem = format!("has the provider `{other}`, which is not known");
                    return Err(self.error(node, &problem).help(PROVIDER_HELP));
                }
            },
        };
        Ok(Offer { acr, missing })
    }

    fn acr(&mut self, fields: &[(String, Node)]) -> Result<AcrSettings, ConfigError> {
        Ok(AcrSettings {
            instance: self.parsed(fields, "instanceId")?,
            region: self.parsed(fields, "region")?,
            endpoint: self.parsed(fields, "endpoint")?,
        })
    }

    fn parsed<T>(&mut self, fields: &[(String, Node)], field: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: std::error::Error,
    {
        let Some(node) = self.find(fields, field) else { return Ok(None) };
        let text = self.text(field, node)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|error: T::Err| self.wrong(node, field, &error).help(ACR_HELP))
    }
}
