//! The calls of ACR's API that the tool uses.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::call::Call;
use super::instance::{AcrInstance, AcrRepository};
use super::office::{Refused, State};
use crate::TokenUser;

type Answer = Result<Value, Refused>;

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Answer {
    if call.path() == "/tokens" {
        let (user, password, end) = temporary_user(state);
        return Ok(
            json!({"data": {"tempUserName": user, "authorizationToken": password, "expireDate": end}}),
        );
    }
    if call.header("x-acs-version").unwrap_or(call.parameter("Version")) != "2018-12-01" {
        return Err(Refused::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    let mut answer = match call.action() {
        "ListInstance" => list_instances(state, call),
        "GetAuthorizationToken" => {
            instance(state, call)?;
            let (user, password, end) = temporary_user(state);
            json!({"TempUsername": user, "AuthorizationToken": password, "ExpireTime": end})
        }
        _ => {
            instance(state, call)?;
            refresh(state, call);
            of_instance(instance(state, call)?, call)?
        }
    };
    answer["IsSuccess"] = json!(true);
    answer["Code"] = json!("success");
    Ok(answer)
}

fn instance<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut AcrInstance, Refused> {
    let id = call.parameter("InstanceId");
    let found = state.instances.iter_mut().find(|instance| instance.id == id);
    // ACR answers this error with status 200, but others with an error status: clients have to check both.
    found.ok_or_else(|| Refused::new(200, "INSTANCE_NOT_EXIST", "instance is not exist"))
}

/// Updates the repositories: pushes create them and add tags, in existing namespaces.
fn refresh(state: &mut State, call: &Call<'_>) {
    let id = call.parameter("InstanceId");
    let (Some(content), Some(instance)) =
        (state.contents.get(id), state.instances.iter_mut().find(|instance| instance.id == id))
    else {
        return;
    };
    for namespace in instance.namespaces.keys() {
        for whole in content.repositories(namespace) {
            let name = whole[namespace.len() + 1..].to_owned();
            let hex = |(tag, digest): (String, String)| (tag, digest.replacen("sha256:", "", 1));
            let tags = content.tags(&whole).into_iter().map(hex).collect();
            let known = instance.repositories.entry((namespace.clone(), name)).or_default();
            if known.kind.is_empty() {
                "PRIVATE".clone_into(&mut known.kind);
            }
            known.tags = tags;
        }
    }
}

/// User, password and expiry in milliseconds. Adds the user to the token server.
fn temporary_user(state: &mut State) -> (String, String, i64) {
    let (name, password) = ("cr_temp_user".to_owned(), state.secret("login"));
    let end = state.now() + SignedDuration::try_from(state.login_lifetime).unwrap_or(SignedDuration::MAX);
    if let Some((users, actions)) = &state.users {
        users.add(TokenUser::new(&name, &password).grant("*", actions));
    }
    (name, password, end.as_millisecond())
}

fn list_instances(state: &State, call: &Call<'_>) -> Value {
    let entry = |instance: &AcrInstance| json!({"InstanceId": instance.id, "InstanceName": instance.name, "InstanceStatus": instance.status});
    let all: Vec<Value> = state.instances.iter().map(entry).collect();
    // A number here, but a text in other answers.
    json!({"TotalCount": all.len(), "Instances": page(&all, call)})
}

fn of_instance(instance: &mut AcrInstance, call: &Call<'_>) -> Answer {
    match call.action() {
        "GetInstance" => Ok(
            json!({"InstanceId": instance.id, "InstanceName": instance.name, "InstanceStatus": instance.status, "InstanceSpecification": "Enterprise_Basic"}),
        ),
        "GetInstanceUsage" => Ok(usage(instance)),
        "GetNamespace" => namespace(instance, call),
        "CreateNamespace" | "UpdateNamespace" => set_namespace(instance, call),
        "GetRepository" => repository(instance, call),
        "CreateRepository" => create_repository(instance, call),
        "ListRepository" => Ok(list_repositories(instance, call)),
        "ListRepoTag" => list_tags(instance, call),
        "GetInstanceEndpoint" => Ok(endpoint(instance)),
        "ListInstanceEndpoint" => Ok(json!({"Endpoints": [endpoint(instance)]})),
        "CreateInstanceEndpointAclPolicy" => allow_addresses(instance, call),
        action => Err(Refused::new(404, "InvalidAction.NotFound", format!("{action} is not known"))),
    }
}

fn usage(instance: &AcrInstance) -> Value {
    let text = |number: usize| number.to_string();
    json!({
        "NamespaceQuota": text(instance.namespace_quota), "NamespaceUsage": text(instance.namespaces.len()),
        "RepoQuota": text(instance.repository_quota), "RepoUsage": text(instance.repositories.len()),
        "VpcQuota": "3", "VpcUsage": "0",
    })
}

fn namespace(instance: &AcrInstance, call: &Call<'_>) -> Answer {
    let name = call.parameter("NamespaceName");
    let found = instance.namespaces.get(name);
    let found = found.ok_or_else(|| Refused::new(200, "NAMESPACE_NOT_EXIST", "namespace is not exist"))?;
    let text = |name: &str| found.get(name).cloned().unwrap_or_default();
    Ok(json!({
        "NamespaceId": format!("crn-{name}"), "NamespaceName": name, "NamespaceStatus": "NORMAL",
        "AutoCreateRepo": text("AutoCreateRepo") == "true", "DefaultRepoType": text("DefaultRepoType"),
    }))
}

fn set_namespace(instance: &mut AcrInstance, call: &Call<'_>) -> Answer {
    let name = call.parameter("NamespaceName");
    let is_there = instance.namespaces.contains_key(name);
    match call.action() {
        "CreateNamespace" if is_there => {
            return Err(Refused::new(400, "NAMESPACE_ALREADY_EXIST", "namespace is already exist"));
        }
        "UpdateNamespace" if !is_there => {
            return Err(Refused::new(400, "NAMESPACE_NOT_EXIST", "namespace is not exist"));
        }
        _ => {}
    }
    let configuration: Result<Value, _> = serde_json::from_str(call.parameter("DefaultRepoConfiguration"));
    if configuration.is_err() {
        return Err(Refused::new(400, "InvalidParameter", "DefaultRepoConfiguration is no JSON"));
    }
    let kept = ["AutoCreateRepo", "DefaultRepoType", "DefaultRepoConfiguration"];
    let parameters = kept.map(|name| (name.to_owned(), call.parameter(name).to_owned()));
    instance.namespaces.insert(name.to_owned(), BTreeMap::from(parameters));
    Ok(json!({}))
}

fn repository_json((namespace, name): &(String, String), repository: &AcrRepository) -> Value {
    json!({
        "RepoId": repository_id(namespace, name), "RepoNamespaceName": namespace, "RepoName": name,
        "RepoType": repository.kind, "TagImmutability": false, "RepoStatus": "NORMAL",
    })
}

fn repository_id(namespace: &str, name: &str) -> String {
    format!("crr-{namespace}-{name}")
}

fn repository(instance: &AcrInstance, call: &Call<'_>) -> Answer {
    let key = repository_key(call);
    let found = instance.repositories.get(&key);
    let found = found.ok_or_else(|| Refused::new(400, "REPO_NOT_EXIST", "repo is not exist"))?;
    Ok(repository_json(&key, found))
}

fn repository_key(call: &Call<'_>) -> (String, String) {
    (call.parameter("RepoNamespaceName").to_owned(), call.parameter("RepoName").to_owned())
}

fn create_repository(instance: &mut AcrInstance, call: &Call<'_>) -> Answer {
    let key = repository_key(call);
    if call.parameter("Summary").is_empty() {
        return Err(Refused::new(400, "MissingSummary", "Summary is mandatory for this action."));
    }
    if !instance.namespaces.contains_key(&key.0) {
        return Err(Refused::new(400, "NAMESPACE_NOT_EXIST", "namespace is not exist"));
    }
    if instance.repositories.contains_key(&key) {
        return Err(Refused::new(400, "REPO_ALREADY_EXIST", "repo is already exist"));
    }
    let repository = AcrRepository { kind: call.parameter("RepoType").to_owned(), tags: Vec::new() };
    instance.repositories.insert(key, repository);
    Ok(json!({}))
}

fn list_repositories(instance: &AcrInstance, call: &Call<'_>) -> Value {
    let namespace = call.parameter("RepoNamespaceName");
    let of_namespace = instance.repositories.iter().filter(|((name, _), _)| name == namespace);
    let all: Vec<Value> = of_namespace.map(|(key, repository)| repository_json(key, repository)).collect();
    json!({"TotalCount": all.len().to_string(), "Repositories": page(&all, call)})
}

fn list_tags(instance: &AcrInstance, call: &Call<'_>) -> Answer {
    let id = call.parameter("RepoId");
    let mut repositories = instance.repositories.iter();
    let found = repositories.find(|((namespace, name), _)| repository_id(namespace, name) == id);
    let (_, repository) = found.ok_or_else(|| Refused::new(400, "REPO_NOT_EXIST", "repo is not exist"))?;
    let entry = |(tag, digest): &(String, String)| json!({"Tag": tag, "Digest": digest, "Status": "NORMAL"});
    let all: Vec<Value> = repository.tags.iter().map(entry).collect();
    Ok(json!({"TotalCount": all.len().to_string(), "Images": page(&all, call)}))
}

fn endpoint(instance: &AcrInstance) -> Value {
    let own = format!("{}-registry.cn-shanghai.cr.aliyuncs.com", instance.name);
    let own = std::iter::once(json!({"Domain": own, "Type": "SYSTEM"}));
    let users = instance.domains.iter().map(|domain| json!({"Domain": domain, "Type": "USER"}));
    let entry = |(entry, comment): &(String, String)| json!({"Entry": entry, "Comment": comment});
    json!({
        "Enable": true, "AclEnable": true, "Status": "RUNNING",
        "AclEntries": instance.acl.iter().map(entry).collect::<Vec<_>>(),
        "Domains": own.chain(users).collect::<Vec<_>>(),
    })
}

fn allow_addresses(instance: &mut AcrInstance, call: &Call<'_>) -> Answer {
    let entry = call.parameter("Entry");
    if !entry.contains('/') || call.parameter("EndpointType") != "internet" {
        return Err(Refused::new(400, "InvalidParameter", "Entry or EndpointType"));
    }
    if instance.acl.iter().any(|(known, _)| known == entry) {
        return Err(Refused::new(400, "ACL_ENTRY_ALREADY_EXISTS", "entry exists"));
    }
    instance.acl.push((entry.to_owned(), call.parameter("Comment").to_owned()));
    Ok(json!({}))
}

fn page(all: &[Value], call: &Call<'_>) -> Vec<Value> {
    // Limits pages to 100 entries; the default is 30.
    let size = call.number("PageSize").unwrap_or(30).min(100);
    let first = call.number("PageNo").unwrap_or(1).saturating_sub(1) * size;
    all.iter().skip(first).take(size).cloned().collect()
}
