"""What became of each finding, and how quickly they are remedied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from release.model.finding import SLA, Severity
from release.model.history import Response, Scanned, Span, Story, StoryState
from release.model.record import Cause, Record, Tracked

REMEDIES: frozenset[Cause] = frozenset({"upgraded", "package-gone", "out-of-scope"})
"""The causes that are a remedy of ours, rather than a word on the advisory or an acceptance."""

DAY = timedelta(days=1)


def stories(record: Record | None, scans: Iterable[Scanned], now: datetime) -> tuple[Story, ...]:
    """The story of every finding of the record, worst severity and oldest first.

    :param scans: the entries of history, newest first.
    """
    if record is None:
        return ()
    spans = _spans(scans)
    told = [_story(item, spans.get(item.finding.key, []), now) for item in record.tracked]
    return tuple(sorted(told, key=lambda story: (list(SLA).index(story.severity), story.key)))


def _spans(scans: Iterable[Scanned]) -> dict[str, list[Span]]:
    """By key, the times in which each finding was open, oldest first."""
    spans: dict[str, list[Span]] = {}
    for scan in reversed(list(scans)):
        for change in scan.changes:
            held = spans.setdefault(change.key, [])
            is_open = bool(held) and held[-1].closed is None
            if change.kind in {"new", "returned"} and not is_open:
                held.append(Span(opened=scan.at))
            elif change.kind == "resolved" and is_open:
                held[-1] = Span(
                    opened=held[-1].opened,
                    closed=scan.at,
                    cause=change.cause,
                    evidence=change.evidence,
                )
    return spans


def _story(item: Tracked, told: Sequence[Span], now: datetime) -> Story:
    finding = item.finding
    spans = _completed(item, told, now)
    last = spans[-1]
    since = last.opened if item.is_open else None
    due = since + SLA[finding.severity] if since and finding.scope != "floor" else None
    return Story(
        key=finding.key,
        kind=finding.kind,
        package=finding.package,
        ids=finding.ids,
        severity=finding.severity,
        state=_state(item),
        first_seen=finding.first_seen,
        spans=spans,
        due=due,
        overdue=due is not None and now > due,
        age_days=_days(now - since) if since else None,
        accepted=item.accepted.told if item.accepted else "",
        scope=finding.scope,
    )


def _completed(item: Tracked, told: Sequence[Span], now: datetime) -> tuple[Span, ...]:
    """The spans, made to agree with the record where history begins late or was cut."""
    seen = item.finding.first_seen
    spans = list(told) or [Span(opened=seen or now)]
    if seen and seen < spans[0].opened:
        spans[0] = Span(
            opened=seen, closed=spans[0].closed, cause=spans[0].cause, evidence=spans[0].evidence
        )
    is_open = spans[-1].closed is None
    if item.is_open and not is_open:
        spans.append(Span(opened=spans[-1].closed or now))
    elif not item.is_open and is_open:
        causes = (word.cause for _, word in sorted(item.sightings.items()))
        cause: Cause | None = "suppressed" if item.accepted else next(filter(None, causes), None)
        spans[-1] = Span(opened=spans[-1].opened, closed=item.resolved_at or now, cause=cause)
    return tuple(spans)


def _state(item: Tracked) -> StoryState:
    if item.accepted:
        return "accepted"
    states = {sighting.state for sighting in item.sightings.values()}
    if "open" in states:
        return "open"
    return "unexplained" if "unexplained" in states else "resolved"


def response(told: Iterable[Story]) -> tuple[Response, ...]:
    """Response times by severity, worst first; ``floor`` findings are shown and never counted."""
    held = [story for story in told if story.scope != "floor"]
    return tuple(_response(severity, held) for severity in SLA)


def _response(severity: Severity, told: Sequence[Story]) -> Response:
    mine = [story for story in told if story.severity == severity]
    times = [
        span.closed - span.opened
        for story in mine
        for span in story.spans
        if span.closed and span.cause in REMEDIES
    ]
    return Response(
        severity=severity,
        sla_days=SLA[severity].days,
        open=sum(story.state in {"open", "unexplained"} for story in mine),
        overdue=sum(story.overdue for story in mine),
        remedied=len(times),
        within=sum(time <= SLA[severity] for time in times),
        mttr_days=round(fmean(time / DAY for time in times), 2) if times else None,
    )


def _days(time: timedelta) -> float:
    return round(time / DAY, 2)
