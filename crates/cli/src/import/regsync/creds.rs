//! `creds`: for each registry its login and connection settings.

use super::super::fields::{Fields, Slip, shown};
use super::super::login::{Login, Secret, Trust};
use super::super::note::Notes;
use super::super::{Draft, place};
use super::template::Template;

const NO_HELPER: &str =
    "put the helper into `credHelpers` of ~/.docker/config.json: it is asked where `auth` has no login";

const NO_EQUAL: [(&str, &str); 14] = [
    ("token", "identity tokens stand in what `docker login` leaves, which is read, not in `auth`"),
    ("credHelper", NO_HELPER),
    ("credExpire", NO_HELPER),
    ("credHost", NO_HELPER),
    ("pathPrefix", "there are no mirrors: write the path into the rules"),
    ("mirrors", "there are no mirrors: write them as sources of the rules"),
    ("priority", "there are no mirrors"),
    ("api", "regsync does not use it, either"),
    ("apiOpts", "what a registry can do is learned from it"),
    ("blobChunk", "in which pieces a registry takes blobs is learned from it"),
    ("blobMax", "in which pieces a registry takes blobs is learned from it"),
    ("reqPerSec", "how fast a registry may be asked is learned from it; `--bandwidth` limits the bytes"),
    ("reqConcurrent", "how many requests a registry takes at once is learned from it"),
    ("dns", "regsync reads `hostname` instead"),
];

/// Adds an entry of `auth`.
pub(super) fn read(mut fields: Fields<'_>, draft: &mut Draft) -> Result<(), Slip> {
    let registry = fields.needed("registry")?;
    let notes = &mut draft.notes;
    if !matches!(Template::of(registry.text), Template::Plain(_)) {
        notes.left_out(fields.line, &fields.what, "its `registry` is a template: `auth` has the name itself");
        return Ok(());
    }
    let host = place::host_of(registry.text).to_owned();
    let mut login = Login::default();
    if registry.text.starts_with("http://") {
        login.trust = Trust::PlainHttp;
    }
    read_user(&mut fields, &mut login, notes)?;
    read_tls(&mut fields, &mut login, notes)?;
    read_certificates(&mut fields, &mut login, notes);
    let hostname = fields.text("hostname")?;
    if let Some(hostname) = hostname.filter(|hostname| place::host_of(hostname.text) != host) {
        let why = format!(
            "a registry is reached by its name: write `{}` in the rules instead of `{host}`",
            hostname.text
        );
        notes.left_out(hostname.line, format!("`hostname` of {}", fields.what), why);
    }
    if let Some(node) = fields.node("repoAuth") {
        notes.kept(
            node.line,
            format!("`repoAuth` of {}", fields.what),
            "a login is asked for each repository anyway",
        );
    }
    fields.leave_out(notes, &NO_EQUAL);
    draft.logins.add(&host, login, registry.line, &mut draft.notes);
    fields.finish(&mut draft.notes);
    Ok(())
}

fn read_user(fields: &mut Fields<'_>, login: &mut Login, notes: &mut Notes) -> Result<(), Slip> {
    let (user, pass) = (fields.text("user")?, fields.text("pass")?);
    let (Some(user), Some(pass)) = (user, pass) else {
        if let Some(half) = user.or(pass) {
            notes.left_out(
                half.line,
                format!("half a login in {}", fields.what),
                "it needs both `user` and `pass`",
            );
        }
        return Ok(());
    };
    let parts = (Template::of(user.text).secret(), Template::of(pass.text).secret());
    let (Some(name), Some(password)) = parts else {
        let why = "only a whole `{{env \"NAME\"}}`, and for `pass` `{{file \"PATH\"}}`, have an equal: `usernameEnv`, `passwordEnv`, `passwordFile`";
        notes.left_out(user.line, format!("the login of {}", fields.what), why);
        return Ok(());
    };
    if matches!(name, Secret::File(_)) {
        let why = "a user's name cannot come from a file: write `username` or `usernameEnv`";
        notes.left_out(user.line, format!("the login of {}", fields.what), why);
        return Ok(());
    }
    if let Secret::File(path) = &password
        && !path.starts_with('/')
    {
        let why =
            "it is looked for from the folder of the config, not from the one that the program is started in";
        notes.changed(pass.line, format!("the file `{path}` of {}", fields.what), why);
    }
    (login.user, login.password) = (Some(name), Some(password));
    Ok(())
}

fn read_tls(fields: &mut Fields<'_>, login: &mut Login, notes: &mut Notes) -> Result<(), Slip> {
    let scheme = fields.text("scheme")?;
    if scheme.is_some_and(|scheme| scheme.text == "http") {
        login.trust = Trust::PlainHttp;
    }
    let Some(tls) = fields.text("tls")? else { return Ok(()) };
    match tls.text.to_ascii_lowercase().as_str() {
        "enabled" => login.trust = Trust::Certificate,
        "insecure" => login.trust = Trust::AnyCertificate,
        "disabled" => login.trust = Trust::PlainHttp,
        _ => notes.left_out(
            tls.line,
            format!("`tls` of {}", fields.what),
            "it is none of enabled, insecure and disabled",
        ),
    }
    Ok(())
}

/// regsync has the certificates inline, or a template that reads a file; `auth` only has files.
fn read_certificates(fields: &mut Fields<'_>, login: &mut Login, notes: &mut Notes) {
    let keys = [("regcert", "ca"), ("clientCert", "clientCert"), ("clientKey", "clientKey")];
    for ((key, ours), place) in
        keys.into_iter().zip([&mut login.ca, &mut login.client_cert, &mut login.client_key])
    {
        let Some(node) = fields.node(key) else { continue };
        if let Template::File(path) = Template::of(shown(node)) {
            *place = Some(path.to_owned());
        } else {
            let why = format!("write it into a file, and name that as `{ours}`");
            notes.left_out(node.line, format!("`{key}` of {}", fields.what), why);
        }
    }
    if login.client_cert.is_some() != login.client_key.is_some() {
        let why = "both are needed, and one of them is not in a file";
        notes.left_out(fields.line, format!("the client's certificate of {}", fields.what), why);
        (login.client_cert, login.client_key) = (None, None);
    }
}
