"""The door to GitHub's REST API (version 2022-11-28): pull requests and releases.

Every call looks first and changes only what is not yet as wanted, so that each may be repeated:
a draft is gone on with, a half-uploaded file replaced, what exists is found again. The token goes
to the API and to the upload address beside it, and to no other host.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import requests
from requests.auth import AuthBase
from requests.utils import parse_header_links

from release.adapters import process, web
from release.adapters.credentials import Credential, hide
from release.adapters.secrecy import guard
from release.config import Config
from release.errors import ConfigError, ForgeError, TryAgainError, UnreachableError
from release.model.text import plain
from release.ship.doctor_facts import Environment
from release.ship.failures import failure_of_status

API = "https://api.github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
TOKEN, API_VARIABLE, REPOSITORY = "GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_REPOSITORY"
MOST_PAGES = 200
"""A server that always names a next page must not hold us."""
CREATED, NO_CONTENT = 201, 204
REMEDIES = {
    401: f"set {TOKEN} to a token that is valid",
    403: "give the token the right: permissions contents: write and pull-requests: write",
    404: "see that the repository's name is right and that the token may see it",
}
_OWN_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_REMOTE = re.compile(
    r"(?:\w+://)?(?:[^@/]+@)?(?P<host>[^:/]+)(?::\d+)?[:/]+(?P<name>[^/:]+/[^/]+?)(?:\.git)?/?"
)

T = TypeVar("T")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull request is of: for a closed one, the commit that it was of then."""

    sha: str


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request; ``state`` is ``open`` or ``closed``, a merged one being closed too."""

    number: int
    html_url: str
    state: str
    head: Head
    body: str | None = None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release; ``state`` is ``uploaded`` once it is whole."""

    id: int
    name: str
    state: str
    size: int
    digest: str | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release as GitHub holds it."""

    id: int
    tag_name: str
    draft: bool
    html_url: str
    upload_url: str
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True)
class File:
    """A file that a release is to have."""

    name: str
    sha256: str
    data: bytes = field(repr=False)

    def is_in(self, asset: Asset) -> bool:
        """Whether an asset holds these bytes; older servers tell the size alone."""
        same = asset.size == len(self.data) and asset.state == "uploaded"
        return same and asset.digest in {None, f"sha256:{self.sha256}"}


@dataclass(frozen=True)
class Announcement:
    """A release that there is to be; ``commit`` is what the tag has to stand on."""

    tag: str
    commit: str
    title: str
    notes: str
    prerelease: bool
    files: tuple[File, ...]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository is; ``id`` stays when it is renamed."""

    id: int
    full_name: str
    default_branch: str


class _BranchPolicy(msgspec.Struct, frozen=True, kw_only=True):
    protected_branches: bool = False
    custom_branch_policies: bool = False


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    type: str


class _Environment(msgspec.Struct, frozen=True, kw_only=True):
    deployment_branch_policy: _BranchPolicy | None = None
    protection_rules: tuple[_Rule, ...] = ()


class _Policy(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str = "branch"


class _Policies(msgspec.Struct, frozen=True, kw_only=True):
    branch_policies: tuple[_Policy, ...] = ()


class _Branch(msgspec.Struct, frozen=True, kw_only=True):
    protected: bool = False


class _Bearer(AuthBase):
    """Sends the token. As requests' own ``auth`` it also keeps an entry of netrc away."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class GitHub:
    """One repository on GitHub.

    :param api: the address of the API.
    :param repository: ``owner/name``.
    :param token: the right to write there.
    """

    def __init__(self, api: str, repository: str, token: str) -> None:
        self.api = api.rstrip("/")
        self.repository = repository
        self._credential = Credential("", guard(token))
        self._session = web.session_for(api)
        self._session.auth = _Bearer(token)

    def pull_request(
        self, head: str, title: str, body: str, *, commit: str | None = None
    ) -> PullRequest:
        """A pull request of a branch into the default branch, made or found.

        One that a person has closed or merged stays so; an open one gets the body.

        :param commit: what the branch stands on, where it moves on after a request was closed: one
            that was of another commit is then none of this.
        :raises ForgeError: GitHub refused.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        found = self._made(
            lambda: self._pull_request_of(head, commit), lambda: self._propose(head, title, body)
        )
        if found.state == "open" and (found.body or "") != body:
            self._ask("PATCH", f"{self._root}/pulls/{found.number}", {"body": body})
        return found

    def _pull_request_of(self, head: str, commit: str | None) -> PullRequest | None:
        """The branch's pull request, an open one first."""
        owner = self.repository.partition("/")[0]
        query = urlencode({"head": f"{owner}:{head}", "state": "all", "per_page": 100})
        found = [
            one
            for one in self._pages(f"{self._root}/pulls?{query}", PullRequest)
            if one.state == "open" or commit in {None, one.head.sha}
        ]
        return min(found, key=lambda one: (one.state != "open", -one.number), default=None)

    def _propose(self, head: str, title: str, body: str) -> PullRequest:
        base = self._json("GET", self._root, dict[str, Any])["default_branch"]
        document = {"title": title, "head": head, "base": base, "body": body}
        return self._json("POST", f"{self._root}/pulls", PullRequest, document)

    def announce(self, wanted: Announcement) -> str:
        """A published release with these files and no others' bytes: draft, files, publish.

        :returns: its address.
        :raises ForgeError: the tag is not there or elsewhere, other bytes are under our name, or
            GitHub refused.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        self._require_tag(wanted)
        release = self._made(lambda: self._release_of(wanted.tag), lambda: self._draft(wanted))
        for file in wanted.files:
            self._upload(release, file)
        if not release.draft:
            return release.html_url
        publish = {"draft": False, "make_latest": "legacy"}
        return self._json("PATCH", self._release_url(release), Release, publish).html_url

    def files_of(self, tag: str) -> dict[str, str] | None:
        """The files of a tag's published release: name to sha256, empty where GitHub tells none.

        :returns: ``None`` where there is no such release.
        :raises ForgeError: GitHub refused.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        release = self._release_of(tag)
        if release is None or release.draft:
            return None
        return {one.name: (one.digest or "").removeprefix("sha256:") for one in release.assets}

    def setup(self) -> Setup:
        """The repository's own facts.

        :raises ForgeError: GitHub refused, or does not know it.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        return self._json("GET", self._root, Setup)

    def environment(self, name: str) -> Environment | None:
        """Who may deploy to an environment; ``None`` where there is none of that name.

        GitHub makes one without any protection as soon as a workflow names it.

        :raises ForgeError: GitHub refused.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        url = f"{self._root}/environments/{quote(name, safe='')}"
        answer = self._ask("GET", url, missing=True)
        if answer.status == web.NOT_FOUND:
            return None
        told = _read(answer, _Environment)
        policy = told.deployment_branch_policy
        listed = policy is not None and policy.custom_branch_policies
        rules = f"{url}/deployment-branch-policies?per_page=100"
        found = self._json("GET", rules, _Policies) if listed else _Policies()
        named = [(one.type, one.name) for one in found.branch_policies]
        return Environment(
            restricted=policy is not None,
            protected_only=policy is not None and policy.protected_branches,
            branches=tuple(name for kind, name in named if kind == "branch"),
            tags=tuple(name for kind, name in named if kind == "tag"),
            reviewed=any(rule.type == "required_reviewers" for rule in told.protection_rules),
        )

    def is_protected(self, branch: str) -> bool:
        """Whether a branch is protected, by a rule of either kind.

        :raises ForgeError: GitHub refused.
        :raises TryAgainError: it did not answer, or the rate limit is reached.
        """
        name = quote(branch, safe="")
        if self._json("GET", f"{self._root}/branches/{name}", _Branch).protected:
            return True
        return bool(self._json("GET", f"{self._root}/rules/branches/{name}", list[_Rule]))

    def _require_tag(self, wanted: Announcement) -> None:
        """Publishing without the tag would make GitHub set one, on the default branch."""
        standing = self._commit_of(wanted.tag)
        if standing is None:
            raise ForgeError(
                f"GitHub does not have the tag {wanted.tag}",
                remedy=f"push it: git push REMOTE {wanted.tag}; then run again",
            )
        if standing != wanted.commit:
            raise ForgeError(
                f"the tag {wanted.tag} stands on {standing[:12]} on GitHub",
                why=f"the release was made from {wanted.commit[:12]}",
                remedy="find out who set it; nothing was announced",
            )

    def _commit_of(self, tag: str) -> str | None:
        answer = self._ask("GET", f"{self._root}/git/ref/tags/{quote(tag)}", missing=True)
        if answer.status == web.NOT_FOUND:
            return None
        target = _read(answer, dict[str, Any])["object"]
        if target["type"] == "tag":
            url = f"{self._root}/git/tags/{target['sha']}"
            target = self._json("GET", url, dict[str, Any])["object"]
        return str(target["sha"])

    def _release_of(self, tag: str) -> Release | None:
        """The tag's release; a draft is only in the list, as its tag counts for nothing yet."""
        answer = self._ask("GET", f"{self._root}/releases/tags/{quote(tag)}", missing=True)
        if answer.status != web.NOT_FOUND:
            return _read(answer, Release)
        listed = self._pages(f"{self._root}/releases?per_page=100", Release)
        return next((one for one in listed if one.tag_name == tag), None)

    def _draft(self, wanted: Announcement) -> Release:
        document = {
            "tag_name": wanted.tag,
            "target_commitish": wanted.commit,
            "name": wanted.title,
            "body": wanted.notes,
            "prerelease": wanted.prerelease,
            "draft": True,
        }
        return self._json("POST", f"{self._root}/releases", Release, document)

    def _upload(self, release: Release, file: File) -> None:
        """One file; of a draft, what is there of it and is not whole is replaced."""
        asset = self._made(lambda: self._asset(release, file), lambda: self._send(release, file))
        if not file.is_in(asset):
            raise ForgeError(
                f"GitHub holds other bytes as {file.name} of {release.tag_name}",
                why=f"they are {asset.size} bytes, {asset.digest}, not sha256:{file.sha256}",
                remedy=f"look at {release.html_url}; nothing there was changed",
            )

    def _asset(self, release: Release, file: File) -> Asset | None:
        url = f"{self._release_url(release)}/assets?per_page=100"
        listed = [one for one in self._pages(url, Asset) if one.name == file.name]
        found = next(iter(listed), None)
        if found and release.draft and not file.is_in(found):
            self._ask("DELETE", f"{self._root}/releases/assets/{found.id}")
            return None
        return found

    def _send(self, release: Release, file: File) -> Asset:
        address = release.upload_url.partition("{")[0]
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        url = f"{address}?{urlencode({'name': file.name})}"
        return _read(self._ask("POST", url, file.data, kind=kind), Asset)

    @property
    def _root(self) -> str:
        return f"{self.api}/repos/{self.repository}"

    def _release_url(self, release: Release) -> str:
        return f"{self._root}/releases/{release.id}"

    def _made(self, find: Callable[[], T | None], make: Callable[[], T]) -> T:
        """What is found, else made; after a lost answer or a lost race, looked for once more."""
        found = find()
        if found is not None:
            return found
        try:
            return make()
        except (TryAgainError, ForgeError):
            if (found := find()) is None:
                raise
            return found

    def _pages(self, url: str, kind: type[T]) -> Iterator[T]:
        """The items of a list, page after page."""
        for _ in range(MOST_PAGES):
            answer = self._ask("GET", url)
            yield from _read(answer, list[kind])  # type: ignore[valid-type]
            links = parse_header_links(answer.headers.get("link", ""))
            following = [link["url"] for link in links if link.get("rel") == "next"]
            if not following:
                return
            url = following[0]
        raise ForgeError(
            f"GitHub's list has no end after {MOST_PAGES} pages",
            why=url,
            remedy="run again; if it lasts, GitHub is at fault",
        )

    def _json(
        self, method: str, url: str, kind: type[T], document: dict[str, Any] | None = None
    ) -> T:
        return _read(self._ask(method, url, document), kind)

    def _ask(
        self,
        method: str,
        url: str,
        body: dict[str, Any] | bytes | None = None,
        *,
        kind: str = "application/json",
        missing: bool = False,
    ) -> web.Answer:
        """One question; what creates something is not asked twice.

        :param missing: that the thing is not there is an answer too.
        """
        self._require_trusted(url)
        data = msgspec.json.encode(body) if isinstance(body, dict) else body
        headers = HEADERS | ({"Content-Type": kind} if data is not None else {})
        attempts = 1 if method == "POST" else web.ATTEMPTS
        try:
            answer = web.ask(
                self._session, url, method=method, body=data, headers=headers, attempts=attempts
            )
        except UnreachableError as error:
            raise TryAgainError(error.what, why=error.why, remedy="run again later") from error
        if answer.status in {web.OK, CREATED, NO_CONTENT}:
            return answer
        if missing and answer.status == web.NOT_FOUND:
            return answer
        raise _refusal(answer, method, self.repository, self._credential)

    def _require_trusted(self, url: str) -> None:
        """The token is for the API's own host, and on github.com for its upload host."""
        ours, theirs = urlsplit(self.api), urlsplit(url)
        uploads = re.sub(r"^api\.", "uploads.", ours.netloc)
        if theirs.scheme != ours.scheme or theirs.netloc not in {ours.netloc, uploads}:
            raise ForgeError(
                f"GitHub's API names an address on another host: {theirs.netloc}",
                why=f"the token is for {ours.netloc} only",
                remedy="correct forge-url in [tool.release-warden]",
            )


def _read(answer: web.Answer, kind: type[T]) -> T:
    """The answer's document.

    :raises ForgeError: it is another one.
    """
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ForgeError(
            "the forge did not answer as GitHub's API does",
            why=f"{web.shown(answer.url)}: {error}",
            remedy="see that forge-url in [tool.release-warden] is the API's address",
        ) from error


def _refusal(
    answer: web.Answer, method: str, repository: str, sent: Credential
) -> ForgeError | TryAgainError:
    """GitHub's no in our words."""
    said = _message(answer, sent)
    told = f"{method} {web.shown(answer.url)}: HTTP {answer.status}: {said}"
    spent = answer.headers.get("x-ratelimit-remaining") == "0" or answer.retry_after
    if answer.status == 403 and spent:
        return TryAgainError(
            "GitHub's rate limit is reached",
            why=told,
            remedy="run again in an hour",
            failure="quota",
        )
    return ForgeError(
        f"GitHub refused something of {repository}",
        why=told,
        remedy=REMEDIES.get(answer.status, "see what it says above, then run again"),
        failure=failure_of_status(answer.status, told),
    )


def _message(answer: web.Answer, sent: Credential) -> str:
    """What GitHub says about it, its details included, and the token left out."""
    try:
        document = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "no JSON"
    if not isinstance(document, dict):
        return "no message"
    details = [
        " ".join(str(one.get(key, "")) for key in ("resource", "field", "code", "message")).strip()
        if isinstance(one, dict)
        else str(one)
        for one in document.get("errors", ())
    ]
    return plain(hide(sent, "; ".join([str(document.get("message", "")), *details])), 500)


G = TypeVar("G", bound=GitHub)


def open_forge(
    config: Config,
    remote_url: str | None,
    kind: type[G] = GitHub,  # type: ignore[assignment]
) -> G | None:
    """The configured forge; ``None`` where there is none.

    :param remote_url: the address of the remote that the project is pushed to.
    :param kind: which of its sides is wanted.
    :raises ConfigError: it would be asked without encryption.
    :raises ForgeError: there is no token, or no telling which repository it is.
    """
    if config.forge is None:
        return None
    api, token = _way_in(config)
    return kind(api, _repository(api, remote_url), token)


def open_named(config: Config, repository: str) -> GitHub:
    """A repository on GitHub, whether or not releases are announced there.

    :param repository: ``owner/name``.
    :raises ConfigError: it would be asked without encryption.
    :raises ForgeError: there is no token.
    """
    api, token = _way_in(config)
    return GitHub(api, repository, token)


def _way_in(config: Config) -> tuple[str, str]:
    """The API's address, and the token for it."""
    api = config.forge_url or process.variable(API_VARIABLE) or API
    parts = urlsplit(api)
    if parts.scheme != "https" and parts.hostname not in web.LOOPBACK:
        raise ConfigError(
            "the forge's API would be asked without encryption",
            why=f"forge-url is {web.shown(api)}",
            remedy="name it with https://",
        )
    token = process.variable(TOKEN)
    if not token:
        raise ForgeError(
            "there is no token for GitHub",
            why=f"{TOKEN} is not set",
            remedy=f"set {TOKEN}; in GitHub Actions: env: {TOKEN}: ${{{{ github.token }}}}",
        )
    return api, token


def _repository(api: str, remote_url: str | None) -> str:
    """``owner/name``, from the remote's address, else as GitHub Actions tells."""
    host = (urlsplit(api).hostname or "").removeprefix("api.")
    parts = _REMOTE.fullmatch(remote_url or "")
    named = parts["name"] if parts and parts["host"] == host else process.variable(REPOSITORY)
    if named and _OWN_NAME.fullmatch(named):
        return named
    raise ForgeError(
        "there is no telling which repository on GitHub it is",
        why=f"the remote is not on {host}, and {REPOSITORY} is not set",
        remedy="set remote in [tool.release-warden] to the git remote that is on GitHub",
    )
