#!/usr/bin/env python3
"""Checks what lies in this folder, as far as Debian's python3-yaml and python3-jsonschema can.

Where there is a helm, which Debian does not have, the chart is rendered in each mode and held to the same as the manifests.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import yaml

HERE = pathlib.Path(__file__).parent
CHART = HERE / "helm" / "image-syncer"
# What each mode is to look like, with the least that has to be set.
GOOD = [
    {"image": {"repository": "r.example.com:5000/image-syncer"}},
    {"mode": "shards", "image": {"repository": "r.example.com/a"}, "shards": {"count": 8}},
    {"mode": "fleet", "image": {"repository": "r.example.com/a"}, "fleet": {"url": "tls://nats:4222"}},
    {
        "mode": "fleet", "image": {"repository": "r.example.com/a"}, "extraArgs": ["--only=apps"],
        "fleet": {"url": "tls://nats:4222", "workerArgs": ["--proc=8"], "workerSecret": "w"},
    },
]
BAD = [
    {"image": {"repository": ""}},
    {"image": {"repository": "r.example.com/a"}, "mode": "daemon"},
    {"image": {"repository": "r.example.com/a"}, "mode": "fleet"},
    {"image": {"repository": "r.example.com/a"}, "schedul": "@hourly"},
    {"image": {"repository": "r.example.com/a"}, "schedule": "every hour"},
    {"image": {"repository": "r.example.com/a"}, "shards": {"count": 0}},
    {"image": {"repository": "r.example.com/a"}, "state": {"type": "disk"}},
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


def blocks_with(key):
    """The blocks of YAML in docs/install.md that have this key."""
    page = (HERE.parent / "docs" / "install.md").read_text()
    shown = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
    return [block for block in shown if key in block]


def check_chart():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version(), f"Chart.yaml is not of {version()}"
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    judge = jsonschema.Draft7Validator(schema)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
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


def check_manifests():
    for file in sorted((HERE / "kubernetes").glob("*.yaml")):
        check_documents(file, list(yaml.safe_load_all(file.read_text())))


def flags(documents, kind):
    """The verb of the only pod of this kind, and the names of its flags."""
    [pod] = [pod for d in documents if d["kind"] == kind for pod in pods(d)]
    words = pod["containers"][0]["args"]
    return words[0], sorted(word.split("=")[0] for word in words if word.startswith("--"))


def check_inbox():
    # What pods ask is answered where the users that docs/nats-users.conf has may hear it: their names are in no config.
    [word] = [
        word for d in yaml.safe_load_all((HERE / "kubernetes" / "fleet.yaml").read_text()) if d["kind"] == "Deployment"
        for pod in pods(d) for word in pod["containers"][0]["args"] if word.startswith("--fleet-inbox=")
    ]
    inbox = word.split("=")[1]
    assert yaml.safe_load((CHART / "values.yaml").read_text())["fleet"]["workerInbox"] == inbox
    users = (HERE.parent / "docs" / "nats-users.conf").read_text()
    assert f'"{inbox}.>"' in users and f"--fleet-inbox {inbox}" in users, f"no user hears {inbox}"


# What runs in the plain manifest of each mode runs in the chart's, whose state lies in an emptyDir.
KINDS = {"cronjob": ["CronJob"], "shards": ["Job"], "fleet": ["Deployment", "CronJob"]}


def check_rendered():
    helm = shutil.which("helm") or shutil.which("helm", path="/root/go/bin")
    if not helm:
        return "no helm renders the chart here"
    for over in GOOD:
        mode = over.get("mode", "cronjob")
        values = merged({"config": {"sync": []}, "fleet": {"existingSecret": "s", "credsKey": "nats.creds"}}, over)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(values, file)
            file.flush()
            command = [helm, "template", "t", str(CHART), "--kube-version", "1.29", "--values", file.name]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        documents = [document for document in yaml.safe_load_all(text) if document]
        check_documents(f"chart, {mode}", documents)
        plain = list(yaml.safe_load_all((HERE / "kubernetes" / f"{mode}.yaml").read_text()))
        for kind in KINDS[mode]:
            (verb, ours), (plain_verb, theirs) = flags(documents, kind), flags(plain, kind)
            more = over.get("fleet", {}).get("workerArgs", []) if verb == "worker" else over.get("extraArgs", [])
            expected = {*theirs, "--state", *(word.split("=")[0] for word in more)} - {"--no-state"}
            secrets = {
                volume["secret"]["secretName"] for d in documents if d["kind"] == kind for pod in pods(d)
                for volume in pod["volumes"] if volume["name"] == "fleet"
            }
            own = over.get("fleet", {}).get("workerSecret", "s") if verb == "worker" else "s"
            assert mode != "fleet" or secrets == {own}, (kind, secrets)
            assert verb == plain_verb and {*ours} - {"--no-state"} == expected, (mode, kind, ours, theirs)
    return "the chart renders as the manifests are"


def check_pipelines():
    action = yaml.safe_load((HERE / "github" / "action.yml").read_text())
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
    template = yaml.safe_load(text)
    merge = template[".image-syncer-merge"]
    # Reports of shards are there when all shards have ended, and are wanted most where one has failed.
    assert (merge["stage"], merge["when"]) == (".post", "always"), merge
    usage = text.split("\n#\n")[1].replace("\n#", "\n").removeprefix("#")
    for sample in (yaml.safe_load(usage), *blocks_with("include")):
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


for check in (check_chart, check_manifests, check_inbox, check_pipelines, check_dockerfile):
    check()
rendered = check_rendered()
sys.stdout.write(f"deploy: the chart's values, the manifests, the pipelines and the Dockerfile are in order; {rendered}\n")
