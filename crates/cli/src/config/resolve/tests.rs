//! Targets, warnings and errors, and the table of the Go releases' cases.

use std::path::PathBuf;

use super::*;
use crate::config::auth::Auth;
use crate::config::conflict::shared_names;
use crate::config::image_text::ImageTextError;

fn resolved(auth: &str, images: &str, registry: &str, namespace: &str) -> Result<Resolved, Vec<ConfigError>> {
    let file = PathBuf::from("c.json");
    let json = |text: &str| crate::config::json::read(text).unwrap().root;
    let lookup = |name: &str| (name == "NS").then(|| "team".to_owned());
    let auth = crate::config::auth::read(
        &file,
        crate::config::document::Format::Json,
        &json(auth),
        crate::config::auth::Expansion::Literal,
        crate::config::auth::Absent::IsError,
        &lookup,
    )
    .unwrap();
    let rules = crate::config::images::read(&file, &json(images)).unwrap();
    let written = Written {
        auth,
        rules,
        sync: None,
        rules_file: Some(file),
        warnings: Vec::new(),
        logins: WrittenLogins::InFiles,
    };
    let transport = Transport::new("test", &[]).unwrap();
    resolve(written, Defaults { registry, namespace, ..Defaults::default() }, &transport, &lookup)
}

fn targets(images: &str, registry: &str, namespace: &str) -> Vec<String> {
    let resolved = resolved("{}", images, registry, namespace).unwrap_or_else(|errors| panic!("{errors:?}"));
    let targets = resolved.rules.iter().flat_map(|rule| &rule.rule.targets);
    targets.map(|target| target.target.name().to_owned()).collect()
}

#[test]
fn empty_targets_are_named_by_the_defaults() {
    let rule = |source: &str| format!(r#"{{"{source}": ""}}"#);
    for (source, with_namespace, without) in [
        ("harbor.host:32080/library/nginx", "d.io/ns/nginx", "d.io/library/nginx"),
        ("gcr.io/a/b/c/d/e:v1", "d.io/ns/b/c/d/e", "d.io/a/b/c/d/e"),
        ("nginx", "d.io/ns/nginx", "d.io/library/nginx"),
        ("r.io/app", "d.io/ns/app", "d.io/app"),
    ] {
        assert_eq!(targets(&rule(source), "d.io", "ns"), [with_namespace]);
        assert_eq!(targets(&rule(source), "d.io", ""), [without]);
        assert!(resolved("{}", &rule(source), "", "ns").is_err());
    }
    assert_eq!(targets(&rule("r.io/x/app"), "d.io/", "a/b"), ["d.io/a/b/app"]);
}

#[test]
fn several_targets_variables_and_repetitions() {
    let rule = r#"{"r.io/a/b:v1": ["t.io/${NS}/b", "t.io/team/b", "u.io/b:x"]}"#;
    assert_eq!(targets(rule, "", ""), ["t.io/team/b", "u.io/b"]);
}

#[test]
fn every_bad_rule_is_named_with_its_line() {
    let errors = resolved(
        "{}",
        "{\n\"r.io/A:v1\": \"t.io/a\",\n\"r.io/a:v1,v2\": \"t.io/a:x\",\n\"\": \"x\"}",
        "",
        "",
    );
    let errors: Vec<_> = errors.err().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3);
    assert!(
        errors[0].starts_with("c.json:2: `r.io/A:v1` cannot be used: ") && errors[0].contains("upper-case"),
        "{errors:?}"
    );
    assert!(errors[1].starts_with("c.json:3: the target") && errors[1].contains("1 name(s) for 2 image(s)"));
}

#[test]
fn the_seeds_slip_is_told_with_both_names() {
    let auth = r#"{"a.cn-shanghai.cr.aliyuncs.com": {}, "harbor.host:32080": {}}"#;
    let warnings =
        resolved(auth, r#"{"harbor.host:32080/library/nginx": ""}"#, "registry.cn-beijing.aliyuncs.com", "x");
    let warnings = warnings.unwrap_or_else(|errors| panic!("{errors:?}")).warnings;
    assert!(
        warnings[0].contains("registry.cn-beijing.aliyuncs.com") && warnings[0].contains("a.cn-shanghai.cr")
    );
    assert_eq!(warnings.len(), 2);
}

#[test]
fn b25_two_rules_for_one_name_are_told() {
    let images = r#"{"r.io/a:v1,v2": "t.io/x:n,m", "r.io/b:v1": "t.io/x:n", "r.io/a:v2": "t.io/x:m"}"#;
    let resolved = resolved("{}", images, "", "").unwrap_or_else(|errors| panic!("{errors:?}"));
    let told = shared_names(&resolved.rules);
    assert_eq!(told.len(), 1, "the same copy twice is no conflict: {told:?}");
    assert!(told[0].contains("t.io/x:n") && told[0].contains("r.io/a:v1") && told[0].contains("r.io/b:v1"));
}

#[test]
fn b25_a_copy_onto_itself_is_told() {
    let told = |images: &str| {
        let resolved = resolved("{}", images, "", "").unwrap_or_else(|errors| panic!("{errors:?}"));
        resolved.warnings.iter().any(|warning| warning.contains("onto itself"))
    };
    assert!(told(r#"{"r.io/a/b": "r.io/a/b"}"#) && told(r#"{"r.io/a/b:v1": "r.io/a/b:v1"}"#));
    assert!(!told(r#"{"r.io/a/b:latest": "r.io/a/b:stable"}"#) && !told(r#"{"r.io/a/b": "r.io/a/c"}"#));
}

#[test]
fn p9_of_tag_and_digest_the_digest_decides_and_the_tag_is_the_name() {
    let [one, two] = [b"1", b"2"].map(|bytes| oci::Digest::sha256(bytes).to_string());
    for (source, target, expected) in [
        (format!("r.io/a:v1@{one}"), "t.io/a".to_owned(), format!("{one} → v1")),
        (format!("r.io/a:v1@{one}"), "t.io/a:v2".to_owned(), format!("{one} → v2")),
        (format!("r.io/a:v1@{one}"), "t.io/a:/^v/".to_owned(), format!("{one} → v1")),
        (format!("r.io/a:v1@{one}"), format!("t.io/a:v3@{one}"), format!("{one} → v3")),
        (format!("r.io/a:v1@{one}"), format!("t.io/a@{one}"), format!("{one} → {one}")),
        ("r.io/a:v1".to_owned(), format!("t.io/a:v3@{one}"), format!("{one} → v3")),
        (format!("r.io/a@{one}"), format!("t.io/a:v3@{one}"), format!("{one} → v3")),
        (format!("r.io/a:v1@{one}"), format!("t.io/a:v1@{two}"), "refused".to_owned()),
        (format!("r.io/a@{one}"), format!("t.io/a:v1@{two}"), "refused".to_owned()),
    ] {
        let images = format!(r#"{{"{source}": "{target}"}}"#);
        let told = match resolved("{}", &images, "", "") {
            Ok(resolved) => {
                let rule = &resolved.rules[0].rule;
                let images = rule.selection.named().unwrap();
                let names = rule.targets[0].naming.names(&images).unwrap();
                format!("{} → {}", images[0], names[0].as_ref().unwrap())
            }
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(told, expected, "{source} → {target}");
    }
}

const TABLE: &str = include_str!("../../../tests/data/references.tsv");

/// The result of a case: the copies in the table's notation, or an error class.
fn outcome(source: &str, target: &str, tags: &str, defaults: Defaults<'_>) -> String {
    let transport = Transport::new("test", &[]).unwrap();
    let registries = Registries::new(Auth::default(), &|_| None, &transport);
    let registries = SharedRegistries::new(registries);
    let mut resolver =
        Resolver { defaults, lookup: &|_| None, registries, warnings: Vec::new(), left_out: 0 };
    let written = WrittenRule::of_images(0, 1, source.to_owned(), vec![target.to_owned()]);
    let rule = match resolver.rule(&written) {
        Ok(Checked::Rule(checked)) => checked.rule,
        Ok(Checked::Pattern(_)) => return "many repositories".to_owned(),
        Err(error) => return class(&error),
    };
    let listed = tags.split_whitespace().map(|tag| tag.parse().unwrap()).collect();
    let images = rule.selection.named().unwrap_or_else(|| rule.selection.by_name(listed));
    let target = &rule.targets[0];
    let Ok(names) = target.naming.names(&images) else { return "E-COUNT".to_owned() };
    let copies = images.iter().zip(names).filter_map(|(image, name)| {
        let (from, to) = (rule.source.name(), target.target.name());
        Some(format!("{from}{} → {to}{}", image.suffix(), name?.suffix()))
    });
    let copies: Vec<_> = copies.collect();
    if copies.is_empty() { "no copies".to_owned() } else { copies.join(" ; ") }
}

fn class(error: &RuleError) -> String {
    let text_class = |error: &ImageTextError| match error {
        ImageTextError::Reference(oci::ReferenceError::UpperCase { .. }) => "E-UPPER",
        ImageTextError::Reference(oci::ReferenceError::ImageId { .. }) => "E-HEX64",
        ImageTextError::PatternOpen { .. } => "E-REGEX-FORM",
        ImageTextError::Pattern { .. } => "E-REGEX-SYNTAX",
        _ => "E-REF",
    };
    let with_side = |side: &str, class: &str| match class {
        "E-REF" | "E-UPPER" => format!("{side} {class}"),
        other => other.to_owned(),
    };
    match error {
        RuleError::SourceEmpty => "E-SRC-EMPTY".to_owned(),
        RuleError::Source { reason, .. } => with_side("src", text_class(reason)),
        RuleError::TargetEmpty { .. } => "E-DST-EMPTY".to_owned(),
        RuleError::Target { reason, .. } => with_side("dst", text_class(reason)),
        RuleError::Count { .. } => "E-COUNT".to_owned(),
        RuleError::OtherDigest { .. } => "E-DIGEST".to_owned(),
        RuleError::NameTwice { .. } => "E-DUP-DEST".to_owned(),
        RuleError::Template { .. }
        | RuleError::NamesUnderPattern { .. }
        | RuleError::TemplateWithoutTag { .. }
        | RuleError::TemplateIntoSource { .. }
        | RuleError::NoRegistry { .. }
        | RuleError::NoRepository { .. }
        | RuleError::PlaceholderWithoutPattern { .. } => "E-PATTERN".to_owned(),
    }
}

#[test]
fn wildcards_name_many_repositories() {
    let images = |source: &str, target: &str| format!(r#"{{"{source}": "{target}"}}"#);
    let patterns = |source: &str, target: &str| {
        let resolved = resolved("{}", &images(source, target), "def.example", "dns");
        resolved.map(|resolved| (resolved.rules.len(), resolved.patterns.len()))
    };
    assert_eq!(patterns("harbor.io/library/**", "acr.io/ns").unwrap(), (0, 1));
    assert_eq!(patterns("harbor.io/library/*:/^v1/", "acr.io/ns/{path:_}").unwrap(), (0, 1));
    assert_eq!(patterns("harbor.io/library/nginx:/.*/", "acr.io/ns").unwrap(), (1, 0));
    for (source, target, told) in [
        ("harbor.io/library/**", "acr.io/ns:v1", "keep their names"),
        ("harbor.io/library/**", "acr.io/{tag}", "{tag}"),
        ("harbor.io/library/**", "acr.io/NS", "upper-case"),
        ("library/**", "acr.io/ns", "names no registry"),
        ("harbor.io/li**/x", "acr.io/ns", "must stand alone"),
    ] {
        let errors = patterns(source, target).unwrap_err();
        assert!(errors[0].to_string().contains(told), "{source} {target}: {}", errors[0]);
    }
}

#[test]
fn c14_a_placeholder_without_a_pattern_is_told() {
    for target in ["t.io/{name}", "t.io/{path:_}:v1", "t.io/x/{tag}"] {
        let error = resolved("{}", &format!(r#"{{"r.io/a:v1": "{target}"}}"#), "", "").err().unwrap();
        let error = error[0].to_string();
        assert!(error.contains("only a source with * or **") && error.contains("help: "), "{error}");
    }
    assert_eq!(targets(r#"{"r.io/a:/v1/": "t.io/a:/^v{1}$/"}"#, "", ""), ["t.io/a"]);
}

#[test]
fn a_patterns_matches_land_where_the_target_says() {
    let lands = |source: &str, target: &str, repository: &str| {
        let images = format!(r#"{{"{source}": "{target}"}}"#);
        let resolved = resolved("{}", &images, "def.example", "dns").unwrap_or_else(|_| panic!("{source}"));
        let made = (resolved.patterns[0].rule.make_rule)(&repository.parse().unwrap());
        made.map(|rule| rule.targets[0].target.name().to_owned()).map_err(|cause| cause.to_string())
    };
    assert_eq!(
        lands("h.io/library/**", "acr.io/image-syncer", "library/a/b").unwrap(),
        "acr.io/image-syncer/a/b"
    );
    assert_eq!(lands("h.io/library/**", "", "library/a/b").unwrap(), "def.example/dns/a/b");
    assert_eq!(lands("h.io/**", "acr.io/x/{path:_}", "library/a/b").unwrap(), "acr.io/x/library_a_b");
    assert!(lands("h.io/**", "acr.io/x/{path:___}", "a/b").unwrap_err().contains("cannot be"));
}

#[test]
fn the_table_of_the_go_releases_cases() {
    let digests =
        [("<D1>", "one"), ("<D2>", "two")].map(|(name, text)| (name, oci::Digest::sha256(text.as_bytes())));
    let mut cases = 0;
    for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let with_digests =
            digests.iter().fold(row.to_owned(), |row, (name, digest)| row.replace(name, &digest.to_string()));
        let row = with_digests.replace("<64hex>", &"a".repeat(64));
        let [number, source, target, tags, defaults, expected] = row.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("{row}")
        };
        let unset = Defaults::default();
        let set = Defaults { registry: "def.example", namespace: "dns", ..Defaults::default() };
        if defaults == "set" {
            assert_eq!(outcome(source, target, tags, set), expected, "row {number}");
            assert_eq!(outcome(source, target, tags, unset), "E-DST-EMPTY", "row {number} without defaults");
        } else {
            assert_eq!(outcome(source, target, tags, unset), expected, "row {number}");
        }
        cases += 1;
    }
    assert_eq!(cases, 101);
}
