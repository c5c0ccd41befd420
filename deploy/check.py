#!/usr/bin/env python3
"""Checks what lies in this folder, as far as Debian's python3-yaml and python3-jsonschema can.

Where there is a helm, which Debian does not have, the chart is rendered in each mode and held to the same as the manifests.
"""

import json
import pathlib
import re
import sys

import jsonschema

sys.dont_write_bytecode = True

import rendered
import strict

HERE = pathlib.Path(__file__).parent
CHART = rendered.CHART
# What each mode is to look like, with the least that has to be set.
GOOD = [
    {"image": {"repository": "r.example.com:5000/image-syncer"}},
    {"mode": "shards", "image": {"repository": "r.example.com/a"}, "shards": {"count": 8}},
    {"mode": "fleet", "image": {"repository": "r.example.com/a"}, "fleet": {"url": "tls://nats:4222"}},
    {
        "mode": "fleet", "image": {"repository": "r.example.com/a"}, "extraArgs": ["--only=apps"],
        "fleet": {"url": "tls://nats:4222", "workerArgs": ["--proc=8"], "workerSecret": "w"},
    },
    {"image": {"repository": "r.example.com/a"}, "state": {"type": "pvc"}},
    {"image": {"repository": "r.example.com/a"}, "state": {"type": "pvc", "existingClaim": "c"}},
    {
        "mode": "fleet", "image": {"repository": "r.example.com/a"}, "state": {"type": "pvc"},
        "fleet": {"url": "tls://nats:4222"},
    },
]
# What the schema takes and the chart refuses, and what it says.
REFUSED = [
    ({"config": {}}, "set config, or existingConfigMap"),
    ({"existingConfigMap": "c"}, "config and existingConfigMap are both set"),
    ({"caSecret": "s", "caConfigMap": "c"}, "caSecret and caConfigMap are both set"),
    ({"mode": "shards", "state": {"type": "pvc"}}, "only one process can use a state"),
    ({"state": {"existingClaim": "c"}}, "state.existingClaim is for state.type: pvc"),
    ({"mode": "fleet", "fleet": {"url": "tls://n", "workerSecret": "w"}}, "the coordinator has no login"),
    ({"mode": "fleet", "fleet": {"url": "tls://n", "caKey": "ca.crt"}}, "set fleet.existingSecret"),
    ({"mode": "fleet", "fleet": {"url": "tls://n", "credsKey": "other"}}, "set fleet.existingSecret"),
]
BAD = [
    {"image": {"repository": ""}},
    {"image": {"repository": "r.example.com/a"}, "mode": "daemon"},
    {"image": {"repository": "r.example.com/a"}, "mode": "fleet"},
    {"image": {"repository": "r.example.com/a"}, "schedul": "@hourly"},
    {"image": {"repository": "r.example.com/a"}, "schedule": "every hour"},
    {"image": {"repository": "r.example.com/a"}, "shards": {"count": 0}},
    {"image": {"repository": "r.example.com/a"}, "state": {"type": "disk"}},
    {"image": {"repository": "r.example.com/a"}, "state": {"type": "emptyDir"}},
    {"image": {"repository": "r.example.com/a"}, "fleet": {"workerArgs": "--proc=8"}},
    {"image": {"repository": "r.example.com/a"}, "fleet": {"workerInbox": "_INBOX_workers.>"}},
]


def merged(base, over):
    both = {**base}
    for key, value in over.items():
        both[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return both


def version():
    return re.search(r'^version = "(.*)"', (HERE.parent / "Cargo.toml").read_text(), re.M).group(1)


def blocks_with(key, of="install.md"):
    """The blocks of YAML on this page of docs/ that have this key."""
    page = (HERE.parent / "docs" / of).read_text()
    shown = [strict.load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
    return [block for block in shown if key in block]


def check_chart():
    chart = strict.load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version(), f"Chart.yaml is not of {version()}"
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    judge = jsonschema.Draft7Validator(schema)
    values = strict.load((CHART / "values.yaml").read_text())
    for over in GOOD:
        judge.validate(merged(values, over))
    shown = blocks_with("mode")
    assert shown, "docs/install.md shows no values"
    for over in shown:
        judge.validate(merged(values, over))
    for over in BAD:
        assert not judge.is_valid(merged(values, over)), f"the schema takes {over}"
    known = schema["properties"]
    assert set(values) == set(known) - {"global"}, set(values) ^ (set(known) - {"global"})
    for name in (CHART / "templates").iterdir():
        for path in re.findall(r"\.Values((?:\.\w+)+)", name.read_text()):
            place = values
            for key in path[1:].split("."):
                assert key in place, f"{name.name}: .Values{path} is not in values.yaml"
                place = place[key]


def pods(document):
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]["spec"]] if "template" in spec else []


def check_paths(of, pod, container):
    """What is named in the arguments is there, and a state outlives the pod."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    words = [part for word in container["args"] for part in word.split("=", 1)]
    for path in (word for word in words if word.startswith("/")):
        assert any(path.startswith(mount + "/") for mount in mounts), (of, path)
    if "--state" in words:
        [volume] = [volume for mount, volume in mounts.items() if words[words.index("--state") + 1].startswith(mount + "/")]
        assert "persistentVolumeClaim" in volume, (of, volume)
    assert ("--state" in words) != ("--no-state" in words), (of, words)


def check_documents(of, documents):
    config_maps = {d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"}
    for document in documents:
        assert document["apiVersion"] and document["metadata"]["name"], of
        for pod in pods(document):
            assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"], of
            names = {volume["name"] for volume in pod["volumes"]}
            for volume in pod["volumes"]:
                assert volume.get("configMap", {}).get("name") in config_maps | {None}, (of, volume)
            for container in pod["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"], of
                assert {mount["name"] for mount in container["volumeMounts"]} == names, of
                check_paths(of, pod, container)


def check_keys():
    # Templates are none before they are rendered.
    for file in (file for suffix in ("yaml", "yml") for file in HERE.rglob(f"*.{suffix}") if file.parent.name != "templates"):
        strict.load_all(file.read_text())


def check_manifests():
    for file in sorted((HERE / "kubernetes").glob("*.yaml")):
        check_documents(file, strict.load_all(file.read_text()))


def flags(documents, kind):
    """The verb of the only pod of this kind, and the names of its flags."""
    [pod] = [pod for d in documents if d["kind"] == kind for pod in pods(d)]
    words = pod["containers"][0]["args"]
    return words[0], sorted(word.split("=")[0] for word in words if word.startswith("--"))


def check_inbox():
    # What pods ask is answered where the users that docs/nats-users.conf has may hear it: their names are in no config.
    [word] = [
        word for d in strict.load_all((HERE / "kubernetes" / "fleet.yaml").read_text()) if d["kind"] == "Deployment"
        for pod in pods(d) for word in pod["containers"][0]["args"] if word.startswith("--fleet-inbox=")
    ]
    inbox = word.split("=")[1]
    assert strict.load((CHART / "values.yaml").read_text())["fleet"]["workerInbox"] == inbox
    users = (HERE.parent / "docs" / "nats-users.conf").read_text()
    assert f'"{inbox}.>"' in users and f"--fleet-inbox {inbox}" in users, f"no user hears {inbox}"


# What runs in the plain manifest of each mode runs in the chart's.
KINDS = {"cronjob": ["CronJob"], "shards": ["Job"], "fleet": ["Deployment", "CronJob"]}


def job(documents):
    """When the only job is tried again, given up and removed."""
    [spec] = [d["spec"]["jobTemplate"]["spec"] if d["kind"] == "CronJob" else d["spec"] for d in documents if d["kind"] in ("CronJob", "Job")]
    return {key: value for key, value in spec.items() if key not in ("template", "completions", "parallelism")}


def plain(mode):
    return strict.load_all((HERE / "kubernetes" / f"{mode}.yaml").read_text())


def statuses(documents):
    """What the only job does on which exit statuses."""
    rules = job(documents).get("podFailurePolicy", {}).get("rules", [])
    return {rule["action"]: rule["onExitCodes"]["values"] for rule in rules if "onExitCodes" in rule}


def check_shards():
    # A login that fails is a shard's own, as each may read and write elsewhere; the config is everybody's.
    assert statuses(plain("shards")) == {"FailJob": [2], "FailIndex": [4]}
    shown = job(blocks_with("kind", "scale.md"))
    assert shown.items() <= job(plain("shards")).items(), shown


def with_config(over):
    return merged({"image": {"repository": "r.example.com/a"}, "config": {"sync": []}, "fleet": {"existingSecret": "s"}}, over)


def check_good(over):
    mode = over.get("mode", "cronjob")
    documents = rendered.documents(with_config(over))
    check_documents(f"chart, {mode}", documents)
    assert job(documents) == job(plain(mode)), (mode, job(documents))
    state = over.get("state", {})
    keeps = state.get("type") == "pvc"
    made = {d["metadata"]["name"] for d in documents if d["kind"] == "PersistentVolumeClaim"}
    used = {claim["claimName"] for d in documents for pod in pods(d) for v in pod["volumes"] if (claim := v.get("persistentVolumeClaim"))}
    assert made | {*filter(None, [state.get("existingClaim")])} == used and bool(used) == keeps, (made, used)
    for kind in KINDS[mode]:
        (verb, ours), (plain_verb, theirs) = flags(documents, kind), flags(plain(mode), kind)
        more = over.get("fleet", {}).get("workerArgs", []) if verb == "worker" else over.get("extraArgs", [])
        own = "--state" if keeps and verb == "sync" else "--no-state"
        expected = {*theirs, *(word.split("=")[0] for word in more)} - {"--state", "--no-state"} | {own}
        secrets = {
            volume["secret"]["secretName"] for d in documents if d["kind"] == kind for pod in pods(d)
            for volume in pod["volumes"] if volume["name"] == "fleet"
        }
        own = over.get("fleet", {}).get("workerSecret", "s") if verb == "worker" else "s"
        assert mode != "fleet" or secrets == {own}, (kind, secrets)
        assert verb == plain_verb and {*ours} == expected, (mode, kind, ours, theirs)


def check_login():
    # A NATS without logins needs no Secret; the authority lies in the same one.
    for secret, has in (({"existingSecret": ""}, []), ({"caKey": "ca.crt"}, ["--fleet-ca", "--fleet-creds"]), ({"credsKey": ""}, [])):
        documents = rendered.documents(with_config({"mode": "fleet", "fleet": {"url": "tls://n", **secret}}))
        check_documents(secret, documents)
        for kind in KINDS["fleet"]:
            assert [flag for flag in flags(documents, kind)[1] if flag in ("--fleet-ca", "--fleet-creds")] == has, (kind, secret)


def check_edges():
    # Values that a template can take for none, or print as 2.592e+06.
    for mode in ("cronjob", "shards"):
        values = with_config({"mode": mode, "ttlSecondsAfterFinished": 0, "activeDeadlineSeconds": 2592000, "timeZone": ""})
        documents = rendered.documents(values)
        assert (job(documents)["ttlSecondsAfterFinished"], job(documents)["activeDeadlineSeconds"]) == (0, 2592000), job(documents)
        assert not any("timeZone" in d["spec"] for d in documents if d["kind"] == "CronJob")
        assert "ttlSecondsAfterFinished" not in job(rendered.documents({**values, "ttlSecondsAfterFinished": None}))
    old = {version: rendered.documents(with_config({"mode": "shards"}), version) for version in ("1.25.0", "1.28.0")}
    # What an older cluster does not know.
    assert statuses(old["1.25.0"]) == {} and statuses(old["1.28.0"]) == {"FailJob": [2]}, old
    assert not any("backoffLimitPerIndex" in job(documents) for documents in old.values()), old


def check_cluster():
    # Workers begin anew when the ConfigMap has changed that was there before the chart.
    values = {"image": {"repository": "r.example.com/a"}, "mode": "fleet", "existingConfigMap": "c", "fleet": {"url": "tls://n"}}
    sums = []
    for text in ("sync: []", "images: {}", "images: {}"):
        documents, notes = rendered.installed(values, {"c": {"image-syncer.yaml": text}})
        [workers] = [d for d in documents if d["kind"] == "Deployment"]
        sums.append(workers["spec"]["template"]["metadata"]["annotations"]["checksum/config"])
        assert f"rollout restart deployment/{workers['metadata']['name']}" in notes, notes
    assert sums[0] != sums[1] == sums[2], sums
    # Without a cluster, too.
    rendered.documents(values)
    # kubectl follows five pods, unless it is told how many.
    documents, notes = rendered.installed(with_config({"mode": "shards", "shards": {"count": 8}}))
    [name] = [d["metadata"]["name"] for d in documents if d["kind"] == "Job"]
    assert f"--selector job-name={name} --max-log-requests 32" in notes, notes
    _, notes = rendered.installed(with_config({"timeZone": ""}))
    assert "(the cluster's time zone)" in notes, notes


def check_rendered():
    if not rendered.HELM:
        return "no helm renders the chart here"
    for over in GOOD:
        check_good(over)
    for over, words in REFUSED:
        said = rendered.refusal({"image": {"repository": "r.example.com/a"}, "config": {"sync": []}, **over})
        assert words in said, (over, said)
    check_login()
    check_edges()
    check_cluster()
    return "the chart renders as the manifests are"


def check_pipelines():
    action = strict.load((HERE / "github" / "action.yml").read_text())
    text = (HERE / "github" / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"]), "inputs of the action"
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])
    # A script that an input is pasted into would run what the input says.
    assert not any("${{" in step["run"] for step in action["runs"]["steps"])
    [workflow] = blocks_with("jobs")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    [used] = [step for step in steps if step.get("uses", "").endswith("/deploy/github@v" + version())]
    required = {name for name, entry in action["inputs"].items() if entry.get("required")}
    assert required <= set(used["with"]) <= set(action["inputs"]), "what the workflow gives the action"
    outputs = re.findall(rf"steps\.{used['id']}\.outputs\.([\w-]+)", json.dumps(workflow))
    assert outputs and set(outputs) <= set(action["outputs"]), outputs
    text = (HERE / "gitlab" / "image-syncer.gitlab-ci.yml").read_text()
    template = strict.load(text)
    merge = template[".image-syncer-merge"]
    # Reports of shards are there when all shards have ended, and are wanted most where one has failed.
    assert (merge["stage"], merge["when"]) == (".post", "always"), merge
    usage = text.split("\n#\n")[1].replace("\n#", "\n").removeprefix("#")
    for sample in (strict.load(usage), *blocks_with("include")):
        must = {name for name, default in template["variables"].items() if not default}
        assert must <= set(sample["variables"]) <= set(template["variables"]), sample
        extended = {job["extends"] for job in sample.values() if "extends" in job}
        assert extended == {".image-syncer", ".image-syncer-merge"} <= set(template), extended
    assert merge["extends"] in template
    assert template["variables"]["IMAGE_SYNCER_VERSION"] == version()


def check_dockerfile():
    # No engine builds it here: at least it builds what `cargo xtask release` builds.
    root = HERE.parent
    flags = re.search(r'^ENV RUSTFLAGS="(.*)"', (root / "Dockerfile").read_text(), re.M).group(1).split()
    assert flags == re.findall(r'"(-C[^"]+)"', (root / "xtask/src/release/build.rs").read_text()), flags
    number = lambda text: tuple(map(int, text.split(".")))
    version = re.search(r"^FROM rust:([\d.]+)-", (root / "Dockerfile").read_text(), re.M).group(1)
    least = re.search(r'^rust-version = "(.*)"', (root / "Cargo.toml").read_text(), re.M).group(1)
    assert number(version) >= number(least), f"rust {version} in the Dockerfile is older than {least}"


for check in (check_keys, check_chart, check_manifests, check_shards, check_inbox, check_pipelines, check_dockerfile):
    check()
told = check_rendered()
sys.stdout.write(f"deploy: the chart's values, the manifests, the pipelines and the Dockerfile are in order; {told}\n")
