#!/usr/bin/env python3
"""Runs the steps of the GitHub action and of the GitLab template as their runners do.

    deploy/try_pipelines.py FOLDER      what `cargo xtask release` made

The release comes from a web server on loopback, images go from one repository of a registry there to another.
"""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import yaml

HERE = pathlib.Path(__file__).parent
MADE = pathlib.Path(sys.argv[1]).resolve()
ARCHIVE = next(MADE.glob("image-syncer-*-linux-amd64.tar.gz"))
VERSION = re.search(r"image-syncer-(.+)-linux-amd64", ARCHIVE.name).group(1)
# As a runner's own: nothing of this machine's settings.
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def releases(folder):
    """The release where GitHub and GitLab have releases; gives the server's address."""
    for place in (f"owner/repo/releases/download/v{VERSION}", f"api/v4/projects/7/packages/generic/image-syncer/{VERSION}"):
        shutil.copytree(MADE, folder / place)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextlib.contextmanager
def registry(folder):
    """A registry with an image; gives its host."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "http": {"addr": host},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
    }
    (folder / "registry.yml").write_text(yaml.safe_dump(config))
    process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(f"http://{host}/v2/"):
                break
            time.sleep(0.1)
        image = next(MADE.glob("*-oci.tar"))
        for tag in ("v1", "v2"):
            to = f"docker://{host}/a/app:{tag}"
            subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci-archive:{image}", to], check=True)
        yield host
    finally:
        process.kill()
        process.wait()


def bash(script, env, folder):
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], env=env, cwd=folder).returncode


def pairs(file):
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def action(inputs, server, folder):
    """The steps of the action; gives the last one's status and the outputs."""
    written = yaml.safe_load((HERE / "github" / "action.yml").read_text())
    defaults = {name: entry.get("default", "") for name, entry in written["inputs"].items()}
    values = {**defaults, "repository": "owner/repo", "version": VERSION, **inputs}
    temporary = pathlib.Path(tempfile.mkdtemp(dir=folder))
    files = {name: temporary / name for name in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    env = {**BARE, "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": server, "RUNNER_TEMP": str(temporary), "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
    env |= {name: str(file) for name, file in files.items()}
    status = 0
    for step in written["runs"]["steps"]:
        own = {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], text) for name, text in step["env"].items()}
        status = bash(step["run"], {**env, **own}, folder)
        if status:
            break
        env["PATH"] = ":".join([*files["GITHUB_PATH"].read_text().splitlines(), env["PATH"]])
    return status, pairs(files["GITHUB_OUTPUT"]), files["GITHUB_STEP_SUMMARY"].read_text()


def try_action(server, folder):
    status, outputs, summary = action({"config": "mirror.yaml"}, server, folder)
    assert status == 0 and outputs["exit-code"] == "0", (status, outputs)
    assert (outputs["copied"], outputs["failed"]) == ("2", "0") and pathlib.Path(outputs["report"]).is_file(), outputs
    assert "2 images copied" in summary, summary
    status, outputs, _ = action({"config": "mirror.yaml", "verb": "verify", "args": "--deep --only none-such"}, server, folder)
    assert status == int(outputs["exit-code"]) == 2, outputs
    for verb, schema in (("verify", "image-syncer/verify/1"), ("plan", "image-syncer/plan/1")):
        status, outputs, _ = action({"config": "mirror.yaml", "verb": verb}, server, folder)
        assert status == 0 and "copied" not in outputs, (verb, status, outputs)
        assert json.loads(pathlib.Path(outputs["report"]).read_text())["schema"] == schema, outputs
    status, outputs, _ = action({"config": "mirror.yaml", "verb": "check"}, server, folder)
    assert outputs == {"exit-code": str(status)}, outputs
    status, outputs, _ = action({"config": "mirror.yaml", "sha256": "0" * 64}, server, folder)
    assert status and not outputs, "an archive with another sum was run"


def job(name, server, folder, more):
    """A job that extends one of the template, in a folder where its artifacts stay."""
    template = yaml.safe_load((HERE / "gitlab" / "image-syncer.gitlab-ci.yml").read_text())
    written = template[name]
    while "extends" in written:
        written = {**template[written["extends"]], **{key: value for key, value in written.items() if key != "extends"}}
    sums = dict(reversed(line.split()) for line in (MADE / "SHA256SUMS").read_text().splitlines())
    env = {**BARE, "CI_API_V4_URL": f"{server}/api/v4", "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "secret"}
    for key, text in template["variables"].items():
        env[key] = string.Template(text).safe_substitute(env)
    env |= {"IMAGE_SYNCER_SHA256": sums[ARCHIVE.name], "IMAGE_SYNCER_CONFIG": "mirror.yaml", **more}
    # What is installed there is installed here.
    before = [line for line in written["before_script"] if not line.startswith("apt-get ")]
    return bash("\n".join(before + written["script"]), env, folder)


def try_template(server, folder):
    for index in ("1", "2"):
        assert job(".image-syncer", server, folder, {"CI_NODE_INDEX": index, "CI_NODE_TOTAL": "2"}) == 0
    assert job(".image-syncer-merge", server, folder, {}) == 0
    assert job(".image-syncer", server, folder, {"IMAGE_SYNCER_SHA256": ""}), "an archive without a sum was run"
    totals = json.loads((folder / "report.json").read_text())["totals"]
    assert (totals["copied"] + totals["unchanged"], totals["failed"]) == (2, 0), totals


with tempfile.TemporaryDirectory() as name:
    work = pathlib.Path(name)
    with releases(work / "web") as server, registry(work) as host:
        (work / "mirror.yaml").write_text(f"auth:\n  {host}: {{insecure: true}}\nimages:\n  {host}/a/app: {host}/b/app\n")
        try_action(server, work)
        try_template(server, work)
sys.stdout.write("deploy: the steps of the action and the jobs of the template do what they say\n")
