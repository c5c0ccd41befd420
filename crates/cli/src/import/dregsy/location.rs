//! `source` and `target`: a registry with its login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::fields::{Fields, Slip};
use super::super::login::{Login, Secret, Trust};
use super::super::{Draft, place};

const NO_AWS: &str =
    "logins of AWS come from docker's helper: put `ecr-login` into `credHelpers` of ~/.docker/config.json";

/// The content of `auth`, in base64.
#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

/// Adds an entry of `auth`; returns the registry.
pub(super) fn read(mut location: Fields<'_>, draft: &mut Draft) -> Result<String, Slip> {
    let registry = location.needed("registry")?;
    let host = place::prefix(registry.text).map_err(|reason| Slip::new(registry.line, reason))?;
    let host = place::host_of(host).to_owned();
    let notes = &mut draft.notes;
    let mut login = Login::default();
    if let Some(auth) = location.text("auth")? {
        let what = format!("`auth` of {}", location.what);
        match (auth.text, decode(auth.text)) {
            ("none", _) => notes.changed(
                auth.line,
                what,
                "where `docker login` left a login for this registry, it is used",
            ),
            (_, Some(Credentials { username, password })) => {
                login.user = Some(Secret::Literal(username));
                login.password = Some(Secret::Literal(password));
            }
            (_, None) => {
                notes.left_out(auth.line, what, "it is no base64 of JSON with `username` and `password`");
            }
        }
    } else if host.contains(".dkr.ecr.") || host == "public.ecr.aws" {
        notes.left_out(registry.line, format!("the login for `{host}`"), NO_AWS);
    } else if host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev") {
        let why = "logins of Google come from docker's helper: run `gcloud auth configure-docker`";
        notes.left_out(registry.line, format!("the login for `{host}`"), why);
    }
    // skopeo, which dregsy calls, then also speaks plain HTTP.
    if location.truth("skip-tls-verify")? == Some(true) {
        login.trust = Trust::Anything;
    }
    location.leave_out(
        notes,
        &[
            ("auth-refresh", NO_AWS),
            ("lister", "repositories are listed by Harbor's or Alibaba's API, or by the registry's catalog"),
        ],
    );
    draft.logins.add(&host, login, registry.line, &mut draft.notes);
    location.finish(&mut draft.notes);
    Ok(host)
}

fn decode(text: &str) -> Option<Credentials> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let credentials: Credentials = serde_json::from_slice(&bytes).ok()?;
    (!credentials.username.is_empty() && !credentials.password.is_empty()).then_some(credentials)
}
