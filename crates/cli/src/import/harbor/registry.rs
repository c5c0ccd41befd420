//! `src_registry` and `dest_registry`: the local Harbor, or another registry that it knows.

use super::super::fields::{Fields, Slip};
use super::super::login::{Login, Secret, Trust};
use super::super::{Draft, place};

/// Harbor's API returns this in place of a secret.
const MASK: &str = "*****";

/// The Harbor that the policies belong to: its own address in them is internal to its cluster.
pub(super) fn local(harbor: Option<&str>, line: usize) -> Result<String, Slip> {
    let problem = "a policy copies from or to the Harbor that it comes from, whose address it does not say: write `--harbor HOST`";
    harbor.map(str::to_owned).ok_or_else(|| Slip::new(line, problem))
}

/// Adds an entry of `auth`; returns the host.
pub(super) fn read(
    mut registry: Fields<'_>,
    harbor: Option<&str>,
    draft: &mut Draft,
) -> Result<String, Slip> {
    let (id, url) = (registry.number("id")?, registry.text("url")?);
    if id == Some(0) || (id.is_none() && url.is_none()) {
        return local(harbor, registry.line);
    }
    let Some(url) = url else {
        let problem = format!(
            "{} has only an `id`: take the policy from Harbor's API, which tells its `url`",
            registry.what
        );
        return Err(Slip::new(registry.line, problem));
    };
    let host = place::host_of(url.text).to_owned();
    place::prefix(&host).map_err(|reason| Slip::new(url.line, reason))?;
    let kind = registry.text("type")?.map(|kind| kind.text);
    let mut login = Login {
        is_acr: kind == Some("ali-acr"),
        trust: match (url.text.starts_with("http://"), registry.truth("insecure")?) {
            (true, _) => Trust::PlainHttp,
            (false, Some(true)) => Trust::AnyCertificate,
            (false, _) => Trust::Certificate,
        },
        ..Login::default()
    };
    read_credential(&mut registry, &host, &mut login, draft)?;
    if let Some(authority) = registry.text("ca_certificate")? {
        let why = "write it into a file, and name that as `ca`";
        draft.notes.left_out(authority.line, format!("`ca_certificate` of `{host}`"), why);
    }
    draft.logins.add(&host, login, url.line, &mut draft.notes);
    registry.pass_over(&[
        "name",
        "description",
        "status",
        "token_service_url",
        "creation_time",
        "update_time",
    ]);
    registry.finish(&mut draft.notes);
    Ok(host)
}

fn read_credential(
    registry: &mut Fields<'_>,
    host: &str,
    login: &mut Login,
    draft: &mut Draft,
) -> Result<(), Slip> {
    let Some(mut credential) = registry.map("credential")? else { return Ok(()) };
    let (user, secret) = (credential.text("access_key")?, credential.text("access_secret")?);
    let what = format!("the login for `{host}`");
    match (user, secret) {
        _ if login.is_acr => {
            if let Some(user) = user.or(secret) {
                let why = "access keys are looked for as Alibaba's own tools do: see docs/logins.md";
                draft.notes.left_out(user.line, what, why);
            }
        }
        (Some(user), Some(secret)) if secret.text != MASK => {
            login.user = Some(Secret::Literal(user.text.to_owned()));
            login.password = Some(Secret::Literal(secret.text.to_owned()));
        }
        (Some(user), _) => {
            let why = format!(
                "Harbor shows no secrets: write `username: {}` and `passwordEnv` or `passwordFile`",
                user.text
            );
            draft.notes.left_out(user.line, what, why);
        }
        _ => {}
    }
    credential.pass_over(&["type"]);
    credential.finish(&mut draft.notes);
    Ok(())
}
