//! `image-syncer acr setup`: prints the steps for namespace and whitelist, and carries them out on request.
//!
//! It only adds. It resets no password, and neither turns a whitelist off nor opens it to all addresses.

use providers::alibaba::{Acr, Error, NamespaceSettings};

use super::access::access;
use super::fail::fail;
use super::plan::{self, Action, Step};
use crate::args::SetupArgs;
use crate::exit_code;
use crate::output::{Paint, print, say, say_lines, warn};

/// The comment on each added entry.
const COMMENT: &str = "added by image-syncer";

/// Prints the plan, and carries it out if asked to; returns the exit status.
pub(super) async fn run(args: &SetupArgs) -> u8 {
    let access = match access(&args.registry, Some(&args.namespace)) {
        Ok(access) => access,
        Err(code) => return code,
    };
    let asked = async {
        let Some(acr) = access.acr().await? else { return Ok(None) };
        let steps = steps(&acr, args).await?;
        Ok(Some((acr, steps)))
    };
    let (acr, steps) = match asked.await {
        Ok(Some(found)) => found,
        Ok(None) => return refuse_personal(args),
        Err(error) => return fail(&error, &args.registry),
    };
    if let Some(origin) = access.origin().await {
        say(&format!("access key: {origin}"));
    }
    if let Some(range) = args.allow.filter(|range| range.is_private()) {
        warn(&format!(
            "{range} are private addresses: a registry on the Internet sees the public one behind which this machine is"
        ));
    }
    match carry_out(&acr, &steps, args.apply).await {
        Ok(()) => end(&steps, args.apply),
        Err(error) => fail(&error, &args.registry),
    }
}

/// Reads the current state and derives the steps.
async fn steps(acr: &Acr, args: &SetupArgs) -> Result<Vec<Step>, Error> {
    let found = acr.instance().await?;
    let (id, host) = (acr.instance_id(), &args.registry.host);
    let (text, action) = match found {
        Some(found) if found.status == "RUNNING" => {
            (format!("`{id}` ({}) is running", found.name), Action::Nothing)
        }
        Some(found) => {
            (format!("`{id}` ({}) is {}: see the console", found.name, found.status), Action::Told)
        }
        None => (format!("`{id}` is not in this account and region: is {host} right?"), Action::Told),
    };
    let is_there = action == Action::Nothing;
    let mut steps = vec![Step { subject: "instance", text, action }];
    if is_there {
        let namespace = acr.namespace(args.namespace.as_str()).await?;
        steps.push(plan::namespace(&args.namespace, namespace.as_ref()));
        if let Some(range) = args.allow {
            let endpoint = acr.internet_endpoint().await?;
            steps.push(plan::whitelist(range, endpoint.as_ref()));
        }
    }
    Ok(steps)
}

/// Prints each step; with `apply`, carries it out first.
async fn carry_out(acr: &Acr, steps: &[Step], apply: bool) -> Result<(), Error> {
    for Step { subject, text, action } in steps {
        let done = match action {
            Action::CreateNamespace(name) if apply => {
                acr.create_namespace(name.as_str(), NamespaceSettings::default()).await?;
                Some(format!("`{name}` was created, with private repositories that pushes make"))
            }
            Action::AllowAddresses(range) if apply => {
                acr.allow_addresses(&range.to_string(), COMMENT).await?;
                Some(format!("{range} was added"))
            }
            _ => None,
        };
        print(&format!("{subject:<10} {}", done.as_ref().unwrap_or(text)));
    }
    Ok(())
}

/// Prints the last line; returns the exit status. A step that the user must do by hand is no success.
fn end(steps: &[Step], apply: bool) -> u8 {
    let told = steps.iter().any(|step| step.action == Action::Told);
    let changes = steps.iter().any(|step| !matches!(step.action, Action::Nothing | Action::Told));
    let text = match (changes, told) {
        (true, _) if !apply => "nothing was changed: run the same with --apply to do it",
        (_, true) => "some of it only you can do: see above",
        (true, false) => "done",
        (false, false) => "nothing is to do",
    };
    print(text);
    if told { exit_code::SOME_FAILED } else { exit_code::DONE }
}

fn refuse_personal(args: &SetupArgs) -> u8 {
    say_lines(&format!(
        "{}: {} belongs to the Personal Edition, which has no API for this\n  next: create the namespace in the console, and switch on there that pushes make repositories",
        Paint::for_stderr().red("error"),
        args.registry.host,
    ));
    exit_code::ALL_FAILED
}
