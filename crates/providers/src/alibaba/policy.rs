//! The smallest RAM policy that lets a user push to one namespace of an Enterprise Edition instance. Pure.
//!
//! Resources of the Enterprise Edition have the instance's id before the namespace. Those of the Personal Edition,
//! which many guides show, do not, so a policy with them refuses every push.

use serde_json::{Value, json};

use super::name::{InstanceId, Region};

/// The scope of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyScope {
    /// The instance.
    pub instance: InstanceId,
    /// The namespace.
    pub namespace: String,
    /// The region; `None` for all.
    pub region: Option<Region>,
    /// The owner's account id; `None` for the account that attaches the policy.
    pub account: Option<String>,
}

/// The rights that a policy grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyRights {
    /// To push and to read.
    Push,
    /// Also to create the namespace and to open the instance's endpoint to addresses.
    PushAndSetUp,
}

/// The policy, for RAM's console or its `CreatePolicy`.
pub fn ram_policy(scope: &PolicyScope, rights: PolicyRights) -> Value {
    let PolicyScope { instance, namespace, .. } = scope;
    let region = scope.region.as_ref().map_or("*", Region::as_str);
    let account = scope.account.as_deref().unwrap_or("*");
    let resource = |path: String| format!("acs:cr:{region}:{account}:{path}");
    let whole = resource(format!("repository/{instance}"));
    let of_namespace = resource(format!("repository/{instance}/{namespace}"));
    let repositories = resource(format!("repository/{instance}/{namespace}/*"));
    let of_instance = resource(format!("instance/{instance}"));
    let allow = |actions: &[&str], resources: &[&str]| json!({"Effect": "Allow", "Action": actions, "Resource": resources});
    let mut statements = vec![
        allow(
            &["cr:PushRepository", "cr:PullRepository", "cr:CreateRepository", "cr:UpdateRepository"],
            &[&repositories],
        ),
        // RAM has no narrower resource for this action.
        allow(&["cr:GetAuthorizationToken"], &["*"]),
        allow(
            &["cr:GetNamespace", "cr:GetRepository", "cr:ListRepository", "cr:ListRepositoryTag"],
            &[&whole, &of_namespace, &repositories],
        ),
        allow(&["cr:ListInstance*", "cr:GetInstance*"], &["*", &of_instance]),
    ];
    if rights == PolicyRights::PushAndSetUp {
        statements.push(allow(&["cr:CreateNamespace", "cr:UpdateNamespace"], &[&whole, &of_namespace]));
        statements.push(allow(
            &["cr:CreateInstanceEndpointAclPolicy", "cr:UpdateInstanceEndpointStatus"],
            &[&of_instance],
        ));
    }
    json!({"Version": "1", "Statement": statements})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(region: Option<&str>) -> PolicyScope {
        PolicyScope {
            instance: "cri-test".parse().unwrap(),
            namespace: "mirror".to_owned(),
            region: region.map(|region| region.parse().unwrap()),
            account: None,
        }
    }

    #[test]
    fn resources_have_the_instances_id() {
        let expected = json!({"Version": "1", "Statement": [
            {"Effect": "Allow", "Action": ["cr:PushRepository", "cr:PullRepository", "cr:CreateRepository", "cr:UpdateRepository"],
             "Resource": ["acs:cr:cn-shanghai:*:repository/cri-test/mirror/*"]},
            {"Effect": "Allow", "Action": ["cr:GetAuthorizationToken"], "Resource": ["*"]},
            {"Effect": "Allow", "Action": ["cr:GetNamespace", "cr:GetRepository", "cr:ListRepository", "cr:ListRepositoryTag"],
             "Resource": ["acs:cr:cn-shanghai:*:repository/cri-test", "acs:cr:cn-shanghai:*:repository/cri-test/mirror", "acs:cr:cn-shanghai:*:repository/cri-test/mirror/*"]},
            {"Effect": "Allow", "Action": ["cr:ListInstance*", "cr:GetInstance*"], "Resource": ["*", "acs:cr:cn-shanghai:*:instance/cri-test"]},
        ]});
        assert_eq!(ram_policy(&scope(Some("cn-shanghai")), PolicyRights::Push), expected);
    }

    #[test]
    fn rights_to_set_up_are_asked_for_only_when_wanted() {
        let push = ram_policy(&scope(None), PolicyRights::Push).to_string();
        assert!(!push.contains("CreateNamespace") && !push.contains("AclPolicy"), "{push}");
        let set_up = ram_policy(&scope(None), PolicyRights::PushAndSetUp).to_string();
        assert!(set_up.contains("cr:CreateNamespace") && set_up.contains("acs:cr:*:*:instance/cri-test"));
    }
}
