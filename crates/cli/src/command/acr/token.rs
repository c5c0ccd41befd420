//! `image-syncer acr token`: prints a temporary login for other tools. stdout has one word, for a pipe.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::access::access;
use super::fail::fail;
use crate::args::TokenArgs;
use crate::exit_code;
use crate::output::{amount_text, print_verbatim, say};

/// Prints the password or the user; returns the exit status.
pub(super) async fn run(args: &TokenArgs) -> u8 {
    let access = match access(&args.registry, None) {
        Ok(access) => access,
        Err(code) => return code,
    };
    let login = match access.login().fetch().await {
        Ok(login) => login,
        Err(error) => return fail(&error, &args.registry),
    };
    if let Some(origin) = access.origin().await {
        say(&format!("access key: {origin}"));
    }
    let user = login.credentials.user();
    say(&format!("user {user}, valid until {}", end(login.lifetime)));
    // The only place that prints a secret: printing it is the command's purpose.
    print_verbatim(if args.user { user } else { login.credentials.password().expose_secret() });
    exit_code::DONE
}

/// `2026-11-24T13:00:00Z (60 min)`
fn end(lifetime: Duration) -> String {
    let end = Timestamp::now().checked_add(lifetime).unwrap_or(Timestamp::MAX);
    format!("{} ({})", end.strftime("%Y-%m-%dT%H:%M:%SZ"), amount_text::about(lifetime))
}
