"""Git, remote, index, forge and ledger side by side: what state is each version in, what is next.

Pure: the flow gathers a :class:`Scene`, this says what it means. What was not seen is unknown, and
what rests on it too (law 1): a stale ledger, or an index that is silent, is never clean.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from packaging.version import Version

from release.model.listing import IndexFile
from release.model.reconciliation import (
    Difference,
    FileHashes,
    Observed,
    Part,
    Reconciliation,
    ReleaseState,
    Unseen,
    VersionState,
)
from release.model.seal import Journal, Manifest

URGENCY: tuple[ReleaseState, ...] = (
    "bytes-differ",
    "index-only",
    "unknown",
    "uploading",
    "unconfirmed",
    "sealed",
    "untagged",
    "closed",
    "tag-only",
    "unmerged",
    "abandoned",
    "clean",
)
"""Most urgent first: what users may be getting and nobody vouches for, then what is half-done."""
ALARMS: frozenset[ReleaseState] = frozenset({"bytes-differ", "index-only", "tag-only", "closed"})
"""A person has to look: no run of ours mends it."""
UNFINISHED: frozenset[ReleaseState] = frozenset({"sealed", "uploading", "unconfirmed", "untagged"})
"""The next command finishes it."""
TOOL = "release-warden"
GONE = "gone"
"""The journal's step that says: somebody took files off the index, and that is known."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """All that is known of one version.

    ``shared`` is whether the ledger's ref is at the remote too, where there is one;
    ``yank`` is whether the ledger knows that a person yanked it, or was asked to;
    ``merged`` is ``None`` where nobody wants the release commit on a branch;
    ``announced`` are the forge's files, name to sha256 (empty where it tells none), ``None`` for no
    release there; ``bytes_lost`` that the ledger cannot give the sealed archives any more.
    """

    version: str
    tag: str
    manifest: Manifest | None = None
    journal: Journal | None = None
    unreadable: str = ""
    shared: bool = True
    observed: Observed | None = None
    yank: bool = False
    listed: tuple[IndexFile, ...] = ()
    here: str | None = None
    there: str | None = None
    merged: bool | None = None
    announced: Mapping[str, str] | None = None
    bytes_lost: bool = False

    def done(self, step: str) -> bool:
        """Whether the journal has a line on a step."""
        return any(entry.step == step for entry in self.journal.entries) if self.journal else False

    @property
    def sealed(self) -> dict[str, str]:
        """The sealed files, name to sha256."""
        return {file.name: file.sha256 for file in self.manifest.files} if self.manifest else {}

    @property
    def served(self) -> dict[str, str]:
        """The files that the index lists, name to sha256."""
        return {file.name: file.sha256 or "" for file in self.listed}

    @property
    def yanked(self) -> bool:
        """Whether the index offers no file of it to anybody who does not ask for this version."""
        return all(file.yanked for file in self.listed)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What was gathered; ``unseen`` are the parts that did not answer, and why."""

    project: str
    repository: str
    as_of: datetime
    remote: str | None = None
    to: str = ""
    ledger_root: str = ""
    unseen: Mapping[Part, str] = field(default_factory=dict)
    sightings: tuple[Sighting, ...] = ()

    def command(self, task: str, *words: str) -> str:
        """A command of ours for the repository at hand."""
        to = ("--to", self.to) if self.to else ()
        return shlex.join([TOOL, task, *words, *to])


@dataclass(frozen=True)
class _Verdict:
    """The state of one version, what is next, and whether all is done about it."""

    state: ReleaseState
    next: str = ""
    settled: bool = False


def reconcile(scene: Scene) -> Reconciliation:
    """Judge every version, and name the one that needs somebody most."""
    ordered = sorted(scene.sightings, key=lambda one: Version(one.version))
    judged = [(one, _judge(scene, one)) for one in ordered]
    versions = tuple(_version(one, verdict) for one, verdict in judged)
    state, following = _overall(scene, versions)
    return Reconciliation(
        project=scene.project,
        repository=scene.repository,
        as_of=scene.as_of,
        state=state,
        next=following,
        differences=tuple(d for one, _ in judged for d in differences(scene, one)),
        versions=versions,
        unseen=tuple(Unseen(part=part, why=why) for part, why in sorted(scene.unseen.items())),
    )


def _overall(scene: Scene, versions: tuple[VersionState, ...]) -> tuple[ReleaseState, str]:
    """The most urgent of what is not settled; else the newest, if that one was given up."""
    last = versions[-1] if versions else None
    waiting = [one for one in versions if not one.settled]
    if waiting:
        first = min(waiting, key=lambda one: URGENCY.index(one.state))
        return first.state, first.next
    if scene.unseen:
        return "unknown", scene.command("release.reconcile")
    if last and last.state in {"abandoned", "closed"}:
        return last.state, last.next
    return "clean", ""


def _version(one: Sighting, verdict: _Verdict) -> VersionState:
    marks = {file.name: file.yanked for file in one.listed}
    announced = one.announced or {}
    names = sorted({*one.sealed, *one.served, *announced})
    known = "observed" if one.observed else ""
    return VersionState(
        version=one.version,
        state=verdict.state,
        settled=verdict.settled,
        next=verdict.next,
        ledger=one.journal.state if one.journal else known,
        commit=one.manifest.commit if one.manifest else None,
        tag_here=one.here,
        tag_there=one.there,
        files=tuple(
            FileHashes(
                name=name,
                ledger=one.sealed.get(name),
                index=one.served.get(name),
                forge=announced.get(name),
                yanked=marks.get(name, False),
            )
            for name in names
        ),
    )


def _judge(scene: Scene, one: Sighting) -> _Verdict:
    """The state of one version; first what must stop everybody, then what could not be seen."""
    again = _Verdict("unknown", scene.command("release.reconcile"))
    if one.manifest and _strange(one):
        return _bytes_differ(scene, one)
    if scene.unseen.keys() & {"index", "ledger"} or one.unreadable:
        return again
    if "remote" in scene.unseen:
        return again
    if one.manifest is None or one.journal is None:
        return _without_ledger(scene, one)
    if not one.shared:
        spec = f"{scene.ledger_root}/*:{scene.ledger_root}/*"
        return _Verdict("index-only", shlex.join(["git", "push", scene.remote or "", spec]))
    if one.journal.state == "open":
        return _open(scene, one)
    if one.journal.state != "confirmed":
        return _given_up(scene, one)
    return _confirmed(scene, one)


def _strange(one: Sighting) -> list[str]:
    """The files of the version that the index serves and nobody sealed so."""
    sealed = one.sealed
    return [name for name, digest in one.served.items() if sealed.get(name) != digest]


def _bytes_differ(scene: Scene, one: Sighting) -> _Verdict:
    if one.journal and one.journal.state == "open":
        why = "other bytes are under its name"
        return _Verdict("bytes-differ", scene.command("release.publish", "--abandon", why))
    if one.yank and one.yanked:
        return _Verdict("bytes-differ", settled=True)
    return _Verdict("bytes-differ", _yank(scene, one, "it holds bytes that we did not release"))


def _yank(scene: Scene, one: Sighting, reason: str) -> str:
    return scene.command("release.yank", one.version, "--reason", reason)


def _without_ledger(scene: Scene, one: Sighting) -> _Verdict:
    """What the index or a tag has, and no seal: noted by a person, or an alarm."""
    known = one.observed
    if known and known.files == one.served:
        return _Verdict("clean", settled=True)
    state: ReleaseState = "index-only" if one.listed else "tag-only"
    return _Verdict(state, scene.command("release.reconcile", "--rebuild"))


def _open(scene: Scene, one: Sighting) -> _Verdict:
    """How far a seal got that is to be carried on."""
    onward = scene.command("release.publish")
    if one.bytes_lost and one.sealed != one.served:
        why = "the sealed bytes are lost"
        return _Verdict("sealed", scene.command("release.publish", "--abandon", why))
    if one.sealed != one.served:
        claimed = one.done("upload")
        half: ReleaseState = "uploading" if one.listed else "sealed"
        return _Verdict("unconfirmed" if claimed else half, onward)
    proved = one.done("confirm") and one.done("prove")
    tagged = _standing(scene, one) == (one.manifest.commit if one.manifest else None)
    return _Verdict("untagged" if proved and not tagged else "unconfirmed", onward)


def _given_up(scene: Scene, one: Sighting) -> _Verdict:
    """A seal that ended without being confirmed: what of it is up has to be yanked."""
    partly = bool(one.listed) or (one.journal is not None and one.journal.state == "closed")
    if one.listed and not one.yanked:
        return _Verdict("closed", _yank(scene, one, "only a part of it was released"))
    state: ReleaseState = "closed" if partly else "abandoned"
    return _Verdict(state, scene.command("release.publish"), settled=True)


def _confirmed(scene: Scene, one: Sighting) -> _Verdict:
    """A finished release: still there, tagged, announced, and where people work."""
    missing = one.sealed.keys() - one.served.keys()
    if missing and not one.done(GONE):
        return _Verdict("unconfirmed", scene.command("release.reconcile", "--rebuild"))
    if one.manifest and _standing(scene, one) != one.manifest.commit:
        return _Verdict("untagged", _tagging(scene, one))
    if "forge" in scene.unseen and one.done("announce"):
        return _Verdict("unknown", scene.command("release.reconcile"))
    if one.announced and any(one.sealed.get(n, d) != d for n, d in one.announced.items() if d):
        return _Verdict("bytes-differ", shlex.join(["gh", "release", "view", one.tag]))
    if _to_announce(one):
        return _Verdict("unmerged", scene.command("release.auto"))
    if one.merged is False:
        return _Verdict("unmerged", shlex.join(["git", "merge", one.tag]))
    return _Verdict("clean", settled=True)


def _to_announce(one: Sighting) -> bool:
    """Whether the forge refused to be told, which the next run tries again."""
    return one.done("announce-failed") and not one.done("announce")


def _standing(scene: Scene, one: Sighting) -> str | None:
    """What the tag stands on, where it counts: at the remote, if there is one."""
    return one.there if scene.remote else one.here


def _tagging(scene: Scene, one: Sighting) -> str:
    """Set the tag to the commit that the ledger names; what it stood on is in the differences."""
    commit = one.manifest.commit if one.manifest else ""
    ref = f"refs/tags/{one.tag}"
    if scene.remote:
        force = [f"--force-with-lease={ref}:{one.there}"] if one.there else []
        return shlex.join(["git", "push", *force, scene.remote, f"{commit}:{ref}"])
    return shlex.join(["git", "update-ref", ref, commit])


def differences(scene: Scene, one: Sighting) -> Iterator[Difference]:
    """Everything about a version that two of the five do not agree on."""
    told: list[tuple[Part, str]] = []
    told += _of_ledger(one)
    if "index" not in scene.unseen:
        told += _of_index(one)
    told += _of_tag(scene, one)
    if "forge" not in scene.unseen:
        told += _of_forge(one)
    for part, what in told:
        yield Difference(version=one.version, part=part, what=what)


def _of_ledger(one: Sighting) -> Iterator[tuple[Part, str]]:
    if one.unreadable:
        yield "ledger", f"it cannot be read: {one.unreadable}"
    elif not one.shared:
        yield "remote", "it lacks the ledger's ref, which is here"
    if one.bytes_lost:
        yield "ledger", "the sealed bytes are lost"
    unknown = one.manifest is None and not one.unreadable
    if unknown and not (one.observed and one.observed.files == one.served):
        where = "the index has it" if one.listed else "a tag has it"
        yield "ledger", f"{where}, and no release of it is known: find out whose it is"


def _of_index(one: Sighting) -> Iterator[tuple[Part, str]]:
    if one.manifest is None:
        return
    ended = one.journal is not None and one.journal.state != "open"
    for name in _strange(one):
        ours = one.sealed.get(name)
        what = f"sha256 {one.served[name]}, sealed was {ours}" if ours else "it was never sealed"
        yield "index", f"{name}: {what}"
    for name in sorted(one.sealed.keys() - one.served.keys()):
        if not (ended and one.journal and one.journal.state != "confirmed") and not one.done(GONE):
            yield "index", f"{name} is not there"


def _of_tag(scene: Scene, one: Sighting) -> Iterator[tuple[Part, str]]:
    """The tag; where there is a remote, one that lacks here only was just not fetched."""
    if one.manifest is None or (one.journal and one.journal.state in {"abandoned", "closed"}):
        return
    commit = one.manifest.commit
    places: tuple[tuple[Part, str | None, bool], ...] = (
        ("git", one.here, scene.remote is None),
        ("remote", one.there, scene.remote is not None and "remote" not in scene.unseen),
    )
    for part, standing, counts in places:
        if standing not in {None, commit}:
            what = f"the tag {one.tag} stands on {standing}, the release commit is {commit}"
            yield part, what
        elif standing is None and counts:
            yield part, f"the tag {one.tag} is not there"


def _of_forge(one: Sighting) -> Iterator[tuple[Part, str]]:
    if _to_announce(one):
        yield "forge", "the release could not be announced yet"
    elif one.done("announce") and one.announced is None:
        yield "forge", f"the release of {one.tag} was announced and is not there"
    for name, digest in sorted((one.announced or {}).items()):
        ours = one.sealed.get(name)
        if ours and digest and ours != digest:
            yield "forge", f"{name}: sha256 {digest}, sealed was {ours}"
    if one.merged is False:
        yield "remote", f"its default branch lacks the release commit of {one.tag}"
