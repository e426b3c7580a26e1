"""GitHub's REST API on loopback, over a real bare repository: what a release and a pull request
ask of it, and its refusals.

It refuses what GitHub refuses: no or a wrong token (401), no user agent or a right that the token
lacks (403), a second pull request of a branch, a second release of a tag, a second file of a name,
a branch that is not there (422). A draft is not found by its tag, lists come in pages with a
``Link`` header, and publishing a release sets a tag that is not there.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ghs_canary0123456789"
LOST, TORN = -1, -2
"""Instead of a status: done, but the answer is lost; or half of the body is kept."""


@dataclass
class Trouble:
    """The next request of a method whose path matches does not go well."""

    method: str
    path: str
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "Server Error"}'


@dataclass
class Forge:
    """A running server.

    :param rights: what the token may write, of ``contents``, ``pulls`` and ``issues``.
    :param page: the most items on a page, whatever is asked for.
    :param immutable: published releases take no more files.
    :param digests: the server tells the hashes of files, as younger ones do.
    :param environments: by name, what the answer holds beside it; ``policies`` are the rules.
    :param protected: the branches that are protected; ``ruled`` those that a ruleset is for.
    :param seen: (method, path) of every request.
    """

    bare: Path
    repository: str = "acme/thing"
    url: str = ""
    rights: frozenset[str] = frozenset({"contents", "pulls", "issues"})
    page: int = 100
    immutable: bool = False
    digests: bool = True
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    ruled: frozenset[str] = frozenset()
    troubles: list[Trouble] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0
    port: int = 0

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.seen if method != "GET"]

    def git(self, *args: str) -> str | None:
        argv = ["git", "--git-dir", str(self.bare), *args]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout.strip()

    def number(self) -> int:
        self.count += 1
        return self.count


class RefusalError(Exception):
    def __init__(self, status: int, message: str, *errors: dict[str, str]) -> None:
        self.status = status
        self.document = {"message": message, "documentation_url": "https://docs.github.com/rest"}
        if errors:
            self.document["errors"] = list(errors)  # type: ignore[assignment]


def invalid(resource: str, code: str, field_: str = "", message: str = "") -> RefusalError:
    error = {"resource": resource, "code": code, "field": field_, "message": message}
    return RefusalError(422, "Validation Failed", {k: v for k, v in error.items() if v})


@contextmanager
def github(bare: Path, **settings: Any) -> Iterator[Forge]:
    """Serve a bare repository while the block runs."""
    told = Forge(bare, **settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, told))
    told.port = server.server_port
    told.url = f"http://127.0.0.1:{told.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __init__(self, told: Forge, *args: Any) -> None:
        self.told = told
        super().__init__(*args)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.told.seen.append((self.command, self.path))
        trouble = self._trouble()
        if trouble and trouble.status > 0:
            self._send(trouble.status, trouble.body, trouble.headers)
            return
        if trouble and trouble.status == TORN:
            self.body = self.body[: len(self.body) // 2]
        try:
            with self.told.lock:
                status, document = self._routed()
        except RefusalError as refusal:
            status, document = refusal.status, refusal.document
        if trouble:
            if trouble.status == TORN:
                self.told.releases[-1]["assets"][-1]["state"] = "starter"
            self.close_connection = True
            return
        if isinstance(document, list):
            document, headers = self._page(document)
        else:
            headers = {}
        self._send(status, b"" if document is None else json.dumps(document).encode(), headers)

    def _trouble(self) -> Trouble | None:
        for trouble in self.told.troubles:
            if trouble.method == self.command and re.search(trouble.path, self.path):
                self.told.troubles.remove(trouble)
                return trouble
        return None

    def _routed(self) -> tuple[int, Any]:
        self._admit()
        path = unquote(urlsplit(self.path).path)
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern.replace("REPO", f"/repos/{self.told.repository}"), path)
            if found and method == self.command:
                return act(self, *found.groups())
        raise RefusalError(404, "Not Found")

    def _admit(self) -> None:
        if not self.headers.get("User-Agent"):
            raise RefusalError(403, "Request forbidden by administrative rules.")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise RefusalError(401, "Bad credentials")
        if self.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            raise RefusalError(400, "X-GitHub-Api-Version is not supported")
        parts = ("pulls", "issues")
        need = next((part for part in parts if f"/{part}" in self.path), "contents")
        if self.command != "GET" and need not in self.told.rights:
            raise RefusalError(403, "Resource not accessible by integration")

    def _json(self, *allowed: str) -> dict[str, Any]:
        if self.headers.get("Content-Type") != "application/json":
            raise RefusalError(400, "Problems parsing JSON")
        document = json.loads(self.body)
        if unknown := set(document) - set(allowed):
            raise AssertionError(f"GitHub knows no {unknown}")
        return document

    def _page(self, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        size = min(int(query.pop("per_page", 30)), self.told.page)
        page = int(query.pop("page", 1))
        following = f"{self.told.url}{urlsplit(self.path).path}?per_page={size}&page={page + 1}"
        following += "".join(f"&{name}={value}" for name, value in query.items())
        more = {"Link": f'<{following}>; rel="next"'} if len(items) > page * size else {}
        return items[(page - 1) * size : page * size], more

    # the repository and its tags

    def repository(self) -> tuple[int, Any]:
        return 200, {"id": 4711, "full_name": self.told.repository, "default_branch": "main"}

    def environment(self, name: str) -> tuple[int, Any]:
        if name not in self.told.environments:
            raise RefusalError(404, "Not Found")
        told = {k: v for k, v in self.told.environments[name].items() if k != "policies"}
        none = {"protection_rules": [], "deployment_branch_policy": None}
        return 200, {"id": 1, "name": name} | none | told

    def policies(self, name: str) -> tuple[int, Any]:
        found = self.told.environments[name].get("policies", [])
        return 200, {"total_count": len(found), "branch_policies": found}

    def branch(self, name: str) -> tuple[int, Any]:
        if self.told.git("rev-parse", "--verify", f"refs/heads/{name}") is None:
            raise RefusalError(404, "Branch not found")
        return 200, {"name": name, "protected": name in self.told.protected}

    def rules(self, name: str) -> tuple[int, Any]:
        ruled = name in self.told.ruled
        return 200, [{"type": "deletion", "ruleset_id": 42}] if ruled else []

    def tag_ref(self, tag: str) -> tuple[int, Any]:
        kind = self.told.git("cat-file", "-t", f"refs/tags/{tag}")
        if kind is None:
            raise RefusalError(404, "Not Found")
        sha = self.told.git("rev-parse", f"refs/tags/{tag}")
        return 200, {"ref": f"refs/tags/{tag}", "object": {"type": kind, "sha": sha}}

    def tag_object(self, sha: str) -> tuple[int, Any]:
        commit = self.told.git("rev-parse", f"{sha}^{{commit}}")
        return 200, {"sha": sha, "object": {"type": "commit", "sha": commit}}

    # pull requests

    def list_pulls(self) -> tuple[int, Any]:
        query = parse_qs(urlsplit(self.path).query)
        head, state = query["head"][0], query.get("state", ["open"])[0]
        found = [p for p in self.told.pulls if p["head"]["label"] == head]
        for pull in found:
            if pull["state"] == "open":
                pull["head"]["sha"] = self.told.git(
                    "rev-parse", f"refs/heads/{pull['head']['ref']}"
                )
        return 200, [p for p in reversed(found) if state in {"all", p["state"]}]

    def open_pull(self) -> tuple[int, Any]:
        asked = self._json("title", "head", "base", "body", "maintainer_can_modify", "draft")
        head, base = asked["head"], asked["base"]
        label = f"{self.told.repository.partition('/')[0]}:{head}"
        for name in ("head", "base"):
            if self.told.git("rev-parse", "--verify", f"refs/heads/{asked[name]}") is None:
                raise invalid("PullRequest", "invalid", name)
        if self.told.git("rev-list", "--count", f"{base}..{head}") == "0":
            message = f"No commits between {base} and {head}"
            raise invalid("PullRequest", "custom", message=message)
        if any(p["head"]["label"] == label and p["state"] == "open" for p in self.told.pulls):
            message = f"A pull request already exists for {label}."
            raise invalid("PullRequest", "custom", message=message)
        number = self.told.number()
        made = {
            "number": number,
            "html_url": f"https://github.example/{self.told.repository}/pull/{number}",
            "state": "open",
            "title": asked["title"],
            "body": asked.get("body"),
            "head": {
                "ref": head,
                "label": label,
                "sha": self.told.git("rev-parse", f"refs/heads/{head}"),
            },
            "base": {"ref": base},
        }
        self.told.pulls.append(made)
        return 201, made

    def edit_pull(self, number: str) -> tuple[int, Any]:
        found = next((p for p in self.told.pulls if p["number"] == int(number)), None)
        if found is None:
            raise RefusalError(404, "Not Found")
        found |= self._json("title", "body", "state", "base")
        return 200, found

    # issues

    def list_issues(self) -> tuple[int, Any]:
        query = parse_qs(urlsplit(self.path).query)
        state, wanted = query.get("state", ["open"])[0], set(query["labels"][0].split(","))
        return 200, [
            one
            for one in reversed(self.told.issues)
            if state in {"all", one["state"]} and wanted <= {x["name"] for x in one["labels"]}
        ]

    def open_issue(self) -> tuple[int, Any]:
        asked = self._json("title", "body", "labels", "assignees", "milestone")
        if not asked.get("title") or len(asked["title"]) > 256:
            raise invalid(
                "Issue", "missing_field" if not asked.get("title") else "invalid", "title"
            )
        number = self.told.number()
        made = {
            "number": number,
            "html_url": f"https://github.example/{self.told.repository}/issues/{number}",
            "state": "open",
            "title": asked["title"],
            "body": asked.get("body"),
            "labels": [{"name": name} for name in asked.get("labels", ())],
            "comments": [],
        }
        self.told.issues.append(made)
        return 201, made

    def issue(self, number: str) -> tuple[int, Any]:
        found = next((one for one in self.told.issues if one["number"] == int(number)), None)
        if found is None:
            raise RefusalError(404, "Not Found")
        return 200, found

    def edit_issue(self, number: str) -> tuple[int, Any]:
        _, found = self.issue(number)
        found |= self._json("title", "body", "state", "state_reason", "labels")
        return 200, found

    def comment(self, number: str) -> tuple[int, Any]:
        _, found = self.issue(number)
        found["comments"].append(self._json("body")["body"])
        return 201, {"id": self.told.number(), "body": found["comments"][-1]}

    # releases

    def release_by_tag(self, tag: str) -> tuple[int, Any]:
        for one in self.told.releases:
            if one["tag_name"] == tag and not one["draft"]:
                return 200, one
        raise RefusalError(404, "Not Found")

    def list_releases(self) -> tuple[int, Any]:
        return 200, self.told.releases[::-1]

    def create_release(self) -> tuple[int, Any]:
        asked = self._json(
            "tag_name", "target_commitish", "name", "body", "draft", "prerelease", "make_latest"
        )
        number = self.told.number()
        made = {
            "id": number,
            "html_url": f"https://github.example/{self.told.repository}/releases/{number}",
            "upload_url": f"{self.told.url}/uploads/{number}/assets{{?name,label}}",
            "prerelease": False,
            "draft": False,
            "assets": [],
        } | asked
        if not made["draft"]:
            self._publish(made)
        self.told.releases.append(made)
        return 201, made

    def _publish(self, release: dict[str, Any]) -> None:
        tag = release["tag_name"]
        for one in self.told.releases:
            if one is not release and one["tag_name"] == tag and not one["draft"]:
                raise invalid("Release", "already_exists", "tag_name")
        if self.told.git("rev-parse", "--verify", f"refs/tags/{tag}") is None:
            target = self.told.git("rev-parse", release.get("target_commitish") or "main")
            if target is None:
                raise invalid("Release", "invalid", "target_commitish")
            self.told.git("update-ref", f"refs/tags/{tag}", target)
        release["draft"] = False

    def edit_release(self, number: str) -> tuple[int, Any]:
        release = self._release(number)
        asked = self._json("name", "body", "draft", "prerelease", "make_latest")
        if asked.pop("draft", True) is False:
            self._publish(release)
        release |= asked
        return 200, release

    def _release(self, number: str) -> dict[str, Any]:
        for one in self.told.releases:
            if one["id"] == int(number):
                return one
        raise RefusalError(404, "Not Found")

    def list_assets(self, number: str) -> tuple[int, Any]:
        return 200, self._release(number)["assets"]

    def upload(self, number: str) -> tuple[int, Any]:
        release = self._release(number)
        name = parse_qs(urlsplit(self.path).query)["name"][0]
        self._require_mutable(release)
        if not self.body or "Content-Type" not in self.headers:
            raise RefusalError(400, "Bad Content-Length")
        if any(asset["name"] == name for asset in release["assets"]):
            raise invalid("ReleaseAsset", "already_exists", "name")
        made = {"id": self.told.number(), "name": name, "state": "uploaded", "size": len(self.body)}
        digest = f"sha256:{hashlib.sha256(self.body).hexdigest()}"
        made["digest"] = digest if self.told.digests else None
        release["assets"].append(made)
        self.told.files[made["id"]] = self.body
        return 201, made

    def delete_asset(self, number: str) -> tuple[int, Any]:
        for release in self.told.releases:
            for asset in release["assets"]:
                if asset["id"] == int(number):
                    self._require_mutable(release)
                    release["assets"].remove(asset)
                    return 204, None
        raise RefusalError(404, "Not Found")

    def _require_mutable(self, release: dict[str, Any]) -> None:
        if self.told.immutable and not release["draft"]:
            raise RefusalError(422, "Cannot upload assets to an immutable release.")

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


ROUTES: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
    ("GET", "REPO", Handler.repository),
    ("GET", "REPO/environments/([^/]+)", Handler.environment),
    ("GET", "REPO/environments/([^/]+)/deployment-branch-policies", Handler.policies),
    ("GET", "REPO/branches/(.+)", Handler.branch),
    ("GET", "REPO/rules/branches/(.+)", Handler.rules),
    ("GET", "REPO/git/ref/tags/(.+)", Handler.tag_ref),
    ("GET", "REPO/git/tags/([0-9a-f]+)", Handler.tag_object),
    ("GET", "REPO/pulls", Handler.list_pulls),
    ("POST", "REPO/pulls", Handler.open_pull),
    ("PATCH", r"REPO/pulls/(\d+)", Handler.edit_pull),
    ("GET", "REPO/issues", Handler.list_issues),
    ("POST", "REPO/issues", Handler.open_issue),
    ("GET", r"REPO/issues/(\d+)", Handler.issue),
    ("PATCH", r"REPO/issues/(\d+)", Handler.edit_issue),
    ("POST", r"REPO/issues/(\d+)/comments", Handler.comment),
    ("GET", "REPO/releases/tags/(.+)", Handler.release_by_tag),
    ("GET", "REPO/releases", Handler.list_releases),
    ("POST", "REPO/releases", Handler.create_release),
    ("PATCH", r"REPO/releases/(\d+)", Handler.edit_release),
    ("GET", r"REPO/releases/(\d+)/assets", Handler.list_assets),
    ("DELETE", r"REPO/releases/assets/(\d+)", Handler.delete_asset),
    ("POST", r"/uploads/(\d+)/assets", Handler.upload),
)
