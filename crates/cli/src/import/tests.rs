//! Settings of other tools with an unexpected meaning, and that no text makes an import panic.

use proptest::prelude::*;

use super::*;
use crate::config::{Value, yaml};

const EXAMPLES: [(OtherTool, &str); 5] = [
    (OtherTool::Regsync, include_str!("../../tests/data/import/regsync.yaml")),
    (OtherTool::Skopeo, include_str!("../../tests/data/import/skopeo.yaml")),
    (OtherTool::Dregsy, include_str!("../../tests/data/import/dregsy.yaml")),
    (OtherTool::Ocync, include_str!("../../tests/data/import/ocync.yaml")),
    (OtherTool::Harbor, include_str!("../../tests/data/import/harbor.json")),
];

const OPTIONS: Options<'static> =
    Options { to: Some("r.io/m"), scoped: false, all: true, harbor: Some("harbor.io") };

fn made(tool: OtherTool, text: &str, options: Options<'_>) -> Result<Imported, String> {
    let document = yaml::read(text).map_err(|error| error.reason)?;
    let imported = import(&document.root, tool, options).ok_or("no importer")?;
    imported.map_err(|slip| format!("{}: {}", slip.line, slip.problem))
}

fn config(imported: &Imported) -> &str {
    imported.config.as_deref().unwrap_or_default()
}

fn notes(imported: &Imported) -> String {
    let note = |note: &Note| format!("{:?} {}: {}\n", note.kind, note.what, note.why);
    imported.notes.iter().map(note).collect()
}

/// A file, texts that the output must and must not have, and a note.
#[track_caller]
fn traps(tool: OtherTool, cases: &[(&str, &[&str], &[&str], &str)]) {
    for (text, has, has_not, told) in cases {
        let imported = made(tool, text, OPTIONS).unwrap_or_else(|error| panic!("{text}: {error}"));
        let (config, notes) = (config(&imported), notes(&imported));
        for piece in *has {
            assert!(config.contains(piece), "{text}: {piece:?} is not in\n{config}\n{notes}");
        }
        for piece in *has_not {
            assert!(!config.contains(piece), "{text}: {piece:?} is in\n{config}");
        }
        assert!(notes.contains(told), "{text}: {told:?} is not told:\n{notes}");
    }
}

#[test]
fn traps_of_regsync() {
    let sync = |rest: &str| format!("version: 1\nsync:\n- {{source: q.io/a, target: r.io/a, {rest}}}\n");
    let with = |rest: &str| sync(&format!("type: repository, {rest}"));
    traps(
        OtherTool::Regsync,
        &[
            // Without a tag, one image means `latest`; in our config it would mean every tag.
            (
                &sync("type: image"),
                &["from: q.io/a:latest\n", "to: r.io/a:latest\n", "referrers: false"],
                &[],
                "Kept",
            ),
            // The tool anchors patterns without a group.
            (&with("tags: {allow: ['v1|v2']}"), &["include: ['/^v1|v2$/']"], &[], "Kept"),
            // A pattern that closes a group early is not valid by itself.
            (&with("tags: {allow: ['a)|(?:b']}"), &[], &["sync:"], "is no regex here"),
            (
                &with("tags: {semverRange: ['>=1.25.0 <1.26.0']}"),
                &["semver: '>=1.25.0 <1.26.0'", "prereleases: true"],
                &[],
                "`1.26.0-rc1`",
            ),
            (&with("tags: {semverRange: ['>=1.25.0, <1.26.0']}"), &[], &["sync:"], "cannot be carried over"),
            // Without `tags`, cosign's tags are copied like any others.
            (
                &with("platforms: [linux/amd64]"),
                &["index: sparse"],
                &["referrers: false"],
                "tags of signatures",
            ),
            (&with("tags: {allow: [v1]}"), &["referrers: false"], &[], "Kept"),
            (&with("platforms: [local]"), &[], &["sync:"], "its platform cannot be taken"),
            (
                &with("tags: {allow: [v1]}, referrers: true, referrerFilters: [{annotations: {a: b}}]"),
                &["referrers: false"],
                &[],
                "`referrerFilters` of sync entry 1, filter 1",
            ),
            (
                &with("tags: {allow: [v1]}, referrerFilters: [{artifactType: a/b}]"),
                &["referrers: false"],
                &["a/b"],
                "nothing to choose from",
            ),
            // Tags of signatures are ordinary tags, whatever the filters for referrers are.
            (
                &with(
                    "tags: {allow: [v1]}, digestTags: true, referrers: true, referrerFilters: [{artifactType: a/b}]",
                ),
                &["types: [a/b, application/vnd.dev.cosign.artifact.*]"],
                &[],
                "`digestTags` of sync entry 1",
            ),
            (
                &with("tags: {allow: [v1]}, digestTags: true"),
                &[],
                &["referrers:"],
                "`digestTags` of sync entry 1",
            ),
            (
                &with("tagSets: [{allow: [a]}], tags: {allow: [b]}"),
                &["'/^a$/'", "'/^b$/'"],
                &[],
                "each set is a rule of its own",
            ),
            (&sync("type: mirror"), &[], &["sync:"], "`type` is `mirror`"),
            (
                "sync:\n- {source: docker.io, target: r.io/hub, type: registry}\n",
                &["from: docker.io/**", "to: 'r.io/hub/{path}'"],
                &[],
                "lets nobody list",
            ),
        ],
    );
}

#[test]
fn traps_of_skopeo() {
    let registry = |rest: &str| format!("q.io: {{{rest}}}\n");
    traps(
        OtherTool::Skopeo,
        &[
            (&registry("images: {a/b: [v1]}"), &["from: q.io/a/b:v1\n", "to: r.io/m/b\n"], &["auth"], "Kept"),
            // The regex is searched in the text.
            (&registry("images-by-tag-regex: {a/b: '^v1|x'}"), &["'/^v1|x/'"], &[], "Kept"),
            // Suffixes count as prereleases, which only ranges with a prerelease include.
            (
                &registry("images-by-semver: {a/b: '>1.2'}"),
                &["semver: '>=1.3'", "variants: ['']"],
                &["prereleases"],
                "plain versions alone",
            ),
            (
                &registry("images-by-semver: {a/b: '>=1-0'}"),
                &["prereleases: true"],
                &["variants"],
                "takes every suffix",
            ),
            (
                &registry("images: {a/x: [], b/x: []}"),
                &["from: q.io/a/x"],
                &[],
                "`q.io/a/x`, `q.io/b/x` all go there",
            ),
            // Without certificate checks, plain HTTP is allowed, too.
            (&registry("tls-verify: false, images: {a: []}"), &["insecure: true"], &[], "any certificate"),
            (&registry("images: {a: []}"), &["to: r.io/m/a"], &["referrers: false"], "tags of signatures"),
            (&registry("images: {a: ['v 1']}"), &[], &["sync:"], "neither a tag nor a digest"),
        ],
    );
    let scoped = Options { scoped: true, all: false, ..OPTIONS };
    let imported = made(
        OtherTool::Skopeo,
        "docker.io: {images: {nginx: ['1']}}\nh:5000: {images: {a: ['1']}}\n",
        scoped,
    )
    .unwrap();
    assert!(config(&imported).contains("to: r.io/m/docker.io/library/nginx\n"), "{}", config(&imported));
    assert!(config(&imported).contains("# defaults: {platforms: [linux/amd64]}\n"), "{}", config(&imported));
    assert!(
        notes(&imported).contains("LeftOut `h:5000/a`"),
        "a port cannot stand in a path: {}",
        notes(&imported)
    );
    let error = made(OtherTool::Skopeo, "q.io: {images: {a: []}}\n", Options::default()).unwrap_err();
    assert!(error.contains("write `--to HOST/PREFIX`"), "{error}");
}

#[test]
fn traps_of_dregsy() {
    let task = |mapping: &str| {
        format!(
            "tasks:\n- name: t\n  source: {{registry: a.io}}\n  target: {{registry: b.io}}\n  mappings: [{{{mapping}}}]\n"
        )
    };
    traps(
        OtherTool::Dregsy,
        &[
            (
                &task("from: x"),
                &["name: t\n", "from: a.io/x\n", "to: b.io/x\n"],
                &["referrers: false"],
                "that its relay runs on",
            ),
            (&task("from: x, tags: [v1]"), &["from: a.io/x:v1\n", "referrers: false"], &[], "Kept"),
            // `keep:` is a second condition, also for names.
            (
                &task("from: x, tags: ['regex: v.*', 'keep: .*-a']"),
                &["[['/^v.*$/'], ['/^.*-a$/']]"],
                &[],
                "Kept",
            ),
            (&task("from: x, tags: [v1-a, v2, 'keep: .*-a']"), &["from: a.io/x:v1-a\n"], &[], "Kept"),
            (&task("from: x, tags: [v2, 'keep: .*-a']"), &[], &["sync:"], "leaves none of its tags"),
            (&task("from: x, tags: ['keep: !.*-a']"), &["exclude: ['/^.*-a$/']"], &["include"], "Kept"),
            (
                &task("from: x, tags: ['keep: latest 5']"),
                &["count: 5", "per: repository"],
                &[],
                "that are no versions",
            ),
            // There, one of several conditions suffices; in our rules, all must hold.
            (
                &task("from: x, tags: ['semver: >=1.0.0', 'regex: v.*']"),
                &["name: t-2\n"],
                &[],
                "a rule of its own",
            ),
            (
                &task("from: x, tags: ['semver: >=1.0.0', v1, 'keep: latest 2']"),
                &[],
                &["sync:"],
                "counts over items",
            ),
            (
                &task("from: x, tags: ['semver: >=1.0.0 || !1.2.3']"),
                &[],
                &["sync:"],
                "cannot be carried over",
            ),
            (&task("from: 'regex:a|b'"), &["include: ['/^a|b$/']", "to: 'b.io/{path}'"], &[], "Kept"),
            (
                &task(
                    "from: 'regex:a/.*', tags: [v1, 'sha256:0000000000000000000000000000000000000000000000000000000000000001']",
                ),
                &[],
                &["sync:"],
                "in one repository",
            ),
            (&task("from: x, platform: linux/x86"), &[], &["sync:"], "its platform cannot be taken"),
        ],
    );
}

#[test]
fn traps_of_ocync() {
    let mapping = |rest: &str| {
        format!(
            "registries: {{a: {{url: a.io}}, b: {{url: b.io}}}}\nmappings:\n- {{from: x, source: a, targets: b, {rest}}}\n"
        )
    };
    traps(
        OtherTool::Ocync,
        &[
            // ocync's built-in exclusions become explicit, ignoring case.
            (
                &mapping("tags: {glob: '*'}"),
                &["exclude: ['/(?i)-(rc|alpha|beta|pre|snapshot|nightly)/']"],
                &["include"],
                "without being told to",
            ),
            // The newest of all variants together.
            (
                &mapping("tags: {sort: semver, latest: 3}"),
                &["count: 3", "per: repository"],
                &[],
                "no versions",
            ),
            (&mapping("tags: {sort: alpha, latest: 3}"), &[], &["sync:"], "last of the alphabet"),
            (&mapping("tags: {latest: 3}"), &[], &["sync:"], "which ocync refuses"),
            (
                &mapping("tags: {include: [latest], semver: '>=1'}"),
                &["pins: [latest]", "semver: '>=1.0.0'"],
                &[],
                "that is missing fails",
            ),
            // The mapping's own exclusions are final.
            (
                &mapping("tags: {include: [latest], exclude: [lat*]}"),
                &["include: [latest]", "exclude: [lat*]"],
                &["pins"],
                "a rule of its own",
            ),
            (&mapping("tags: {min_tags: 2}"), &["atLeast: 2"], &[], "Kept"),
            (&mapping("tags: {semver: '^1'}"), &[], &["sync:"], "cannot be carried over"),
            (&mapping("platforms: [linux/amd64], tags: {}"), &["index: rewrite"], &[], "Kept"),
            (
                &mapping("artifacts: {enabled: false}, tags: {}"),
                &["defaults:\n  referrers: false"],
                &[],
                "Kept",
            ),
            (&mapping("to: y"), &[], &["sync:"], "it has no `tags`"),
        ],
    );
}

#[test]
fn traps_of_harbor() {
    let policy = |rest: &str| {
        format!("{{name: p, src_registry: {{id: 0}}, dest_registry: {{id: 1, url: 'https://b.io'}}, {rest}}}")
    };
    let filter = |rest: &str| policy(&format!("filters: [{{{rest}}}]"));
    traps(
        OtherTool::Harbor,
        &[
            // Harbor's own address in the policy is internal to its cluster.
            (
                &policy("override: true"),
                &["from: harbor.io/**\n", "to: 'b.io/{path}'"],
                &["auth", "onConflict"],
                "the login for `harbor.io`",
            ),
            (&policy("override: false"), &["onConflict: keep"], &[], "Kept"),
            (&policy("dest_namespace: n"), &["to: 'b.io/n/{name}'"], &[], "Harbor mixes them"),
            (
                &policy("dest_namespace: n, dest_namespace_replace_count: 1"),
                &["to: 'b.io/n/{repository}'"],
                &[],
                "too few parts",
            ),
            (&filter("type: label, value: [x]"), &[], &["sync:"], "asks for labels"),
            (&filter("type: resource, value: chart"), &[], &["sync:"], "`chart` alone"),
            (
                &filter("type: tag, value: '**'"),
                &["from: harbor.io/**"],
                &["tags"],
                "artifacts without a tag",
            ),
            (
                &filter("type: tag, value: 'v{1,2}*', decoration: excludes"),
                &["exclude: ['v{1,2}*']"],
                &["include"],
                "Kept",
            ),
            (&policy("enabled: false"), &[], &["sync:"], "disabled"),
            (&policy("deletion: true"), &["sync:"], &[], "nothing is deleted by a copy"),
        ],
    );
    let error = made(OtherTool::Harbor, &policy("enabled: true"), Options::default()).unwrap_err();
    assert!(error.contains("write `--harbor HOST`"), "{error}");
    let error = made(OtherTool::Harbor, "{name: p, src_registry: {id: 2}}", OPTIONS).unwrap_err();
    assert!(error.contains("has only an `id`"), "{error}");
}

#[test]
fn shapes_that_the_tool_would_refuse_are_errors_with_their_line() {
    for (tool, text, told) in [
        (OtherTool::Regsync, "version: 1\n", "1: the file has no `sync`"),
        (OtherTool::Regsync, "version: 2\nsync: []\n", "`version` is 2"),
        (OtherTool::Regsync, "sync:\n- {source: a}\n", "2: sync entry 1 has no `target`"),
        (
            OtherTool::Regsync,
            "creds:\n- {registry: r.io, user: [x]}\nsync: []\n",
            "2: `user` of creds entry 1 is a list",
        ),
        (OtherTool::Regsync, "sync: {a: b}\n", "`sync` of the file is a map, but must be a list"),
        (OtherTool::Skopeo, "q.io: [a]\n", "1: `q.io` is a list, but must be a map"),
        (OtherTool::Skopeo, "q.io: {images: {a: v1}}\n", "must be a list of tags and digests"),
        (OtherTool::Dregsy, "tasks:\n- {name: a}\n", "2: task `a` has no `source`"),
        (OtherTool::Dregsy, "relay: x\n", "the file has no `tasks`"),
        (OtherTool::Ocync, "registries: {a: {}}\nmappings: []\n", "registry `a` has no `url`"),
        (OtherTool::Harbor, "- {name: p}\n", "policy `p` has neither `src_registry` nor `dest_registry`"),
        (OtherTool::Harbor, "text", "policy 1 is a text, but must be a map"),
    ] {
        let error = made(tool, text, OPTIONS).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn no_note_and_no_error_has_a_secret() {
    for (tool, text) in EXAMPLES {
        let imported = made(tool, text, OPTIONS).unwrap();
        assert!(!notes(&imported).contains("-secret"), "{}", notes(&imported));
    }
    let error = made(OtherTool::Regsync, "creds:\n- {registry: r.io, pass: [hunter2]}\nsync: []\n", OPTIONS);
    assert!(!error.unwrap_err().contains("hunter2"));
}

/// Checks that the output is a valid config: known keys, and rules with sources and targets.
fn check(imported: &Imported) -> Result<(), TestCaseError> {
    let Some(config) = &imported.config else { return Ok(()) };
    let document = yaml::read(config).map_err(|error| TestCaseError::fail(format!("{error:?}\n{config}")))?;
    let Value::Map(entries) = &document.root.value else { return Err(TestCaseError::fail("no map")) };
    let is_known = |key: &str| ["auth", "defaults", "sync"].contains(&key);
    prop_assert!(entries.iter().all(|(key, _)| is_known(key)), "{}", config);
    let sync = entries.iter().find(|(key, _)| key == "sync").map(|(_, node)| &node.value);
    let Some(Value::List(rules)) = sync else { return Err(TestCaseError::fail("no rules")) };
    for rule in rules {
        let Value::Map(fields) = &rule.value else { return Err(TestCaseError::fail("no rule")) };
        let has = |key: &str| fields.iter().any(|(name, node)| name == key && !node.is_null());
        prop_assert!(has("from") && has("to"), "{}", config);
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), tool in 0..EXAMPLES.len()) {
        if let Ok(imported) = made(EXAMPLES[tool].0, &text, OPTIONS) {
            check(&imported)?;
        }
    }

    #[test]
    fn no_altered_example_panics(
        tool in 0..EXAMPLES.len(),
        reader in 0..EXAMPLES.len(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), "\\PC{0,6}", 0..8_usize), 0..6),
        scoped in any::<bool>(),
        all in any::<bool>(),
    ) {
        let mut characters: Vec<char> = EXAMPLES[tool].1.chars().collect();
        for (at, put, taken) in changes {
            let start = at.index(characters.len());
            let end = (start + taken).min(characters.len());
            characters.splice(start..end, put.chars());
        }
        let text: String = characters.into_iter().collect();
        for reader in [tool, reader] {
            if let Ok(imported) = made(EXAMPLES[reader].0, &text, Options { scoped, all, ..OPTIONS }) {
                check(&imported)?;
            }
        }
    }
}
