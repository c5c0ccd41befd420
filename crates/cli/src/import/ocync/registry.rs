//! `registries`: hosts by name, with their logins.

use super::super::fields::{Fields, Slip};
use super::super::login::{Login, Secret};
use super::super::note::Notes;
use super::super::{Draft, place};
use super::variable::{has_variable, variable};

/// Login methods outside the file, and their equivalents.
const ELSEWHERE: [(&str, &str); 6] = [
    ("ecr", "put docker's helper `ecr-login` into `credHelpers` of ~/.docker/config.json"),
    ("gar", "run `gcloud auth configure-docker`"),
    ("gcr", "run `gcloud auth configure-docker`"),
    ("acr", "run `az acr login`"),
    ("ghcr", "write `username`, and `passwordEnv: GITHUB_TOKEN`"),
    (
        "static_token",
        "write the token as `password`, or as `passwordEnv: NAME`, with any `username`, where the registry takes it so",
    ),
];

/// Adds an entry of `auth`; returns the host if it is literal.
pub(super) fn read(mut registry: Fields<'_>, draft: &mut Draft) -> Result<Option<String>, Slip> {
    let url = registry.needed("url")?;
    let notes = &mut draft.notes;
    let host = if has_variable(url.text) {
        notes.left_out(url.line, &registry.what, variable(url.text));
        None
    } else {
        let host = place::host_of(url.text);
        place::prefix(host).map_err(|reason| Slip::new(url.line, reason))?;
        Some(host.to_owned())
    };
    let login = read_login(&mut registry, notes)?;
    if let Some(host) = &host {
        draft.logins.add(host, login, url.line, notes);
    }
    registry.leave_out(
        notes,
        &[
            ("max_concurrent", "how many requests a registry takes at once is learned from it"),
            (
                "head_first",
                "a target that has the digest of the source is known before its manifest is read anyway",
            ),
            ("aws_profile", "set AWS_PROFILE for docker's helper `ecr-login`"),
        ],
    );
    registry.finish(notes);
    Ok(host)
}

fn read_login(registry: &mut Fields<'_>, notes: &mut Notes) -> Result<Login, Slip> {
    let auth_type = registry.text("auth_type")?;
    let what = format!("the login of {}", registry.what);
    let mut login = Login::default();
    if let Some(mut credentials) = registry.map("credentials")? {
        let (user, password) = (credentials.text("username")?, credentials.text("password")?);
        credentials.finish(notes);
        if let (Some(user), Some(password)) = (user, password) {
            let parts = (secret(user.text), secret(password.text));
            if let (Some(name), Some(word)) = parts {
                let has_default = [user.text, password.text].iter().any(|text| text.contains(":-"));
                if has_default {
                    notes.changed(user.line, &what, "the text behind `:-` is not taken where the variable is not set: that is an error then");
                }
                (login.user, login.password) = (Some(name), Some(word));
            } else {
                notes.left_out(
                    user.line,
                    &what,
                    "only a text that is one whole variable has an equal: `usernameEnv`, `passwordEnv`",
                );
            }
        }
    }
    let token = registry.text("token")?;
    let kind =
        auth_type.map(|kind| kind.text).map(|kind| if kind == "token" { "static_token" } else { kind });
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| Some(*known) == kind);
    if let (Some((_, where_from)), Some(line)) = (elsewhere, auth_type.or(token).map(|text| text.line)) {
        notes.left_out(line, &what, *where_from);
        return Ok(Login::default());
    }
    if kind == Some("anonymous")
        && let Some(line) = auth_type.map(|text| text.line)
    {
        notes.changed(line, &what, "where `docker login` left a login for this registry, it is used");
    }
    Ok(login)
}

/// `${NAME}`, `${NAME:?error}` and `${NAME:-default}` are variables; any other text is literal.
fn secret(text: &str) -> Option<Secret> {
    if !has_variable(text) {
        return Some(Secret::Literal(text.to_owned()));
    }
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let name = inner.split(":-").next()?.split(":?").next()?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !inner.contains('}')).then(|| Secret::Env(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_variables_are_names() {
        for (text, expected) in [
            ("bob", Some(Secret::Literal("bob".into()))),
            ("a$b", Some(Secret::Literal("a$b".into()))),
            ("${U}", Some(Secret::Env("U".into()))),
            ("${P:?set P}", Some(Secret::Env("P".into()))),
            ("${P:-none}", Some(Secret::Env("P".into()))),
            ("${A}${B}", None),
            ("x-${A}", None),
            ("${}", None),
        ] {
            assert_eq!(secret(text), expected, "{text}");
        }
    }
}
