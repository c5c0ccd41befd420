//! Profiles of the aliyun CLI, `~/.aliyun/config.json`.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::assume_role::{DURATION_SECONDS, RoleSettings};
use super::oidc_role::OidcRole;
use super::{Answer, Context, CredentialOrigin, ecs_role};
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::endpoint::Network;
use crate::alibaba::error::Error;

/// Profiles may refer to each other; a longer chain than this is a loop.
const LONGEST_CHAIN: usize = 10;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Clone, Deserialize)]
#[serde(default)]
struct Profile {
    name: String,
    mode: String,
    access_key_id: String,
    access_key_secret: SecretString,
    sts_token: SecretString,
    ram_role_arn: String,
    ram_session_name: String,
    expired_seconds: u32,
    sts_region: String,
    enable_vpc: bool,
    #[serde(rename = "source_profile")]
    source: String,
    ram_role_name: String,
    oidc_token_file: String,
    oidc_provider_arn: String,
    policy: String,
    external_id: String,
}

impl Default for Profile {
    fn default() -> Self {
        let (empty, secret) = (String::new, || SecretString::from(""));
        Self {
            name: empty(),
            // Old files have no mode: there was only one.
            mode: "AK".to_owned(),
            access_key_id: empty(),
            access_key_secret: secret(),
            sts_token: secret(),
            ram_role_arn: empty(),
            ram_session_name: empty(),
            expired_seconds: 0,
            sts_region: empty(),
            enable_vpc: false,
            source: empty(),
            ram_role_name: empty(),
            oidc_token_file: empty(),
            oidc_provider_arn: empty(),
            policy: empty(),
            external_id: empty(),
        }
    }
}

pub(super) async fn read(context: &Context) -> Result<Answer, Error> {
    let not_applied = |reason: String| Ok(Answer::NotApplied(reason));
    if context.is_true("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
        return not_applied("ALIBABA_CLOUD_CLI_PROFILE_DISABLED is true".to_owned());
    }
    let Some(path) = context.path("ALIBABA_CLOUD_CONFIG_FILE", ".aliyun/config.json") else {
        return not_applied("there is no home folder".to_owned());
    };
    let Ok(text) = std::fs::read(&path) else {
        return not_applied(format!("{} cannot be read", path.display()));
    };
    // The parser's message could quote a secret; its position cannot.
    let file: File = match serde_json::from_slice(&text) {
        Ok(file) => file,
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            return not_applied(format!(
                "{} is no CLI configuration: line {line}, column {column}",
                path.display()
            ));
        }
    };
    let name = context.variable("ALIBABA_CLOUD_PROFILE").unwrap_or_else(|| file.current.clone());
    let Some(profile) = file.find(&name) else {
        return not_applied(format!("{} has no profile `{name}`", path.display()));
    };
    if !profile.is_supported() {
        let mode = &profile.mode;
        return not_applied(format!("profile `{name}` has mode {mode}, which is not supported"));
    }
    let origin = CredentialOrigin::CliProfile { path, profile: name };
    let key = Reader { context, file: &file, origin: &origin }.key(profile, 0).await?;
    Ok(Answer::Found(origin, key))
}

impl File {
    fn find(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }
}

impl Profile {
    fn is_supported(&self) -> bool {
        // `CloudSSO`, `OAuth` and External need a browser or run a program.
        matches!(
            self.mode.as_str(),
            "" | "AK" | "StsToken" | "RamRoleArn" | "ChainableRamRoleArn" | "EcsRamRole" | "OIDC"
        )
    }

    fn duration_seconds(&self) -> u32 {
        if self.expired_seconds == 0 { DURATION_SECONDS } else { self.expired_seconds }
    }

    fn network(&self) -> Option<Network> {
        self.enable_vpc.then_some(Network::Private)
    }

    fn role(&self) -> RoleSettings {
        RoleSettings {
            session_name: filled(&self.ram_session_name).map(str::to_owned),
            duration_seconds: Some(self.duration_seconds()),
            policy: filled(&self.policy).map(str::to_owned),
            external_id: filled(&self.external_id).map(str::to_owned),
            ..RoleSettings::new(&self.ram_role_arn)
        }
    }
}

/// Follows profiles to a key.
struct Reader<'a> {
    context: &'a Context,
    file: &'a File,
    origin: &'a CredentialOrigin,
}

impl Reader<'_> {
    fn key<'a>(&'a self, profile: &'a Profile, depth: usize) -> BoxFuture<'a, Result<AccessKey, Error>> {
        async move {
            match profile.mode.as_str() {
                "" | "AK" => self.fixed(profile),
                "StsToken" => Ok(self.fixed(profile)?.with_security_token(profile.sts_token.clone())),
                "RamRoleArn" => self.assume(profile, &self.base(profile)?).await,
                "ChainableRamRoleArn" => {
                    let source = self.source(profile, depth)?;
                    let key = self.key(source, depth + 1).await?;
                    self.assume(profile, &key).await
                }
                "EcsRamRole" => {
                    ecs_role::key(self.context, filled(&profile.ram_role_name), self.origin).await
                }
                "OIDC" => self.oidc(profile).await,
                mode => Err(self.origin.clone().failed(format!("mode {mode} is not supported"))),
            }
        }
        .boxed()
    }

    fn fixed(&self, profile: &Profile) -> Result<AccessKey, Error> {
        if profile.access_key_id.is_empty() || profile.access_key_secret.expose_secret().is_empty() {
            let name = &profile.name;
            return Err(self.origin.clone().failed(format!("profile `{name}` has no access key")));
        }
        Ok(AccessKey::new(&profile.access_key_id, profile.access_key_secret.clone()))
    }

    /// The key with which a role is assumed. It may be temporary itself.
    fn base(&self, profile: &Profile) -> Result<AccessKey, Error> {
        let (key, token) = (self.fixed(profile)?, &profile.sts_token);
        let has_token = !token.expose_secret().is_empty();
        Ok(if has_token { key.with_security_token(token.clone()) } else { key })
    }

    async fn assume(&self, profile: &Profile, key: &AccessKey) -> Result<AccessKey, Error> {
        let sts = self.context.sts(filled(&profile.sts_region), profile.network());
        profile.role().assume(&self.context.http, &sts, key).await
    }

    fn source(&self, profile: &Profile, depth: usize) -> Result<&Profile, Error> {
        let name = &profile.source;
        let failed = |reason: String| self.origin.clone().failed(reason);
        if depth >= LONGEST_CHAIN {
            return Err(failed("its source profiles go round in a circle".to_owned()));
        }
        self.file.find(name).ok_or_else(|| failed(format!("there is no source profile `{name}`")))
    }

    async fn oidc(&self, profile: &Profile) -> Result<AccessKey, Error> {
        let role = OidcRole {
            role_arn: profile.ram_role_arn.clone(),
            provider_arn: profile.oidc_provider_arn.clone(),
            token_file: PathBuf::from(&profile.oidc_token_file),
            session_name: filled(&profile.ram_session_name)
                .map_or_else(|| self.context.session_name(), str::to_owned),
            duration_seconds: profile.duration_seconds(),
            policy: filled(&profile.policy).map(str::to_owned),
        };
        let sts = self.context.sts(filled(&profile.sts_region), profile.network());
        role.assume(&self.context.http, &sts, self.origin).await
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
