"""The plan of a release: pure, from what was gathered to everything that will be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from release.model.decision import Decision
from release.model.listing import IndexFile, versions
from release.model.plan import FileEdit, Plan, Problem, Step, StepKind, StepName
from release.ship.preflight import Preflight, preflight
from release.ship.version import line_of, own_version

SHALLOW = Problem(
    check="whole-history",
    what="the clone is shallow: tags and history, which number a release, may be missing",
    next="run 'git fetch --unshallow --tags'; for actions/checkout, set fetch-depth: 0",
)
STEPS: tuple[tuple[StepName, StepKind, str], ...] = (
    ("commit", "reversible", "the release commit exists, on no branch"),
    ("gates", "verify-only", "every gate is green on the release commit"),
    ("build", "reversible", "sdist and wheel were built from a fresh clone of it"),
    ("verify", "verify-only", "both archives are what the plan says, and install"),
    ("seal", "irreversible", "the bytes of this version are fixed in the ledger"),
    ("upload", "irreversible", "the index holds every sealed file"),
    ("confirm", "verify-only", "the index serves every file with the sealed hash"),
    ("prove", "verify-only", "our file installs from the index and imports"),
    ("tag", "reversible", "the tag stands on the release commit"),
    ("announce", "reversible", "the forge shows the release with every sealed file"),
    ("status", "reversible", "the documents for the status site are laid out"),
)  # fmt: skip
"""Every step with its kind and postcondition (law 4), in order."""


@dataclass(frozen=True)
class World:
    """What a plan is made from.

    ``taken`` are the versions that the tags and the ledger hold; ``dirty`` the files that differ
    from HEAD; ``missing_gates`` the configured gates that the noxfile lacks;
    ``shallow`` that history is cut off; ``announces`` that a forge is told of the release.
    ``current`` is HEAD's own version; of the tags, ``here``
    are those of releases from HEAD's history, ``elsewhere`` those from other lines.
    ``credential`` is what is wrong with the right to upload, ``attests`` whether attestations may
    go along with it, and ``less_provenance`` why they may be missing; ``misfits`` what is wrong
    with archives that were built elsewhere; ``preflight`` what else could be seen.
    """

    project: str
    repository: str
    commit: str
    tag_prefix: str
    listed: tuple[IndexFile, ...]
    tags: tuple[str, ...]
    sealed: tuple[str, ...]
    dirty: tuple[str, ...]
    gates: tuple[str, ...]
    gates_note: str
    missing_gates: tuple[str, ...]
    current: str
    here: tuple[str, ...]
    elsewhere: tuple[str, ...]
    shallow: bool = False
    credential: str = ""
    attests: bool = False
    less_provenance: str = ""
    misfits: tuple[str, ...] = ()
    announces: bool = False
    preflight: Preflight | None = None

    @property
    def taken(self) -> set[Version]:
        """Every version that was ever published, tagged or sealed."""
        named = [*self.sealed, *(tag.removeprefix(self.tag_prefix) for tag in self.tags)]
        return {*versions(self.listed), *parsed(named)}

    @property
    def line(self) -> set[Version]:
        """Those of them that bound the next version of HEAD's release line from below.

        :raises ProjectError: ``current`` is no version.
        """
        here, elsewhere = (self._tagged(names) for names in (self.here, self.elsewhere))
        return line_of(own_version(self.current), self.taken, here, elsewhere)

    def _tagged(self, tags: Iterable[str]) -> set[Version]:
        return parsed(tag.removeprefix(self.tag_prefix) for tag in tags)


def parsed(names: Iterable[str]) -> set[Version]:
    """The versions among some names; a tag such as ``v2-docs`` is none (pylcm#410)."""
    found = set()
    for name in names:
        try:
            found.add(Version(name))
        except InvalidVersion:
            continue
    return found


def make_plan(
    world: World, decision: Decision, version: Version, notes: str, edits: tuple[FileEdit, ...]
) -> Plan:
    """Put the plan together, with every problem that can be seen beforehand."""
    return Plan(
        decision=decision,
        project=world.project,
        repository=world.repository,
        version=str(version),
        tag=f"{world.tag_prefix}{version}",
        commit=world.commit,
        notes=notes,
        steps=tuple(
            Step(name=name, kind=kind, postcondition=text)
            for name, kind, text in STEPS
            if name != "announce" or world.announces
        ),
        problems=(*problems(world, version), *automatic_final(decision, world.current)),
        edits=edits,
        gates=world.gates,
        gates_note=world.gates_note,
        less_provenance=world.less_provenance,
    )


def problems(world: World, version: Version) -> Iterable[Problem]:
    """Everything that would make the release fail, all at once."""
    if world.shallow:
        yield SHALLOW
    if world.dirty:
        yield Problem(
            check="clean-tree",
            what="files differ from HEAD: " + _few(world.dirty),
            next="commit or remove them; a release is made of a commit",
        )
    if version in world.taken:
        yield Problem(
            check="version-free",
            what=f"{version} was already published, tagged or sealed",
            next="choose a higher one with --bump",
        )
    elif version < max(world.line, default=version):
        yield Problem(
            check="version-monotonic",
            what=f"{version} is below {max(world.line)}, which this release line has",
            next="choose a higher one with --bump",
        )
    yield from preflight(world.preflight) if world.preflight else ()
    yield from _upload_problems(world)
    if world.missing_gates:
        yield Problem(
            check="gates-exist",
            what=f"the noxfile has no session {', '.join(world.missing_gates)}",
            next="add it, or correct gates in [tool.release-warden]",
        )
    yield from _unfit(version)


def _unfit(version: Version) -> Iterable[Problem]:
    """What PEP 440 has versions for that are no release."""
    kinds = {
        "public-version": ("a local version, which indexes refuse", bool(version.local)),
        "no-development-version": ("a development version", version.is_devrelease),
        "no-post-version": ("a post-release, which may change no code", version.is_postrelease),
    }
    for check, (what, so) in kinds.items():
        if so:
            yield Problem(
                check=check,
                what=f"{version} is {what} (PEP 440)",
                next="choose a release or a pre-release with --bump",
            )


def automatic_final(decision: Decision, current: str) -> Iterable[Problem]:
    """A pre-release becomes final by a person's word only.

    :param current: HEAD's version.
    """
    if decision.trigger == "security-auto" and Version(current).pre:
        yield Problem(
            check="final-by-hand",
            what=f"HEAD is at the pre-release {current}: an automatic release would make it final",
            next="run release.publish with the --bump that you mean",
        )


def _upload_problems(world: World) -> Iterable[Problem]:
    """What would make the index, or its users, refuse the files."""
    if world.credential:
        yield Problem(
            check="credential",
            what=world.credential,
            next="set TWINE_USERNAME and TWINE_PASSWORD, or use .pypirc or the keyring",
        )
    if not (world.attests or world.less_provenance) and (before := attested(world.listed)):
        yield Problem(
            check="provenance",
            what=f"{before} was published with attestations, and this release would have none",
            next="release by trusted publishing; or say why not, with --less-provenance",
        )
    for misfit in world.misfits:
        next_step = "give --artifacts the archives of this release only"
        yield Problem(check="artifacts", what=misfit, next=next_step)


def attested(listed: Iterable[IndexFile]) -> Version | None:
    """The latest release, if any file of it came with attestations (PEP 740)."""
    files = [file for file in listed if file.version and not file.yanked]
    latest = max((file.version for file in files if file.version), default=None)
    return latest if any(f.provenance for f in files if f.version == latest) else None


def _few(names: tuple[str, ...], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
