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

sys.dont_write_bytecode = True

import strict

HERE = pathlib.Path(__file__).parent
MADE = pathlib.Path(sys.argv[1]).resolve()
ARCHIVE = next(MADE.glob("image-syncer-*-linux-amd64.tar.gz"))
VERSION = re.search(r"image-syncer-(.+)-linux-amd64", ARCHIVE.name).group(1)
# As a runner's own: nothing of this machine's settings.
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


# The job's token at GitLab.
TOKEN = "secret"


class Storage(http.server.SimpleHTTPRequestHandler):
    """Where GitHub has releases, and where GitLab may keep its packages: nobody's token is for it."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if TOKEN in str(self.headers):
            self.send_error(400, "a token that is for GitLab alone")
        else:
            super().do_GET()


class GitLab(http.server.BaseHTTPRequestHandler):
    """Packages behind a token, which lie in a storage elsewhere or, with none, in a folder here."""

    def __init__(self, *args, storage, folder):
        self.storage, self.folder = storage, folder
        super().__init__(*args)

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.headers["JOB-TOKEN"] != TOKEN:
            self.send_error(401)
        elif self.storage:
            self.send_response(302)
            self.send_header("Location", self.storage + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            body = (self.folder / self.path.removeprefix("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@contextlib.contextmanager
def served(handler, **more):
    """A server; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, **more))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def put_releases(folder):
    """The release where GitHub and GitLab have releases."""
    for place in (f"owner/repo/releases/download/v{VERSION}", f"api/v4/projects/7/packages/generic/image-syncer/{VERSION}"):
        shutil.copytree(MADE, folder / place)


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


def action(inputs, server, folder, temporary=None):
    """The steps of the action, in a job's folder for files that it may not keep; gives the last one's status and the outputs."""
    written = strict.load((HERE / "github" / "action.yml").read_text())
    defaults = {name: entry.get("default", "") for name, entry in written["inputs"].items()}
    values = {**defaults, "repository": "owner/repo", "version": VERSION, **inputs}
    temporary = temporary or tempfile.mkdtemp(dir=folder)
    # Each step of a job has files of its own.
    step_files = pathlib.Path(tempfile.mkdtemp(dir=folder))
    files = {name: step_files / name for name in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    env = {**BARE, "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": server, "RUNNER_TEMP": temporary, "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
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
    status, outputs, _ = action({"config": "mirror.yaml", "verb": "verify", "args": "--deep\n--only none-such\n"}, server, folder)
    assert status == int(outputs["exit-code"]) == 2, outputs
    for verb, schema in (("verify", "image-syncer/verify/1"), ("plan", "image-syncer/plan/1")):
        status, outputs, _ = action({"config": "mirror.yaml", "verb": verb}, server, folder)
        assert status == 0 and "copied" not in outputs, (verb, status, outputs)
        assert json.loads(pathlib.Path(outputs["report"]).read_text())["schema"] == schema, outputs
    status, outputs, _ = action({"config": "mirror.yaml", "verb": "check"}, server, folder)
    assert outputs == {"exit-code": str(status)}, outputs
    # Two in a job: what came of the first is neither lost nor taken for what came of the second.
    runner = tempfile.mkdtemp(dir=folder)
    _, first, _ = action({"config": "mirror.yaml"}, server, folder, runner)
    status, outputs, _ = action({"config": "none-such.yaml"}, server, folder, runner)
    assert status == 2 and outputs == {"exit-code": "2"}, (status, outputs)
    assert json.loads(pathlib.Path(first["report"]).read_text())["totals"], first
    status, outputs, _ = action({"config": "mirror.yaml", "sha256": "0" * 64}, server, folder)
    assert status and not outputs, "an archive with another sum was run"


def job(name, server, folder, more):
    """A job that extends one of the template, in a folder where its artifacts stay."""
    template = strict.load((HERE / "gitlab" / "image-syncer.gitlab-ci.yml").read_text())
    written = template[name]
    while "extends" in written:
        written = {**template[written["extends"]], **{key: value for key, value in written.items() if key != "extends"}}
    sums = dict(reversed(line.split()) for line in (MADE / "SHA256SUMS").read_text().splitlines())
    env = {**BARE, "CI_API_V4_URL": f"{server}/api/v4", "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": TOKEN}
    for key, text in template["variables"].items():
        env[key] = string.Template(text).safe_substitute(env)
    env |= {"IMAGE_SYNCER_SHA256": sums[ARCHIVE.name], "IMAGE_SYNCER_CONFIG": "mirror.yaml", **more}
    # What is installed there is installed here.
    before = [line for line in written["before_script"] if not line.startswith("apt-get ")]
    return bash("\n".join(before + written["script"]), env, folder)


def try_template(gitlab, leading, storage, folder):
    more = {"CI_NODE_TOTAL": "2"}
    # GitLab itself has the archive, or leads to a storage; or it lies elsewhere from the start.
    assert job(".image-syncer", gitlab, folder, {**more, "CI_NODE_INDEX": "1"}) == 0
    assert job(".image-syncer", leading, folder, {**more, "CI_NODE_INDEX": "2"}) == 0
    elsewhere = f"{storage}/owner/repo/releases/download/v{VERSION}"
    assert job(".image-syncer-merge", gitlab, folder, {"IMAGE_SYNCER_URL": elsewhere}) == 0
    assert job(".image-syncer", gitlab, folder, {"CI_JOB_TOKEN": "none"}), "GitLab asks for the token"
    assert job(".image-syncer", gitlab, folder, {"IMAGE_SYNCER_SHA256": ""}), "an archive without a sum was run"
    totals = json.loads((folder / "report.json").read_text())["totals"]
    assert (totals["copied"] + totals["unchanged"], totals["failed"]) == (2, 0), totals


with tempfile.TemporaryDirectory() as name:
    work = pathlib.Path(name)
    web = work / "web"
    put_releases(web)
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(served(Storage, directory=web))
        gitlab = stack.enter_context(served(GitLab, storage=None, folder=web))
        leading = stack.enter_context(served(GitLab, storage=storage, folder=web))
        host = stack.enter_context(registry(work))
        (work / "mirror.yaml").write_text(f"auth:\n  {host}: {{insecure: true}}\nimages:\n  {host}/a/app: {host}/b/app\n")
        try_action(storage, work)
        try_template(gitlab, leading, storage, work)
sys.stdout.write("deploy: the steps of the action and the jobs of the template do what they say\n")
