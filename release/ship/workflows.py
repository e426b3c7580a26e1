"""The GitHub workflows of a project, from what its configuration says.

The templates lie beside this module. What each job may hold is DESIGN's table of stages
(:mod:`release.ship.stages`); docs/ci.md tells the rest.
"""

from __future__ import annotations

import difflib
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.errors import ConfigError

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = ".github/workflows"
RELEASE = "release.yml"
LOCK = "release-tools.txt"
"""The locked tool environment, in ``.github``: every job installs it, hash by hash."""
ALERTS = "alerts"
"""The environment that holds the addresses which Apprise sends to."""
RUNNER = "ubuntu-24.04"
ON_EVERY_PYTHON = frozenset({"tests"})
"""The gates that run on every Python of the matrix; the others run on one."""

ACTIONS = {
    "checkout": "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "setup_python": "actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0",
    "cache": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5",
    "upload_artifact": "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
    "download_artifact":
        "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "upload_pages_artifact":
        "actions/upload-pages-artifact@7b1f4a764d45c48632c6b24a0339c27f5614fb0b # v4.0.0",
    "deploy_pages": "actions/deploy-pages@d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e # v4.0.5",
    "upload_sarif":
        "github/codeql-action/upload-sarif@5d4e8d1aca955e8d8589aabd499c5cae939e33c7 # v4.31.9",
}  # fmt: skip
"""Actions by commit, as a tag can be moved; the comment is the release that the commit was."""


LOCKED = re.compile(
    r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?==[\w.!+]+( ; [^:/]+?)?( --hash=sha256:[0-9a-f]{64})+"
)
"""A line of the locked tools, its continuations joined (pip's requirements file format)."""
PLAIN = {
    "folder": r"([\w.-]+/)*",
    "branch": r"[\w./-]+",
    "workflow": r"[\w.-]+\.ya?ml",
    "pythons": r"\d+\.\d+t?",
    "gates": r"[A-Za-z_][\w-]*",
    "environments": r"[\w.-]+",
}
"""The form of each fact that is written into a file as it stands."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the workflows of a project depend on.

    :param project: the distribution's normalized name.
    :param folder: the project's folder from the top of the repository, empty or ending in a slash.
    :param branch: the default branch.
    :param workflow: the file name of the release workflow, as the trusted publisher names it; what
        stands before ``release.yml`` in it stands before the other files' names too.
    :param pythons: the Python versions of the matrix, lowest first; the rest runs on the last one.
    :param gates: the nox sessions of the gates, quickest first.
    :param credential: where the right to upload comes from; ``keyboard`` means that a person
        uploads, and CI only looks and records.
    :param environments: the environments of an automatic upload, and of one by hand.
    :param pages: whether GitHub Pages serves the status site.
    :param monitor: whether the site has an address that can be looked at; on Pages a job knows it.
    :param static: whether pyproject.toml settles the metadata, so that a job with a right needs to
        run no code of the project to know it.
    :param pull_requests: whether release commits may come to the branch by pull request.
    :param alerts: who is told when something is wrong; empty for nobody.
    :param code_scanning: whether the forge shows findings as code scanning alerts; a private
        repository has to pay for that.
    :param private: whether the repository can only be read with a token.
    """

    project: str
    folder: str = ""
    branch: str = "main"
    workflow: str = RELEASE
    pythons: tuple[str, ...] = ("3.13",)
    gates: tuple[str, ...] = ("lint", "types", "tests")
    credential: Literal["keyboard", "trusted-publishing", "aws"] = "keyboard"
    environments: tuple[str, str] = ("pypi-auto", "pypi-manual")
    pages: bool = False
    monitor: bool = False
    static: bool = True
    pull_requests: bool = False
    code_scanning: bool = True
    alerts: tuple[str, ...] = ()
    private: bool = False

    def __post_init__(self) -> None:
        """Refuse what would mean something else once it stands in YAML or on a command line.

        :raises ConfigError: a value has other characters than its kind may have.
        """
        for name, pattern in PLAIN.items():
            value = getattr(self, name)
            for word in (value,) if isinstance(value, str) else value:
                if not re.fullmatch(pattern, word):
                    raise ConfigError(
                        f"{name} {word!r} cannot stand in a workflow",
                        why=f"it is to be of the form {pattern}",
                        remedy="change it in pyproject.toml, or write the workflows by hand",
                    )

    @property
    def prefix(self) -> str:
        """What the workflows' names begin with: projects of one repository must differ in it."""
        return self.workflow.removesuffix(RELEASE) if self.workflow.endswith(RELEASE) else ""

    @property
    def lock(self) -> str:
        """The locked tool environment, from the top of the repository."""
        return f".github/{self.prefix}{LOCK}"


def workflows(facts: Facts) -> dict[str, str]:
    """The workflow files of a project: path from the top of the repository, and text."""
    kinds = {facts.workflow: "release.yml"}
    if facts.gates:
        kinds["gates.yml"] = "gates.yml"
    if facts.pages:
        kinds["status.yml"] = "status.yml"
    if facts.monitor:
        kinds["monitor.yml"] = "monitor.yml"
    return {
        f"{FOLDER}/{name if name == facts.workflow else facts.prefix + name}": _render(kind, facts)
        for name, kind in kinds.items()
    }


def difference(expected: Mapping[str, str], found: Mapping[str, str | None]) -> str:
    """How files differ from the generated ones, as a unified diff; empty where they do not.

    :param found: the text by path; ``None`` or missing where there is no such file.
    """
    parts = (
        difflib.unified_diff(
            (found.get(path) or "").splitlines(keepends=True),
            text.splitlines(keepends=True),
            fromfile=path,
            tofile=f"{path} (generated)",
        )
        for path, text in sorted(expected.items())
    )
    return "".join(line for part in parts for line in part)


def lock_problems(text: str | None, wanted: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with the locked tools; seen without an index.

    Each line is one version with its hashes, and nothing else: no option, no address.

    :param text: the file; ``None`` where there is none.
    :param wanted: the requirements that it has to satisfy.
    """
    if text is None:
        return ("there is no file of locked tools",)
    entries = text.replace("\\\n", " ").splitlines()
    lines = [" ".join(line.split()) for line in entries if line.strip() and line[0] != "#"]
    loose = [line for line in lines if not LOCKED.fullmatch(line)]
    if loose:
        return tuple(f"no version with its hashes: {line[:80]}" for line in loose)
    pins = {_name(line): line.split()[0] for line in lines}
    return tuple(
        f"{line} is not what is locked: {pins.get(canonicalize_name(one.name), 'nothing')}"
        for line in wanted
        if not _satisfies(pins, one := Requirement(line))
    )


def _name(line: str) -> str:
    return canonicalize_name(re.split(r"[\[=]", line)[0])


def _satisfies(pins: Mapping[str, str], wanted: Requirement) -> bool:
    pinned = pins.get(canonicalize_name(wanted.name), "").partition("==")[2]
    return bool(pinned) and wanted.specifier.contains(pinned, prereleases=True)


def _render(kind: str, facts: Facts) -> str:
    up = "../" * facts.folder.count("/")
    text = (
        _templates()
        .get_template(f"{kind}.jinja")
        .render(
            **{name: getattr(facts, name) for name in facts.__dataclass_fields__},
            prefix=facts.prefix,
            lock=up + facts.lock,
            actions=ACTIONS,
            runner=RUNNER,
            python=facts.pythons[-1],
            alerts_environment=ALERTS,
            minute=_minute(facts.project),
            uploads=facts.credential != "keyboard",
            on_every_python=ON_EVERY_PYTHON,
            # What runs on a branch called release... may be what is released: no cache there.
            caches=not facts.branch.startswith("release"),
        )
    )
    return _tidy(text)


def _tidy(text: str) -> str:
    """Without the blank lines that empty parts leave."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).strip() + "\n"


def _minute(project: str) -> int:
    """When in the hour the clock's runs begin: not on the hour, and not all projects at once."""
    return 3 + zlib.crc32(project.encode()) % 50


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(  # noqa: S701 # nosec B701 # it makes YAML of what was checked
        loader=PackageLoader("release.ship"),
        undefined=StrictUndefined,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        keep_trailing_newline=True,
    )
