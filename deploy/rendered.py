"""The chart as helm renders it, without a cluster and with one that has what a test says."""

import contextlib
import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading

import strict

CHART = pathlib.Path(__file__).parent / "helm" / "image-syncer"
HELM = shutil.which("helm") or shutil.which("helm", path="/root/go/bin")
# What the chart makes, by group and version.
KINDS = {
    "v1": {"configmaps": "ConfigMap", "secrets": "Secret", "persistentvolumeclaims": "PersistentVolumeClaim"},
    "apps/v1": {"deployments": "Deployment"},
    "batch/v1": {"jobs": "Job", "cronjobs": "CronJob"},
}


def helm(verb, values, *more):
    """What helm prints; if it refuses the values, a CalledProcessError has its words."""
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "values.json"
        file.write_text(json.dumps(values))
        env = {"HOME": home, "KUBECONFIG": "/dev/null"}
        command = [HELM, verb, "t", str(CHART), "--values", str(file), *more]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def documents(values, kubernetes="1.31.0"):
    return strict.load_all(helm("template", values, "--kube-version", kubernetes))


def refusal(values):
    """What helm says about values that the chart refuses; nothing if it takes them."""
    try:
        helm("template", values, "--kube-version", "1.31.0")
    except subprocess.CalledProcessError as refused:
        return refused.stderr
    return ""


class Cluster(http.server.BaseHTTPRequestHandler):
    """An API server of the ConfigMaps in the namespace `default`."""

    config_maps = {}

    def log_message(self, *_):
        pass

    def answers(self):
        groups = [group for group in KINDS if "/" in group]
        version = lambda group: {"groupVersion": group, "version": "v1"}
        yield "/version", {"major": "1", "minor": "31", "gitVersion": "v1.31.0"}
        yield "/api", {"kind": "APIVersions", "versions": ["v1"]}
        yield "/apis", {
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": [{"name": group.split("/")[0], "versions": [version(group)], "preferredVersion": version(group)} for group in groups],
        }
        for group, kinds in KINDS.items():
            resources = [{"name": name, "kind": kind, "namespaced": True, "verbs": ["get"]} for name, kind in kinds.items()]
            yield f"/apis/{group}" if "/" in group else "/api/v1", {"kind": "APIResourceList", "groupVersion": group, "resources": resources}
        for name, data in self.config_maps.items():
            config_map = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": data}
            yield f"/api/v1/namespaces/default/configmaps/{name}", config_map

    def do_GET(self):
        found = dict(self.answers()).get(self.path.split("?")[0])
        body = json.dumps(found or {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def cluster(config_maps):
    """A cluster that has these ConfigMaps; gives its address."""
    handler = type("This", (Cluster,), {"config_maps": config_maps})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def installed(values, config_maps=None):
    """What `helm install` would make in a cluster that has these ConfigMaps: the documents, and the notes."""
    with cluster(config_maps or {}) as address:
        text = helm("install", values, "--dry-run=server", "--disable-openapi-validation", "--kube-apiserver", address)
    manifests, notes = text.split("\nMANIFEST:\n")[1].split("\nNOTES:\n")
    return strict.load_all(manifests), notes
