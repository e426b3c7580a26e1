"""Whose a project's name on an index is, by evidence. Pure.

The index does not tell strangers who owns a project. What it shows decides in this order: bytes
that this project's ledger sealed, or a publisher that the index itself has verified (PEP 740), are
proof; the repository that the uploader names is a sign; tags and authors are hints, and decide
nothing. Where the evidence is at odds with itself, or there is none, nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from email.utils import getaddresses
from urllib.parse import urlsplit

from release.model.diagnosis import Evidence, Ownership, Verdict
from release.model.listing import IndexFile, versions

FORGES = frozenset({"github.com", "gitlab.com", "codeberg.org", "bitbucket.org"})
"""Hosts whose addresses begin with owner and name of a repository."""
SOURCE = frozenset({"source", "repository", "sourcecode", "github"})
HOMEPAGE = frozenset({"homepage"})
"""Labels of project URLs, as PEP 753 normalises them."""
SCP = re.compile(r"(?:[^@/]+@)?(?P<host>[^:/@]+):(?P<path>[^/].*)")
"""Git's short form of an ssh address: ``git@host:owner/name.git``."""


@dataclass(frozen=True)
class Attester:
    """Who published a file, by its provenance: a repository and what it ran (PEP 740)."""

    repository: str
    workflow: str = ""
    environment: str | None = None


@dataclass(frozen=True)
class Clues:
    """What was seen of a name.

    :param listed: its files on the index; ``None`` where the index does not know the name.
    :param metadata: core metadata of its newest file, as text.
    :param attester: who published the newest file, where it has provenance.
    :param sealed: this ledger's archives, name to sha256.
    :param tagged: the versions that have a tag here.
    :param home: where this project's repository is, as ``github.com/owner/name``.
    :param emails: of this project's authors.
    """

    listed: tuple[IndexFile, ...] | None
    metadata: str = ""
    attester: Attester | None = None
    sealed: Mapping[str, str] = field(default_factory=dict)
    tagged: frozenset[str] = frozenset()
    home: str = ""
    emails: frozenset[str] = frozenset()


def judge(clues: Clues) -> Ownership:
    """Whose the name is."""
    if clues.listed is None:
        return Ownership(verdict="free")
    evidence = tuple(_evidence(clues))
    newest = str(versions(clues.listed)[-1]) if versions(clues.listed) else None
    for weight in ("proof", "sign"):
        told = {one.speaks for one in evidence if one.weight == weight}
        if told:
            verdict: Verdict = "unknown" if len(told) > 1 else _VERDICTS[told.pop()]
            proved = weight == "proof" and verdict != "unknown"
            return Ownership(verdict=verdict, proved=proved, newest=newest, evidence=evidence)
    return Ownership(verdict="unknown", newest=newest, evidence=evidence)


_VERDICTS: dict[str, Verdict] = {"for": "ours", "against": "anothers"}


def home_of(url: str) -> str:
    """Host, owner and name of a repository's address; empty where it is none.

    :param url: as git or a browser takes it: ``https://github.com/owner/name/issues``,
        ``git@github.com:owner/name.git``, ``ssh://git@host:22/owner/name``.
    """
    short = SCP.fullmatch(url) if "://" not in url else None
    host, path = (short["host"], short["path"]) if short else _parts(url)
    words = [word for word in path.split("/") if word]
    if not host or len(words) < 2:
        return ""
    return f"{host}/{words[0]}/{words[1].removesuffix('.git')}".lower()


def emails_of(fields: str) -> frozenset[str]:
    """The addresses in an ``Author-email`` field, in small letters."""
    return frozenset(address.lower() for _, address in getaddresses([fields]) if "@" in address)


def declared_homes(metadata: str, home: str) -> frozenset[str]:
    """The repositories that core metadata name as the project's own.

    Those that are labelled as the source count, else the home page.

    :param home: ours: its host is a forge too.
    """
    headers = HeaderParser().parsestr(metadata)
    found: dict[str, list[str]] = {"Home-page": [headers.get("Home-page") or ""]}
    for line in headers.get_all("Project-URL") or ():
        label, _, url = line.partition(",")
        found.setdefault(_normal(label), []).append(url.strip())
    forges = FORGES | {home.partition("/")[0]}
    for labels in (SOURCE, HOMEPAGE | {"Home-page"}):
        homes = {home_of(url) for label in labels for url in found.get(label, ())}
        if known := {one for one in homes if one and one.partition("/")[0] in forges}:
            return frozenset(known)
    return frozenset()


def _parts(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as brackets around what is no address
        return "", ""
    return parts.hostname or "", parts.path


def _normal(label: str) -> str:
    """A label without punctuation and spaces, in small letters (PEP 753)."""
    return re.sub(r"[\W_]+", "", label).lower()


def _evidence(clues: Clues) -> Iterator[Evidence]:
    yield from _by_ledger(clues)
    yield from _by_provenance(clues)
    yield from _by_address(clues)
    yield from _by_tags(clues)
    yield from _by_author(clues)


def _by_ledger(clues: Clues) -> Iterator[Evidence]:
    known = [one for one in clues.listed or () if one.sha256 and one.name in clues.sealed]
    same = [one.name for one in known if clues.sealed[one.name] == one.sha256]
    other = [one.name for one in known if clues.sealed[one.name] != one.sha256]
    if same:
        what = f"{len(same)} file(s) there are the very bytes that this ledger sealed"
        yield Evidence(kind="ledger", weight="proof", speaks="for", what=what)
    if other:
        what = f"{', '.join(sorted(other))} there is not what this ledger sealed under that name"
        yield Evidence(kind="ledger", weight="proof", speaks="against", what=what)


def _by_provenance(clues: Clues) -> Iterator[Evidence]:
    if clues.attester is None or not clues.home:
        return
    host, _, ours = clues.home.partition("/")
    if host != "github.com":
        return
    theirs = clues.attester.repository
    yield Evidence(
        kind="provenance",
        weight="proof",
        speaks="for" if theirs.lower() == ours else "against",
        what=f"the index has verified that the newest file was published by {theirs} on GitHub",
    )


def _by_address(clues: Clues) -> Iterator[Evidence]:
    homes = declared_homes(clues.metadata, clues.home)
    if not homes or not clues.home:
        return
    named = ", ".join(sorted(homes))
    fits = clues.home in homes
    what = f"its uploader names {named} as its repository"
    what += ", which is this one" if fits else f"; this one is {clues.home}"
    yield Evidence(kind="address", weight="sign", speaks="for" if fits else "against", what=what)


def _by_tags(clues: Clues) -> Iterator[Evidence]:
    listed = {str(version) for version in versions(clues.listed or ())}
    both = listed & clues.tagged
    if both:
        what = f"{len(both)} of its {len(listed)} versions have a tag here"
        yield Evidence(kind="tags", weight="hint", speaks="for", what=what)


def _by_author(clues: Clues) -> Iterator[Evidence]:
    headers = HeaderParser().parsestr(clues.metadata)
    fields = (headers.get(name) or "" for name in ("Author-email", "Maintainer-email"))
    if shared := clues.emails & emails_of(", ".join(fields)):
        what = f"its author writes from {', '.join(sorted(shared))}, as this project's does"
        yield Evidence(kind="author", weight="hint", speaks="for", what=what)
