"""``release.reconcile``: look at git, remote, index, forge and ledger, and say what is next.

With ``--rebuild`` what index and tags show is written into the ledger: releases that it lost, and
what was there before it or beside it, as noted by the person who asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from release.adapters.index import SimpleIndex
from release.adapters.ledger import Ledger, documents
from release.adapters.repository import REHEARSALS, Repository
from release.errors import (
    DocumentError,
    ForgeError,
    TryAgainError,
    UnknownError,
    UnreachableError,
)
from release.flows.announce import forge_of
from release.flows.carry import PEELED
from release.flows.context import Context
from release.flows.restore import restore
from release.flows.seals import Seal, note, read_seal
from release.flows.yank import asked_for
from release.model.base import sha256
from release.model.listing import IndexFile
from release.model.reconciliation import (
    Observations,
    Observed,
    Part,
    Reconciliation,
    VersionState,
)
from release.model.seal import Entry
from release.ship.reconcile import GONE, Scene, Sighting
from release.ship.reconcile import reconcile as judge

OBSERVED = "observed"
"""The ref below a repository's that holds what a person has taken note of."""


@dataclass(frozen=True)
class _Tags:
    """Tags of releases, by version: their name, and what they stand on here and at the remote."""

    names: dict[Version, str] = field(default_factory=dict)
    here: dict[Version, str] = field(default_factory=dict)
    there: dict[Version, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Look:
    """One look at the five; what did not answer is in ``unseen``."""

    context: Context
    repository: Repository
    ledger: Ledger
    unseen: dict[Part, str]

    def scene(self) -> Scene:
        """Everything that any of the five knows, by version."""
        context, remote = self.context, self.context.remote
        tips = self._tips()
        tags, listed = self._tags(tips), self._listed()
        sealed = {Version(name): name for name in self.ledger.versions(self.repository.name)}
        elsewhere = self._released_elsewhere()
        known = {one.version: one for one in observations(self.ledger, self.repository.name)}
        found = {*sealed, *listed, *(v for v in tags.names if v not in elsewhere)}
        sightings = tuple(
            self._sighting(version, sealed.get(version), listed.get(version, ()), tags, tips, known)
            for version in sorted(found)
        )
        return Scene(
            project=context.metadata.normalized_name,
            repository=self.repository.name,
            as_of=context.clock.now(),
            remote=remote.name if remote else None,
            to=context.to,
            ledger_root=self.ledger.root,
            unseen=self.unseen,
            sightings=self._merged(sightings),
        )

    def _tips(self) -> dict[str, str]:
        """The remote's refs of the ledger and of release tags."""
        remote = self.context.remote
        if remote is None or "remote" in self.unseen:
            return {}
        try:
            tags = f"refs/tags/{self.context.tag_prefix}*"
            return remote.tips(f"{self.ledger.root}/*", tags)
        except TryAgainError as error:
            self.unseen["remote"] = error.what
            return {}

    def _tags(self, tips: Mapping[str, str]) -> _Tags:
        prefix, found = self.context.tag_prefix, _Tags()
        for origin in self.context.workspace.git.tag_origins(prefix):
            _put(found, found.here, prefix, origin.tag, origin.commit)
        for ref, commit in sorted(tips.items()):  # the peeled line comes after its tag's
            if ref.startswith("refs/tags/"):
                tag = ref.removeprefix("refs/tags/").removesuffix(PEELED)
                _put(found, found.there, prefix, tag, commit)
        return found

    def _listed(self) -> dict[Version, tuple[IndexFile, ...]]:
        """The index's files by version, each with its sha256."""
        index = SimpleIndex(self.repository.simple_url, fresh=True)
        found: dict[Version, tuple[IndexFile, ...]] = {}
        try:
            for file in index.files(self.context.metadata.normalized_name):
                if file.version:
                    data = None if file.sha256 else index.download(file)
                    told = file if data is None else replace(file, sha256=sha256(data))
                    found[file.version] = (*found.get(file.version, ()), told)
        except UnreachableError as error:
            self.unseen["index"] = error.what
        return found

    def _released_elsewhere(self) -> set[Version]:
        """Versions that another real repository's releases have the tags of."""
        names = (
            ref.removeprefix(f"{self.ledger.root}/").split("/")
            for ref in self.ledger.git.refs(f"{self.ledger.root}/")
        )
        ours = {self.repository.name, *REHEARSALS}
        return {Version(n[2]) for n in names if n[1:2] == ["releases"] and n[0] not in ours}

    def _sighting(
        self,
        version: Version,
        sealed: str | None,
        listed: tuple[IndexFile, ...],
        tags: _Tags,
        tips: Mapping[str, str],
        known: Mapping[str, Observed],
    ) -> Sighting:
        name = sealed or str(version)
        seal, unreadable = self._seal(sealed)
        manifest = seal.manifest if seal else None
        ref = self.ledger.ref(self.repository.name, "releases", name)
        shared = self.context.remote is None or "remote" in self.unseen or ref in tips
        tag = manifest.tag if manifest else tags.names.get(version, "")
        git = self.ledger.git
        lost = seal is not None and seal.is_open and not git.resolve(f"{seal.manifest.stored}^{{}}")
        return Sighting(
            version=name,
            tag=tag or f"{self.context.tag_prefix}{name}",
            manifest=manifest,
            journal=seal.journal if seal else None,
            unreadable=unreadable,
            shared=shared or seal is None,
            observed=known.get(name),
            yank=asked_for(self.ledger, self.repository.name, name) is not None,
            listed=listed,
            here=tags.here.get(version),
            there=tags.there.get(version),
            announced=self._announced(seal),
            bytes_lost=lost,
        )

    def _seal(self, name: str | None) -> tuple[Seal | None, str]:
        """The seal of a version, or why it cannot be read."""
        try:
            seal = read_seal(self.ledger, self.repository.name, name) if name else None
        except DocumentError as error:
            return None, f"{error.what}: {error.why}"
        return seal, ""

    def _announced(self, seal: Seal | None) -> dict[str, str] | None:
        """The forge's files of a release that was announced there."""
        if seal is None or not seal.done("announce") or "forge" in self.unseen:
            return None
        try:
            forge = forge_of(self.context)
            return forge.files_of(seal.manifest.tag) if forge else None
        except (ForgeError, TryAgainError) as error:
            self.unseen["forge"] = error.what
            return None

    def _merged(self, sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
        """Whether the last release's commit is on the branch that it was to be brought to."""
        remote, config = self.context.remote, self.context.workspace.config
        done = [one for one in sightings if one.journal and one.journal.state == "confirmed"]
        if remote is None or config.commit == "none" or not done or "remote" in self.unseen:
            return sightings
        branch, last = remote.default_tip(), done[-1]
        if branch is None or last.manifest is None:
            return sightings
        merged = remote.holds(branch, last.manifest.commit)
        return tuple(_with_merged(one, merged) if one is last else one for one in sightings)


def _put(found: _Tags, place: dict[Version, str], prefix: str, tag: str, commit: str) -> None:
    """Note a tag that tells a version; others, such as ``v2-docs``, are none of ours."""
    try:
        version = Version(tag.removeprefix(prefix))
    except InvalidVersion:
        return
    if version in place and tag != f"{prefix}{version}" and found.names.get(version) != tag:
        return
    found.names[version] = tag
    place[version] = commit


def _with_merged(one: Sighting, merged: bool) -> Sighting:
    return Sighting(**{**vars(one), "merged": merged})


def reconcile(context: Context, repository: Repository, *, rebuild: bool = False) -> Reconciliation:
    """Look at the five, and judge.

    :param rebuild: before that, write into the ledger what index and tags have and it lacks.
    :raises UnknownError: with ``rebuild``, where one of the five did not answer.
    """
    unseen: dict[Part, str] = {}
    look = _Look(context, repository, _ledger(context, unseen), unseen)
    scene = look.scene()
    found = judge(scene)
    if not rebuild:
        return found
    _require_seen(found)
    for one in found.versions:
        _take(context, repository, scene, one)
    return judge(look.scene())


def _ledger(context: Context, unseen: dict[Part, str]) -> Ledger:
    """The shared ledger; where its remote is silent, what this clone has of it."""
    try:
        return context.ledger
    except TryAgainError as error:
        unseen["remote"] = error.what
        return Ledger(context.workspace.git, context.metadata.normalized_name)


def _require_seen(found: Reconciliation) -> None:
    """A ledger rebuilt from half of the truth would be a false one.

    :raises UnknownError: something did not answer.
    """
    if found.unseen:
        raise UnknownError(
            "the ledger is not rebuilt: not everything could be seen",
            why="; ".join(f"{one.part}: {one.why}" for one in found.unseen),
            remedy="run it again when that answers; nothing was changed",
        )


def observations(ledger: Ledger, repository: str) -> tuple[Observed, ...]:
    """What a person has taken note of."""
    tip = ledger.tip(repository, OBSERVED)
    kept = ledger.read(Observations, tip, "observations.json")
    return kept.observed if kept else ()


def _take(context: Context, repository: Repository, scene: Scene, one: VersionState) -> None:
    """Write into the ledger what index and tags show of one version."""
    sighting = next(it for it in scene.sightings if it.version == one.version)
    if one.state == "unconfirmed" and one.ledger == "confirmed":
        _note_gone(context, repository, one)
    if sighting.manifest is None and one.state in {"index-only", "tag-only"}:
        commit = sighting.there if scene.remote else sighting.here
        listed = commit if one.state == "index-only" else None
        if listed and _restored(context, repository, sighting, listed):
            return
        _observe(context, repository, sighting)


def _restored(context: Context, repository: Repository, sighting: Sighting, commit: str) -> bool:
    """Make the release's entry again, where its tag and its archives tell enough for one."""
    remote, git = context.remote, context.workspace.git
    if remote and git.resolve(f"{commit}^{{commit}}") is None:
        remote.fetch([f"refs/tags/{sighting.tag}"])
    if git.resolve(f"{commit}^{{commit}}") is None:
        return False
    version, listed = sighting.version, sighting.listed
    seal = restore(context, repository, version, sighting.tag, commit, listed)
    context.tell(f"{sighting.version} is in the ledger again, as {seal.manifest.seal}")
    return True


def _observe(context: Context, repository: Repository, sighting: Sighting) -> None:
    ledger, name = context.ledger, repository.name
    new = Observed(
        version=sighting.version,
        tag=sighting.there or sighting.here,
        files=sighting.served,
        at=context.clock.now(),
    )
    kept = [one for one in observations(ledger, name) if one.version != sighting.version]
    ledger.write(
        ledger.ref(name, OBSERVED),
        documents(observations=Observations(observed=tuple(_in_order([*kept, new])))),
        old=ledger.tip(name, OBSERVED),
        message=f"noted: {sighting.version} is there and was not released by this ledger",
        at=new.at,
    )
    context.tell(f"{sighting.version} is noted as not ours")


def _in_order(observed: list[Observed]) -> Iterator[Observed]:
    yield from sorted(observed, key=lambda one: Version(one.version))


def _note_gone(context: Context, repository: Repository, one: VersionState) -> None:
    """A confirmed release that the index does not serve any more, all or in part."""
    seal = read_seal(context.ledger, repository.name, one.version)
    missing = [file.name for file in one.files if file.ledger and file.index is None]
    if seal:
        line = Entry(
            step=GONE,
            at=context.clock.now(),
            seconds=0.0,
            detail=f"taken off: {', '.join(missing)}",
        )
        note(context.ledger, seal, line, receipt=seal.receipt)
