//! Sections of `~/.alibabacloud/credentials`.

use std::collections::HashMap;

use super::assume_role::RoleSettings;
use super::{Answer, Context, CredentialOrigin, ecs_role};
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::error::Error;

pub(super) async fn read(context: &Context) -> Result<Answer, Error> {
    let not_applied = |reason: String| Ok(Answer::NotApplied(reason));
    let Some(path) = context.path("ALIBABA_CLOUD_CREDENTIALS_FILE", ".alibabacloud/credentials") else {
        return not_applied("there is no home folder".to_owned());
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        return not_applied(format!("{} cannot be read", path.display()));
    };
    let section = context.variable("ALIBABA_CLOUD_PROFILE").unwrap_or_else(|| "default".to_owned());
    let Some(values) = values(&text, &section) else {
        return not_applied(format!("{} has no section `{section}`", path.display()));
    };
    let kind = values.get("type").copied().unwrap_or_default();
    if !matches!(kind, "access_key" | "ecs_ram_role" | "ram_role_arn") {
        return not_applied(format!("section `{section}` has type `{kind}`, which is not supported"));
    }
    let origin = CredentialOrigin::CredentialsFile { path, section };
    let key = key(context, &values, &origin).await?;
    Ok(Answer::Found(origin, key))
}

async fn key(
    context: &Context,
    values: &HashMap<&str, &str>,
    origin: &CredentialOrigin,
) -> Result<AccessKey, Error> {
    let optional = |name: &str| values.get(name).copied().filter(|value| !value.is_empty());
    let wanted =
        |name: &str| optional(name).ok_or_else(|| origin.clone().failed(format!("`{name}` is missing")));
    if values.get("type") == Some(&"ecs_ram_role") {
        return ecs_role::key(context, optional("role_name"), origin).await;
    }
    let key = AccessKey::new(wanted("access_key_id")?, wanted("access_key_secret")?.into());
    if values.get("type") == Some(&"access_key") {
        return Ok(key);
    }
    let role = RoleSettings {
        session_name: optional("role_session_name").map(str::to_owned),
        policy: optional("policy").map(str::to_owned),
        ..RoleSettings::new(wanted("role_arn")?)
    };
    role.assume(&context.http, &context.sts(None, None), &key).await
}

/// The values of a section; `None` if there is no such section.
fn values<'a>(text: &'a str, section: &str) -> Option<HashMap<&'a str, &'a str>> {
    let mut found: Option<HashMap<&str, &str>> = None;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == section;
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some((name, value))) = (inside, line.split_once('=')) {
            found.get_or_insert_default().insert(name.trim(), without_comment(value));
        }
    }
    found
}

/// Comments may follow a value, after a space.
fn without_comment(value: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    value[..end.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_spaces() {
        let text = "[default]\nenable = true # yes\ntype=access_key\n; no\naccess_key_secret = a=b;c\n\n[ other ]\ntype = x\n";
        let default = values(text, "default").unwrap();
        assert_eq!(default["type"], "access_key");
        assert_eq!(default["access_key_secret"], "a=b;c");
        assert_eq!(default["enable"], "true");
        assert_eq!(values(text, "other").unwrap()["type"], "x");
        assert!(values(text, "third").is_none() && values("", "default").is_none());
    }
}
