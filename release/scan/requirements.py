"""Our own requirements: read, lifted, and given a higher floor."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.model.snapshot import Edit, Gap

CAPS = frozenset({"<", "<=", "==", "===", "~="})
"""The operators that keep all newer releases out (PEP 440)."""
BARS = CAPS | {"!="}
"""Those, and the one that keeps single releases out: any may stand before a fix."""
PINS = frozenset({"==", "===", "~="})
"""Those of them that also name a version to start from."""


def readable(lines: Iterable[str]) -> tuple[tuple[str, ...], tuple[Gap, ...]]:
    """Part the ``Requires-Dist`` lines that an index can answer from those set aside by name.

    Legacy lines such as ``pytz (>dev)`` do not parse (PEP 508); a direct URL leads past the index.
    """
    kept: list[str] = []
    aside: list[Gap] = []
    for line in lines:
        reason = _unreadable(line)
        if reason:
            aside.append(Gap(name=line, reason=reason))
        else:
            kept.append(line)
    return tuple(kept), tuple(aside)


def _unreadable(line: str) -> str | None:
    try:
        url = Requirement(line).url
    except InvalidRequirement as error:
        return f"no valid requirement: {str(error).splitlines()[0]}"
    return "a direct URL, which no index answers for" if url else None


def package_of(line: str) -> str:
    """The normalized name (PEP 503) of the package that a requirement asks for."""
    return canonicalize_name(Requirement(line).name)


def is_barred(line: str) -> bool:
    """Whether a requirement keeps releases out that a newer resolution might take."""
    return any(specifier.operator in BARS for specifier in Requirement(line).specifier)


def admits_version(line: str, version: str) -> bool:
    """Whether a requirement's bounds admit a version, a pre-release too."""
    return Requirement(line).specifier.contains(version, prereleases=True)


def changes(edit: Edit) -> bool:
    """Whether an edit asks for something else than before, not only in other words."""
    return Requirement(edit.requirement) != Requirement(edit.becomes)


def loosen(line: str) -> str:
    """Drop every bound of a requirement, keep its extras and marker."""
    requirement = Requirement(line)
    requirement.specifier = SpecifierSet()
    return str(requirement)


def lift(line: str) -> str:
    """Drop the upper bounds and pins of a requirement, keep its floor, extras and marker.

    ``<2,>=1`` becomes ``>=1``; ``==1.2`` becomes ``>=1.2``; ``~=1.4`` ``>=1.4``; ``==1.*`` ``>=1``.
    Excluded releases stay so, unless they are all that is kept out: ``>=1,!=2`` becomes ``>=1``.
    """
    requirement = Requirement(line)
    capped = any(specifier.operator in CAPS for specifier in requirement.specifier)
    dropped = (CAPS if capped else BARS) | {">="}
    kept = [s for s in requirement.specifier if s.operator not in dropped]
    floors = [floor for s in requirement.specifier if (floor := _floor(s))]
    requirement.specifier = _with_floor(kept, max(floors, default=None))
    return str(requirement)


def raise_floor(line: str, floor: Version) -> str:
    """Ask for at least ``floor``; a lower floor that stood there gives way."""
    requirement = Requirement(line)
    kept = [s for s in requirement.specifier if s.operator not in {">", ">="}]
    requirement.specifier = _with_floor(kept, floor)
    return str(requirement)


def _floor(specifier: Specifier) -> Version | None:
    if specifier.operator not in PINS | {">="}:
        return None
    try:
        return Version(Version(specifier.version.removesuffix(".*")).public)
    except InvalidVersion:  # ``===`` compares any text
        return None


def _with_floor(kept: Iterable[Specifier], floor: Version | None) -> SpecifierSet:
    words = [str(specifier) for specifier in kept]
    return SpecifierSet(",".join(words + ([f">={floor}"] if floor else [])))


def apply(requires: Iterable[str], edits: Iterable[Edit]) -> tuple[str, ...]:
    """The requirements as they stand after the edits."""
    becomes = {edit.requirement: edit.becomes for edit in edits}
    return tuple(becomes.get(line, line) for line in requires)


def unite(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Several findings' edits as one, each requirement once: the highest floor asked for wins."""
    united: dict[str, Edit] = {}
    for edit in edits:
        other = united.get(edit.requirement)
        if other is None or _asked(edit) > _asked(other):
            united[edit.requirement] = edit
    return tuple(united[line] for line in sorted(united))


def _asked(edit: Edit) -> Version:
    floors = [floor for s in Requirement(edit.becomes).specifier if (floor := _floor(s))]
    return max(floors, default=Version("0.dev0"))
