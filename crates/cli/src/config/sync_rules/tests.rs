//! The example of the contract, and a table of mistakes.

use super::amount::MaxDelete;
use super::rule::{IndexForm, WrittenReferrers};
use super::tags::{LatestBy, LatestPer};
use super::{SyncRule, read};
use crate::config::config_file::ConfigFile;
use crate::config::document::{Node, Value};

const EXAMPLE: &str = include_str!("../../../tests/data/sync_example.yaml");

fn entry<'a>(file: &'a ConfigFile, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &file.root.value else { return None };
    entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
}

fn rules(name: &str, text: &str) -> Result<Vec<SyncRule>, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let file = ConfigFile::read(&path).map_err(|error| vec![error.to_string()])?;
    let front = format!("{}/", folder.path().display());
    read(&file, entry(&file, "defaults"), entry(&file, "sync"))
        .map_err(|errors| errors.iter().map(|error| error.to_string().replace(&front, "")).collect())
}

#[test]
fn the_example_of_the_contract_is_read_whole() {
    let rules = rules("c.yaml", EXAMPLE).unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!(rule.name.as_ref().unwrap().text, "apps");
    assert_eq!(rule.from.text, "harbor.example.com:32080/library/**");
    assert_eq!(rule.to[0].text, "registry.example.cn/mirror");
    let policies = &rule.policies;
    let repositories = &policies.repositories.as_ref().unwrap().value;
    assert_eq!(repositories.exclude.as_ref().unwrap()[1].text, "/-old$/");
    let tags = &policies.tags.as_ref().unwrap().value;
    assert_eq!(tags.include.as_ref().unwrap().0[0][1].text, "/^release-/");
    assert_eq!(tags.semver.as_ref().unwrap().text, ">=1.20 <2");
    assert_eq!(tags.variants.as_ref().unwrap()[0].text, "");
    let latest = tags.latest.unwrap();
    assert_eq!((latest.count.get(), latest.by, latest.per), (5, LatestBy::Version, LatestPer::Variant));
    assert_eq!(tags.min_age.as_ref().unwrap().duration.as_secs(), 7 * 86_400);
    assert_eq!(policies.platforms.as_ref().unwrap().value.index, IndexForm::Auto);
    assert_eq!(policies.referrers.as_ref().unwrap().value, WrittenReferrers::All);
    assert_eq!(policies.prune.as_ref().unwrap().max_delete, Some(MaxDelete::Percent(10)));
}

#[test]
fn long_forms_are_read() {
    let text = r#"{"sync": [{"from": "r.io/a/*", "to": ["t.io/a", "u.io/a"],
        "tags": {"include": [["v*"], ["/a$/", "b*"]], "latest": {"count": 3, "by": "pushed", "per": "repository"},
            "maxAge": "4w", "pins": ["stable"], "atLeast": 2},
        "platforms": {"only": ["linux/arm64/v8"], "index": "rewrite"},
        "referrers": {"types": ["application/spdx+json"]}, "prune": {"maxDelete": 3, "grace": "0s"}}]}"#;
    let rules = rules("c.json", text).unwrap();
    let tags = &rules[0].policies.tags.as_ref().unwrap().value;
    assert_eq!(tags.include.as_ref().unwrap().0.len(), 2);
    let latest = tags.latest.unwrap();
    assert_eq!((latest.count.get(), latest.by, latest.per), (3, LatestBy::Pushed, LatestPer::Repository));
    assert_eq!((rules[0].to.len(), rules[0].to[1].place.line), (2, 1));
    assert_eq!(rules[0].policies.prune.as_ref().unwrap().max_delete, Some(MaxDelete::Tags(3)));
}

#[test]
fn a_rules_own_key_replaces_that_of_the_defaults() {
    let text = "defaults: {tags: {exclude: ['*-rc*'], latest: 3}, referrers: false}\nsync:\n\
        - {from: r.io/a, to: t.io/a}\n- {from: r.io/b, to: t.io/b, tags: {latest: 5}, referrers: true}\n";
    let rules = rules("c.yaml", text).unwrap();
    let tags = |rule: usize| &rules[rule].policies.tags.as_ref().unwrap().value;
    assert!(rules[0].tags.latest.is_some() && rules[1].tags.exclude.is_empty());
    assert!(tags(0).exclude.is_some() && tags(0).latest.unwrap().count.get() == 3);
    assert!(tags(1).exclude.is_none() && tags(1).latest.unwrap().count.get() == 5, "the whole of `tags`");
    let referrers = |rule: usize| &rules[rule].policies.referrers.as_ref().unwrap().value;
    assert_eq!((referrers(0), referrers(1)), (&WrittenReferrers::None, &WrittenReferrers::All));
}

/// The text in a rule, and the error with the place that the mark points at.
const SLIPS: &[(&str, &str, &str)] = &[
    ("tags: {include: ['v[']}", "c.yaml:4:22: `include` cannot be used: `v[` is no glob", ""),
    (
        "tags: {include: ['/v(/']}",
        "c.yaml:4:22: `include` cannot be used: `/v(/` is no regular expression",
        "",
    ),
    ("tags: {exclude: [['v*']]}", "each of `tags.exclude` must be a text, not a list", ""),
    (
        "tags: {exclude: ['/v']}",
        "c.yaml:4:22: `exclude` cannot be used: `/v` begins like a regular expression",
        "",
    ),
    ("tags: {semver: '>= latest'}", "c.yaml:4:20: `semver` cannot be used: ", ""),
    ("tags: {semver: '=>1.20'}", "c.yaml:4:20: `semver` cannot be used: ", ">="),
    ("tags: {variants: ['-alpine']}", "c.yaml:4:23: `variants` cannot be used: ", "`alpine` instead of"),
    (
        "repositories: {exclude: ['a//b']}",
        "c.yaml:4:30: `exclude` cannot be used: `a//b` can match nothing",
        "",
    ),
    ("tagz: {latest: 1}", "c.yaml:4:5: `tagz` means nothing", "did you mean `tags`?"),
    ("colour: red", "c.yaml:4:5: `colour` means nothing", "known are name, from, to, repositories, tags,"),
    ("tags: {lates: 1}", "c.yaml:4:12: `lates` in `tags` means nothing", "did you mean `latest`?"),
    (
        "tags: {latest: 0}",
        "c.yaml:4:20: `tags.latest` must be a whole number from 1 on, not the number 0",
        "",
    ),
    ("tags: {latest: {by: pushed}}", "c.yaml:4:20: `tags.latest` has no `count`", ""),
    (
        "tags: {latest: {count: 1, by: push}}",
        "`tags.latest.by` must be `version` or `pushed`, not `push`",
        "did you mean `pushed`?",
    ),
    (
        "tags: {latest: [1]}",
        "`tags.latest` must be a whole number from 1 on, or a map with count, by and per, not a list",
        "",
    ),
    ("tags: {atLeast: -1}", "`tags.atLeast` must be a whole number from 1 on, not the number -1", ""),
    ("tags: {include: []}", "c.yaml:4:21: `tags.include` is an empty list", "leave the key out"),
    ("tags: {include: [[]]}", "each of `tags.include` is an empty list", ""),
    (
        "tags: {include: [v1, [v2]]}",
        "c.yaml:4:26: `tags.include` has texts and lists side by side",
        "a list of its own",
    ),
    (
        "tags: {include: v1}",
        "`tags.include` must be a list of texts, or a list of such lists, not `v1`",
        "put it in brackets: [\"v1\"]",
    ),
    (
        "tags: {include: [1.10]}",
        "c.yaml:4:22: each of `tags.include` must be a text, not the number 1.10",
        "put it in quotes: \"1.10\"",
    ),
    ("tags: {exclude: ['']}", "each of `tags.exclude` must be a text, not an empty text", ""),
    ("tags: {exclude: [!v1]}", "must be a text", "`!` begins a tag in YAML"),
    ("tags: {semver: 1.20}", "`tags.semver` must be a text, not the number 1.20", "put it in quotes"),
    (
        "tags: {prereleases: 'yes'}",
        "`tags.prereleases` must be true or false (without quotes), not `yes`",
        "",
    ),
    (
        "tags: {minAge: 7}",
        "`tags.minAge` must be a number with a unit: s, m, h, d or w, as in `7d`, not the number 7",
        "",
    ),
    ("tags: {minAge: 7x}", "c.yaml:4:20: `tags.minAge` must be a number with a unit", ""),
    ("tags: {minAge: 99999999999999999999d}", "`tags.minAge` must be a number with a unit", ""),
    (
        "tags: {minAge: 4w, maxAge: 7d}",
        "c.yaml:4:32: `minAge` (28d) is not below `maxAge` (7d): no tag can be in between",
        "",
    ),
    ("tags: {maxAge: 0s}", "`maxAge: 0s` selects nothing", ""),
    ("tags: {pins: ['v*']}", "each of `tags.pins` must be a tag or a digest", "patterns stand in `include`"),
    ("tags: {pins: ['sha256:12']}", "each of `tags.pins` must be a tag or a digest", ""),
    ("tags: latest", "`tags` must be a map with some of include, exclude", ""),
    ("repositories: {only: [a]}", "`only` in `repositories` means nothing", "known are include, exclude"),
    (
        "platforms: [linux/amd46]",
        "c.yaml:4:17: each of `platforms` must be a platform: `amd46` is no architecture",
        "did you mean `amd64`?",
    ),
    ("platforms: [linux]", "`linux` is no platform: write OS/ARCH", ""),
    ("platforms: {index: sparse}", "`platforms` has no `only`", ""),
    (
        "platforms: {only: [linux/amd64], index: spars}",
        "`platforms.index` must be `sparse`, `rewrite` or `auto`",
        "did you mean `sparse`?",
    ),
    ("referrers: all", "`referrers` must be true or false (without quotes), not `all`", ""),
    ("referrers: {}", "`referrers` says nothing", ""),
    (
        "referrers: {types: [sbom]}",
        "must be an artifact type such as `application/spdx+json` or `application/vnd.cyclonedx*`, not `sbom`",
        "",
    ),
    ("attestations: dorp", "`attestations` must be `keep` or `drop`, not `dorp`", "did you mean `drop`?"),
    (
        "onConflict: true",
        "c.yaml:4:17: `onConflict` must be `overwrite`, `keep` or `fail`, not the truth value true",
        "",
    ),
    (
        "prune: {maxDelete: 101%}",
        "`prune.maxDelete` must be a whole number, or a part from `0%` to `100%`, not `101%`",
        "",
    ),
    ("prune: {maxDelete: x%}", "`prune.maxDelete` must be a whole number", ""),
    ("prune: {grace: week}", "`prune.grace` must be a number with a unit", ""),
    ("name: ''", "`name` must be a text, not an empty text", ""),
    ("name: a\u{a0}b", "`name` has U+00A0 (no-break space) in it", "an ordinary blank"),
];

#[test]
fn each_slip_is_told_with_its_place_and_what_to_write() {
    for (key, told, help) in SLIPS {
        let text = format!("sync:\n  - from: r.io/a\n    to: t.io/a\n    {key}\n");
        let errors = rules("c.yaml", &text).expect_err(key);
        assert_eq!(errors.len(), 1, "{key}: {errors:?}");
        let error = &errors[0];
        assert!(
            error.starts_with("c.yaml:4:") && error.contains(told) && error.contains(help),
            "{key}: {error}"
        );
        assert!(
            error.contains("\n  4 | ") && error.lines().nth(2).is_some_and(|mark| mark.ends_with('^')),
            "{error}"
        );
    }
}

#[test]
fn slips_of_rules_as_a_whole_are_told() {
    let errors = |text: &str| rules("c.yaml", text).expect_err(text);
    for (text, told) in [
        ("sync: {from: a, to: b}\n", "c.yaml:1:7: `sync` is a map, but must be a list of rules"),
        ("sync:\n- r.io/a\n", "c.yaml:2:3: the rule must be a map with some of name, from, to, repositories"),
        ("sync:\n- {to: t.io/a}\n", "c.yaml:2:3: the rule has no `from`"),
        ("sync:\n- {from: r.io/a}\n", "c.yaml:2:3: the rule has no `to`"),
        ("sync:\n- {from: r.io/a, too: t.io/a}\n", "c.yaml:2:18: `too` means nothing"),
        ("sync:\n- {from: r.io/a, to: []}\n", "`to` is an empty list"),
        ("sync:\n- {from: r.io/a, to: {}}\n", "`to` must be a text or a list of texts, not a map"),
        ("sync:\n- {from: [r.io/a], to: t.io/a}\n", "`from` must be a text, not a list"),
        (
            "sync:\n- {name: a, from: r.io/a, to: t.io/a}\n- {name: a, from: r.io/b, to: t.io/b}\n",
            "c.yaml:3:10: two rules have the name `a`: this one and that in line 2",
        ),
        ("defaults: {from: r.io/a}\nsync: []\n", "c.yaml:1:12: `from` in `defaults` means nothing"),
        ("defaults: []\nsync: []\n", "`defaults` must be a map with some of repositories, tags"),
        (
            "defaults: {tags: {latest: x}}\nsync: []\n",
            "c.yaml:1:27: `defaults.tags.latest` must be a whole number",
        ),
    ] {
        let errors = errors(text);
        assert!(errors.len() == 1 && errors[0].contains(told), "{text}: {errors:?}");
    }
    let both = errors("sync:\n- {from: r.io/a, to: t.io/a, x: 1}\n- {from: r.io/a, tags: {latest: 0}}\n");
    assert_eq!(both.len(), 3, "all slips are told at once: {both:?}");
    let of_defaults = "defaults: {tags: {minAge: 2d, maxAge: 1d}}\nsync:\n- {from: r.io/a, to: t.io/a}\n- {from: r.io/b, to: t.io/b}\n";
    assert_eq!(errors(of_defaults).len(), 1, "once, not for each rule");
}

#[test]
fn the_place_in_json_is_that_in_its_text() {
    let text = "{\"sync\": [\n {\"from\": \"r.io/a\", \"to\": \"t.io/a\",\n  \"tags\": {\"latest\": 0, \"lates\": 1}}]}";
    let errors = rules("c.json", text).unwrap_err();
    assert!(errors[0].starts_with("c.json:3:26: `lates`"), "{errors:?}");
    let text = "{\"sync\": [{\"from\": \"r.io/a\", \"to\": \"t.io/a\", \"tags\": {\"latest\": 0}}]}";
    let errors = rules("c.json", text).unwrap_err();
    assert!(errors[0].starts_with("c.json:1:65: `tags.latest` must be"), "{errors:?}");
}
