//! The steps that a namespace and a whitelist need. Pure.

use providers::alibaba::{AutoCreateRepository, InstanceEndpoint, Namespace};

use super::{AddressRange, NamespaceName};

/// One line of the printed plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The checked object.
    pub(super) subject: &'static str,
    /// Its state, and the intended change.
    pub(super) text: String,
    pub(super) action: Action,
}

/// The action of a step when the plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing is needed.
    Nothing,
    /// The user must do it by hand.
    Told,
    CreateNamespace(NamespaceName),
    AllowAddresses(AddressRange),
}

/// The step for the namespace.
pub(super) fn namespace(name: &NamespaceName, found: Option<&Namespace>) -> Step {
    let (text, action) = match found {
        None => (
            format!("`{name}` is missing: to be created, with private repositories that pushes make"),
            Action::CreateNamespace(name.clone()),
        ),
        Some(found) if found.status == "DELETING" => {
            (format!("`{name}` is being deleted: wait until it is gone, then run this again"), Action::Told)
        }
        Some(found) if found.auto_create == AutoCreateRepository::Disabled => (
            format!(
                "`{name}` is there, but pushes make no repositories in it: switch that on in the console, or set \"create\": true in the registry's auth entry"
            ),
            Action::Told,
        ),
        Some(_) => (format!("`{name}` is there, and pushes make repositories in it"), Action::Nothing),
    };
    Step { subject: "namespace", text, action }
}

/// The step for the whitelist. `endpoint` is the instance's Internet endpoint, if it has one.
pub(super) fn whitelist(range: AddressRange, endpoint: Option<&InstanceEndpoint>) -> Step {
    let (text, action) = match endpoint.filter(|endpoint| endpoint.is_enabled()) {
        None => (
            "the way in from the Internet is closed: open it in the console (Access Control, Internet), then run this again; in a linked VPC none is needed".to_owned(),
            Action::Told,
        ),
        // The first entry would turn the whitelist on and shut out all other clients.
        Some(endpoint) if !endpoint.is_restricted() => (
            "is off: every address may come in already, so nothing is added".to_owned(),
            Action::Nothing,
        ),
        Some(endpoint) => match entry_for(range, endpoint) {
            Some(entry) => (format!("{range} may come in already, by the entry {entry}"), Action::Nothing),
            None => (format!("{range} is missing: to be added"), Action::AllowAddresses(range)),
        },
    };
    Step { subject: "whitelist", text, action }
}

fn entry_for(range: AddressRange, endpoint: &InstanceEndpoint) -> Option<&str> {
    let entries = endpoint.acl.iter().map(|entry| entry.entry.as_str());
    entries.into_iter().find(|entry| AddressRange::listed(entry).is_some_and(|known| known.contains(range)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name() -> NamespaceName {
        "mirror".parse().unwrap()
    }

    fn found(status: &str, auto_create: AutoCreateRepository) -> Namespace {
        let (id, status) = (String::new(), status.to_owned());
        Namespace { id, status, auto_create, repository_type: None }
    }

    fn endpoint(enabled: bool, acl_enabled: bool, entries: &[&str]) -> InstanceEndpoint {
        let entries: Vec<_> = entries.iter().map(|entry| json!({"Entry": entry})).collect();
        let json = json!({"Enable": enabled, "AclEnable": acl_enabled, "AclEntries": entries});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_namespace_is_only_ever_created() {
        assert_eq!(namespace(&name(), None).action, Action::CreateNamespace(name()));
        let step = |status, auto_create| namespace(&name(), Some(&found(status, auto_create))).action;
        assert_eq!(step("NORMAL", AutoCreateRepository::Enabled), Action::Nothing);
        assert_eq!(step("NORMAL", AutoCreateRepository::Disabled), Action::Told);
        assert_eq!(step("DELETING", AutoCreateRepository::Enabled), Action::Told);
    }

    #[test]
    fn a_whitelist_only_grows_and_only_where_there_is_one() {
        let range: AddressRange = "203.0.113.7".parse().unwrap();
        let step = |endpoint: Option<InstanceEndpoint>| whitelist(range, endpoint.as_ref()).action;
        assert_eq!(step(Some(endpoint(true, true, &["127.0.0.1/32"]))), Action::AllowAddresses(range));
        assert_eq!(step(Some(endpoint(true, true, &["x", "203.0.113.0/24"]))), Action::Nothing);
        assert_eq!(step(Some(endpoint(true, false, &["127.0.0.1/32"]))), Action::Nothing);
        assert_eq!(step(Some(endpoint(true, true, &[]))), Action::Nothing);
        assert_eq!(step(Some(endpoint(false, true, &["127.0.0.1/32"]))), Action::Told);
        assert_eq!(step(None), Action::Told);
    }
}
