"""``release.workflows``: the project's GitHub workflows, compared with the generated ones."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

from release.adapters.builder import static_metadata
from release.adapters.index import pypi_simple_url
from release.adapters.uv import lock
from release.adapters.workspace import write_file
from release.config import Config
from release.errors import BlockedError
from release.flows.context import Context
from release.flows.gates import choose_gates
from release.model.metadata import CoreMetadata
from release.model.workflows import Workflows
from release.ship.workflows import Facts, difference, lock_problems, workflows

OURSELVES = "release-warden"
CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
OLDEST = "3.11"
"""The lowest Python that this program runs on."""


def facts(context: Context) -> Facts:
    """What the project's workflows depend on: nothing but files of the project.

    :raises ConfigError: a value cannot stand in a workflow.
    """
    workspace, config = context.workspace, context.workspace.config
    pyproject = _pyproject(workspace.root)
    return Facts(
        project=context.metadata.normalized_name,
        folder=workspace.prefix,
        branch=config.github.branch,
        workflow=config.github.workflow,
        pythons=_pythons(pyproject, config.pythons),
        gates=_gates(workspace.root, config),
        credential=config.credential,
        environments=(config.github.environments[0], config.github.environments[-1]),
        pages=config.github.pages,
        monitor=config.status_url is not None or config.github.pages,
        static=static_metadata(pyproject) is not None,
        pull_requests=config.commit == "pull-request" or config.forge is not None,
        code_scanning=config.github.code_scanning,
        alerts=config.alerts,
        private=config.github.private,
    )


def compare(context: Context) -> Workflows:
    """Compare what lies in ``.github`` with what is generated; nothing is changed.

    :raises BlockedError: it differs, or the lock does not hold what it has to.
    """
    found = _look(context)
    if not found.diff and not found.problems:
        return found
    raise BlockedError(
        "the workflows are not the generated ones" if found.diff else "the tools are not locked",
        why="\n".join([*found.problems, found.diff]).strip(),
        remedy="run release-warden release.workflows --write, look at the change, and commit it; "
        "with --lock it locks the tools anew as well",
        failure="gate",
    )


def write(context: Context, *, relock: bool) -> Workflows:
    """Write the generated workflows, and the locked tools where they are asked for or wrong.

    :param relock: lock the newest tools, even if what is locked would do.
    :raises ToolError: the tools could not be resolved.
    """
    known, found = facts(context), _look(context)
    top = context.workspace.git.folder
    if relock or found.problems:
        index = context.workspace.config.index_url or pypi_simple_url()
        context.tell(f"locking the tools in {found.lock} ...")
        text = lock(wanted(known, context.metadata), python=OLDEST, index_url=index)
        write_file(top / found.lock, text)
    for path, text in workflows(known).items():
        write_file(top / path, text)
    return Workflows(files=found.files, lock=found.lock, diff=found.diff, written=True)


def wanted(known: Facts, metadata: CoreMetadata) -> tuple[str, ...]:
    """The requirements of the locked tools: this program, or what it needs where it is the project.

    Its own jobs run it from the checkout.
    """
    extra = "[aws]" if known.credential == "aws" else ""
    if known.project != OURSELVES:
        return (f"{OURSELVES}{extra}=={Version(version(OURSELVES)).public}",)
    kept = (line for line in metadata.requires_dist if "extra ==" not in line)
    aws = (line for line in metadata.requires_dist if extra and line.endswith('extra == "aws"'))
    return (*kept, *(line.partition(";")[0].strip() for line in aws))


def _look(context: Context) -> Workflows:
    known, top = facts(context), context.workspace.git.folder
    expected = workflows(known)
    return Workflows(
        files=tuple(sorted(expected)),
        lock=known.lock,
        diff=difference(expected, {path: _text(top / path) for path in expected}),
        problems=lock_problems(_text(top / known.lock), wanted(known, context.metadata)),
    )


def _gates(root: Path, config: Config) -> tuple[str, ...]:
    wanted = config.gates if config.github.gates is None else config.github.gates
    return choose_gates(root, wanted).gates


def _pythons(pyproject: str, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The Pythons of the matrix: as configured, else as the classifiers say."""
    said = configured or CLASSIFIER.findall("\n".join(_classifiers(pyproject))) or ("3.13",)
    return tuple(sorted({one for one in said if Version(one) >= Version(OLDEST)}, key=Version))


def _classifiers(pyproject: str) -> list[str]:
    found: list[str] = tomllib.loads(pyproject).get("project", {}).get("classifiers", [])
    return found


def _pyproject(root: Path) -> str:
    return _text(root / "pyproject.toml") or ""


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
