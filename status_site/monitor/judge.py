"""What is wrong with what a published site answered. Pure: answers in, troubles out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from statistics import median_low

import msgspec

from release.adapters.web import Answer, Silence
from release.errors import DocumentError
from release.model.base import D, Document, decode, sha256
from release.model.monitoring import Certificate, Latency, Trouble, TroubleKind
from release.model.text import plain
from release.watch.ring import SLACK
from release.watch.verdict import is_late
from status_site.figures import StatusMetrics
from status_site.findings import FindingStatus
from status_site.monitor.badge import dishonest, read_badge
from status_site.monitor.endpoints import LEADING, Endpoints
from status_site.monitoring import StatusMonitoring
from status_site.releases import ReleaseStatus
from status_site.schemas import BuildFiles
from status_site.status import SecurityStatus
from status_site.timeline import StatusHistory

KINDS: tuple[tuple[str, type[Document]], ...] = (
    (r"index\.json", SecurityStatus),
    (r"history\.json", StatusHistory),
    (r"monitoring\.json", StatusMonitoring),
    (r"metrics\.json", StatusMetrics),
    (r"build\.json", BuildFiles),
    (r"findings/.+\.json", FindingStatus),
    (r"releases/.+\.json", ReleaseStatus),
)
"""Which documents have a schema of ours; what others define is bound by its digest."""
BADGE = re.compile(r"badges/[a-z-]+\.json")
OK, TOO_MANY = 200, 429
SETTLES = timedelta(minutes=15)
"""How long caches may mix two builds: GitHub Pages keeps each file for ten minutes."""
SLOW = 2.0
"""Seconds; the promise is a tenth of it, and a line may be slow, too."""
LEAST_LIFE = timedelta(days=14)
"""A certificate with less than that left, and less than a sixth of its life, was not renewed."""

REMEDIES: Mapping[TroubleKind, str] = {
    "unreachable": "see whether the server and the line are up",
    "throttled": "wait: the server wants fewer questions",
    "certificate": "renew the server's certificate",
    "status": "publish the site again (status.publish)",
    "type": "let the server tell the media type by the file's suffix",
    "schema": "publish the site again; if it stays, report it",
    "build": "publish the site again, whole; if a cache holds old files, purge it",
    "bytes": "publish the site again; let nothing between rewrite its files",
    "settling": "wait a quarter of an hour: it was published just now",
    "badge": "publish the site again",
    "project": "name the address of this project's site",
    "stale": "see why scans or the job that publishes have stopped",
    "behind": "see why the job that publishes has stopped; then status.publish",
    "update-failed": "run status.build and mend what it names",
    "late": "see whether the schedule still runs: CI services switch it off in quiet repositories",
    "clock": "set this machine's clock",
    "slow": "see whether the server is overloaded; put a cache before it",
}


@dataclass(frozen=True)
class Expected:
    """What the site is held against.

    :param now: the present moment.
    :param every: how often scans are expected.
    :param project: whose site it has to be; ``None`` where that is not known.
    :param scanned: the last scan that the ledger knows of.
    :param own_clock: whether ``now`` is this machine's own time, and not one that was set.
    """

    now: datetime
    every: timedelta
    project: str | None = None
    scanned: datetime | None = None
    own_clock: bool = True


@dataclass(frozen=True)
class Seen:
    """All that one round was answered, path to answer."""

    answers: Mapping[str, Answer | Silence]
    endpoints: Endpoints
    certificate: tuple[datetime, datetime] | None = None

    @property
    def answered(self) -> bool:
        """Whether the server answered at all."""
        return any(isinstance(answer, Answer) for answer in self.answers.values())

    def document(self, path: str, kind: type[D]) -> D | None:
        """A document of the site; ``None`` where it is missing or cannot be read."""
        answer = self.answers.get(path)
        if not isinstance(answer, Answer) or answer.status != OK:
            return None
        try:
            return decode(kind, answer.content, origin=path)
        except DocumentError:
            return None

    @cached_property
    def status(self) -> SecurityStatus | None:
        """What the site says of the project."""
        return self.document("index.json", SecurityStatus)

    @cached_property
    def build(self) -> BuildFiles | None:
        """What the site says of itself."""
        return self.document("build.json", BuildFiles)

    @property
    def latency(self) -> Latency | None:
        """Of the files that were asked for one by one."""
        answers = (self.answers.get(path) for path in LEADING)
        times = [round(answer.seconds * 1000) for answer in answers if isinstance(answer, Answer)]
        return Latency(median_ms=median_low(times), worst_ms=max(times)) if times else None


def trouble(kind: TroubleKind, path: str, what: str) -> Trouble:
    """A trouble in plain text, with the remedy of its kind."""
    told = f"{path}: {what}" if path else what
    return Trouble(kind=kind, path=path, what=plain(told, 400), remedy=REMEDIES[kind])


def judge(seen: Seen, expected: Expected) -> tuple[Trouble, ...]:
    """Everything that is wrong, all at once."""
    files = [it for path, answer in seen.answers.items() for it in _file(path, answer, seen)]
    files += [trouble("schema", "build.json", f"it names {name!r}") for name in seen.endpoints.odd]
    clock = tuple(_clock(seen, expected))
    told = () if clock else _freshness(seen.status, expected)
    return (*_settled(files, seen), *clock, *told, *_certificate(seen, expected), *_slow(seen))


def _file(path: str, answer: Answer | Silence, seen: Seen) -> Iterator[Trouble]:
    if isinstance(answer, Silence):
        yield trouble("certificate" if answer.untrusted else "unreachable", path, answer.why)
    elif answer.status == TOO_MANY:
        yield trouble("throttled", path, "HTTP 429")
    elif answer.status != OK:
        yield trouble("status", path, f"HTTP {answer.status}")
    else:
        yield from _type(path, answer)
        yield from _content(path, answer.content, seen)


def _type(path: str, answer: Answer) -> Iterator[Trouble]:
    """A page for people in place of a file; and pictures that no README would show."""
    is_page = answer.kind == "text/html"
    wrong = is_page != path.endswith(".html") or (
        path.endswith(".svg") and answer.kind != "image/svg+xml"
    )
    if wrong:
        yield trouble("type", path, f"served as {answer.kind or 'nothing'}")


def _content(path: str, data: bytes, seen: Seen) -> Iterator[Trouble]:
    wrong = _unreadable(path, data)
    if wrong:
        yield trouble("badge" if BADGE.fullmatch(path) else "schema", path, wrong)
    build, status = seen.build, seen.status
    if build and path != "build.json":
        yield from _bound(path, data, build)
    if status and not wrong and BADGE.fullmatch(path):
        for lie in dishonest(read_badge(data), status):
            yield trouble("badge", path, lie)


def _unreadable(path: str, data: bytes) -> str:
    """Why a file is not of its form; empty if it is."""
    kind = next((kind for pattern, kind in KINDS if re.fullmatch(pattern, path)), None)
    try:
        if BADGE.fullmatch(path):
            read_badge(data)
        elif kind:
            decode(kind, data, origin=path)
        elif path.endswith(".json"):
            msgspec.json.decode(data)
    except DocumentError as error:
        return f"{error.what}: {error.why}"
    except msgspec.DecodeError as error:
        return f"no JSON: {error}"
    return ""


def _bound(path: str, data: bytes, build: BuildFiles) -> Iterator[Trouble]:
    """Whether a file is of the build, and the very one that was built."""
    if not BADGE.fullmatch(path) and build.build_id.encode() not in data:
        yield trouble("build", path, f"it is not of build {build.build_id[:16]}, as build.json is")
    elif path not in build.files:
        yield trouble("build", path, "build.json does not name it")
    elif sha256(data) != build.files[path]:
        yield trouble("bytes", path, "it is not the file that build.json names")


def _settled(troubles: Iterable[Trouble], seen: Seen) -> Iterator[Trouble]:
    """Right after it was published, files of two builds are no failure: caches are not one."""
    held = list(troubles)
    mixed = [it for it in held if it.kind in {"build", "bytes", "status", "badge"}]
    if mixed and _is_fresh(seen, (it.path for it in mixed)):
        yield from (it for it in held if it not in mixed)
        yield trouble("settling", "", f"{len(mixed)} file(s) are still of another build")
    else:
        yield from held


def _is_fresh(seen: Seen, paths: Iterable[str]) -> bool:
    """Whether any of some files, or ``build.json``, was written just now, by the server's clock."""
    answers = [seen.answers[path] for path in {*paths, "build.json"} if path in seen.answers]
    return any(isinstance(answer, Answer) and _age(answer) < SETTLES for answer in answers)


def _age(answer: Answer) -> timedelta:
    """How old a file is by the server's own word; one that tells nothing counts as old."""
    written, now = (_moment(answer.headers.get(name)) for name in ("last-modified", "date"))
    return now - written if written and now else timedelta.max


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _clock(seen: Seen, expected: Expected) -> Iterator[Trouble]:
    """Where our clock and the server's differ, freshness cannot be told."""
    told = next(
        (
            moment
            for answer in seen.answers.values()
            if isinstance(answer, Answer) and (moment := _moment(answer.headers.get("date")))
        ),
        None,
    )
    if expected.own_clock and told and abs(told - expected.now) > SLACK:
        yield trouble("clock", "", f"it is {expected.now:%c} here and {told:%c} there (UTC)")


def _freshness(status: SecurityStatus | None, expected: Expected) -> Iterator[Trouble]:
    """Whether what the site says still holds, and whether somebody still looks."""
    if status is None:
        if expected.scanned and is_late(expected.scanned, expected.every, expected.now):
            yield _late(expected.scanned)
        return
    if expected.project and status.project != expected.project:
        yield trouble("project", "", f"it is the site of {status.project}, not {expected.project}")
        return
    if status.failed_update:
        why = status.failed_update.why
        yield trouble("update-failed", "", f"its last update failed: {why}")
    yield from _age_of_scan(status, expected)


def _age_of_scan(status: SecurityStatus, expected: Expected) -> Iterator[Trouble]:
    scanned, now = status.scan_date, expected.now
    last = max(filter(None, (scanned, expected.scanned)), default=None)
    if scanned is None or status.valid_until is None:
        yield trouble("stale", "", "it tells of no scan")
    elif scanned > now + SLACK:
        yield trouble("stale", "", f"its scan lies in the future ({scanned:%Y-%m-%d %H:%M} UTC)")
    elif now > status.valid_until:
        yield trouble("stale", "", f"it held until {status.valid_until:%Y-%m-%d %H:%M} UTC")
    if last and is_late(last, expected.every, now):
        yield _late(last)
    elif scanned and last and is_late(scanned, expected.every, now):
        yield trouble("behind", "", f"the scan of {last:%Y-%m-%d %H:%M} UTC is not on it")


def _late(last: datetime) -> Trouble:
    return trouble("late", "", f"the last scan was at {last:%Y-%m-%d %H:%M} UTC")


def _certificate(seen: Seen, expected: Expected) -> Iterator[Trouble]:
    if seen.certificate is None:
        return
    since, until = seen.certificate
    left = until - expected.now
    if left < min(LEAST_LIFE, (until - since) / 6):
        yield trouble("certificate", "", f"the certificate ends on {until:%Y-%m-%d %H:%M} UTC")


def certificate_of(seen: Seen, now: datetime) -> Certificate | None:
    """Until when the server's certificate holds."""
    if seen.certificate is None:
        return None
    until = seen.certificate[1]
    return Certificate(expires=until, days_left=(until - now) // timedelta(days=1))


def _slow(seen: Seen) -> Iterator[Trouble]:
    latency = seen.latency
    if latency and latency.median_ms > SLOW * 1000:
        yield trouble("slow", "", f"half of the answers took {latency.median_ms} ms or more")
