//! Mix-ups of Alibaba Cloud's registries: a login for one registry and a target at another, or the wrong edition. Pure.

use oci::RegistryHost;
use providers::alibaba::{InstanceId, Service};

use super::cloud::Edition;
use super::finding::{Finding, Step};

/// Whether a target without a login was probably meant for another registry of the same cloud that has a login.
pub(super) fn judge_target(host: &RegistryHost, login: Option<&str>, entries: &[String]) -> Option<Finding> {
    let edition = Edition::of_host(host)?;
    let others = entries.iter().filter_map(|key| {
        let other = host_of(key)?;
        (other != *host).then_some((key, Edition::of_host(&other)?))
    });
    let other = others.max_by_key(|(_, edition)| *edition == Edition::Enterprise);
    let (key, other) = other?;
    let (ours, theirs) = (edition.name(), other.name());
    if login.is_none() {
        let what =
            format!("the target `{host}` ({ours}) has no login, but `auth` has one for `{key}` ({theirs})");
        return Some(
            Finding::problem(host.as_str(), Step::Edition, what)
                .why("logins of one of Alibaba Cloud's registries are worth nothing at another")
                .next(format!(
                    "write `{key}` as the target (--registry, or in the rules), or give a login for `{host}`"
                )),
        );
    }
    (edition == Edition::Personal && other == Edition::Enterprise).then(|| {
        let what =
            format!("the target is a {ours} registry, while `auth` has a login for the {theirs} `{key}`");
        Finding::warning(host.as_str(), Step::Edition, what)
            .next("check that this is the target that you mean")
    })
}

/// The kind of registry that an auth entry implies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meant<'a> {
    Anything,
    /// One of Alibaba's, with its instance if the entry names one.
    Acr(Option<&'a InstanceId>),
}

/// Compares the service name in the registry's challenge with its auth entry.
pub(super) fn judge_service(place: &str, service: Option<&str>, meant: Meant<'_>) -> Option<Finding> {
    let told = service.map(|service| format!("its token service is `{service}`"));
    let told = told.unwrap_or_else(|| "it wants no tokens".to_owned());
    let parsed = service.and_then(Service::parse);
    match (parsed, meant) {
        (None, Meant::Anything) => None,
        (None, Meant::Acr(_)) => Some(
            Finding::problem(place, Step::Edition, "it is none of Alibaba Cloud's registries, though its auth entry says \"provider\": \"acr\"")
                .why(told)
                .next("check the host, or remove `provider` from the auth entry"),
        ),
        (Some(Service::Personal { .. }), Meant::Acr(Some(instance))) => Some(
            Finding::problem(place, Step::Edition, format!("it is a Personal Edition registry, but the login is for the Enterprise Edition instance {instance}"))
                .why(told)
                .next("write the instance's own host as the target: NAME-registry.REGION.cr.aliyuncs.com"),
        ),
        (Some(Service::Enterprise { instance: actual, .. }), Meant::Acr(Some(instance))) if actual != *instance => Some(
            Finding::problem(place, Step::Edition, format!("it belongs to the instance {actual}, but the login is for {instance}"))
                .why(told)
                .next("correct host or instanceId in the auth entry"),
        ),
        (Some(Service::Personal { region }), _) => {
            Some(Finding::ok(place, Step::Edition, format!("is Alibaba Cloud's Personal Edition in {region}")))
        }
        (Some(Service::Enterprise { region, instance }), _) => Some(Finding::ok(
            place,
            Step::Edition,
            format!("is Alibaba Cloud's Enterprise Edition in {region}, instance {instance}"),
        )),
    }
}

fn host_of(key: &str) -> Option<RegistryHost> {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://");
    bare.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const ENTERPRISE: &str = "ruohe-test-registry.cn-shanghai.cr.aliyuncs.com";
    const PERSONAL: &str = "registry.cn-beijing.aliyuncs.com";

    #[test]
    fn the_seeds_slip_is_found() {
        let judge = |host: &str, login, keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
            judge_target(&host.parse().unwrap(), login, &keys)
        };
        let slip = judge(PERSONAL, None, &["harbor:32080", ENTERPRISE]).unwrap();
        assert!(slip.is_problem() && slip.what.contains("(Personal Edition) has no login"), "{slip:?}");
        assert!(slip.next.unwrap().contains(ENTERPRISE));
        assert_eq!(judge(PERSONAL, Some("me"), &[PERSONAL, ENTERPRISE]).unwrap().level, Level::Warning);
        assert_eq!(judge(ENTERPRISE, Some("me"), &[PERSONAL, ENTERPRISE]), None);
        assert_eq!(judge(PERSONAL, None, &["harbor:32080"]), None);
        assert_eq!(judge("quay.io", None, &[ENTERPRISE]), None);
    }

    #[test]
    fn what_the_registry_says_counts() {
        let instance: InstanceId = "cri-test".parse().unwrap();
        let judge = |service, meant| judge_service("r.io", service, meant);
        let this = Meant::Acr(Some(&instance));
        let personal = Some("registry.aliyuncs.com:cn-beijing:26842");
        let enterprise = Some("registry.aliyuncs.com:cn-shanghai:china:cri-test");
        let other = Some("registry.aliyuncs.com:cn-shanghai:china:cri-other");
        assert!(judge(personal, this).unwrap().is_problem());
        assert!(judge(other, this).unwrap().is_problem());
        assert!(judge(Some("harbor-registry"), Meant::Acr(None)).unwrap().is_problem());
        assert!(judge(None, this).unwrap().is_problem());
        for (service, meant) in [
            (enterprise, this),
            (enterprise, Meant::Anything),
            (personal, Meant::Anything),
            (personal, Meant::Acr(None)),
        ] {
            assert_eq!(judge(service, meant).unwrap().level, Level::Ok);
        }
        assert_eq!(judge(Some("harbor-registry"), Meant::Anything), None);
    }
}
