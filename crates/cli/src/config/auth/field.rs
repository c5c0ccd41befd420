//! All keys of an `auth` entry.

use serde_json::{Map, Value, json};

/// The type of a key's value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Truth,
}

use Kind::{Text, Truth};

/// The keys, their types, and their meaning.
const FIELDS: [(&str, Kind, &str); 20] = [
    ("username", Text, "The user."),
    ("password", Text, "The password or token. Better: passwordEnv or passwordFile."),
    ("usernameEnv", Text, "The environment variable that has the user."),
    ("passwordEnv", Text, "The environment variable that has the password."),
    ("passwordFile", Text, "A file that holds the password alone; relative to this file."),
    ("insecure", Truth, "Any certificate, and plain HTTP where there is no TLS."),
    ("disableExpandEnv", Truth, "In an --auth file: `$` in user and password is no variable."),
    ("realm", Text, "A token server to which the login may go, where that is another host."),
    ("provider", Text, "`acr` for temporary logins of Alibaba Cloud."),
    ("create", Truth, "Creates projects, namespaces and repositories that are missing."),
    ("region", Text, "Alibaba's region, where the registry's name does not tell it."),
    ("instanceId", Text, "The instance of ACR Enterprise Edition, where it cannot be looked up."),
    ("endpoint", Text, "Alibaba's API, where it is another one than the region's."),
    ("skipTlsVerify", Truth, "Any certificate, but never plain HTTP."),
    ("plainHttp", Truth, "Plain HTTP."),
    ("ca", Text, "A PEM file, or a folder of such, with authorities that are trusted besides."),
    ("clientCert", Text, "The certificate by which the registry knows us: a PEM file."),
    ("clientKey", Text, "Its key."),
    ("proxy", Text, "A proxy for this registry; `none` for none."),
    ("http1", Truth, "No HTTP/2."),
];

/// All keys.
pub(super) fn names() -> [&'static str; FIELDS.len()] {
    FIELDS.map(|(name, ..)| name)
}

/// The JSON Schema of `auth`. Unknown keys are allowed: they only cause a warning.
pub(crate) fn schema() -> Value {
    let field = |(name, kind, about): &(&str, Kind, &str)| {
        let kind = match kind {
            Text => "string",
            Truth => "boolean",
        };
        (String::from(*name), json!({ "type": [kind, "null"], "description": about }))
    };
    let properties: Map<String, Value> = FIELDS.iter().map(field).collect();
    json!({
        "type": ["object", "null"],
        "description": "Who we are at which registry, or at which part of it: HOST or HOST/PATH.",
        "additionalProperties": { "type": ["object", "null"], "properties": properties },
    })
}
