"""The figures in Prometheus' text format, for a textfile collector or a push gateway.

What is not known has no sample: a zero would be a claim. Every sample names project and repository.
Units are Prometheus' base units (prometheus.io, "Metric and label naming"), so times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from release.model.metrics import Metrics, Spread

PREFIX = "release_warden"
A_MINUTE, A_DAY = 60, 86_400
Samples = dict[tuple[str, ...], float]
K = TypeVar("K", bound=str)


@dataclass(frozen=True)
class Family:
    """One metric: its name without our prefix, what it is, and its samples by label values."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Samples


def as_prometheus(found: Metrics) -> str:
    """Every figure that is known, as gauges."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for family in families(found):
        labels = ("project", "repository", *family.labels)
        gauge = Gauge(f"{PREFIX}_{family.name}", family.help, labels, registry=registry)
        for values, sample in family.samples.items():
            gauge.labels(found.project, found.repository, *values).set(sample)
    return generate_latest(registry).decode()


def families(found: Metrics) -> Iterator[Family]:
    """The metrics that have samples."""
    every = (
        *_of_releases(found),
        *_of_publishing(found),
        *_of_scans(found),
        *_of_status(found),
        *_of_findings(found),
        *_of_ci(found),
    )
    yield from (family for family in every if family.samples)


def _of_releases(found: Metrics) -> Iterator[Family]:
    it = found.releases
    yield _single("runs", "Runs in the book of runs", found.runs)
    yield _moment("book_start", "When the first run of the book was", found.since)
    yield _counted("releases", "Sealed versions", "state", it.by_state)
    yield _counted("releases_confirmed", "Confirmed releases", "trigger", it.by_trigger)
    yield _single("releases_confirmed_30d", "Confirmed releases of 30 days", it.last_30_days)
    yield _moment("last_release", "When the last release was sealed", it.last_at)


def _of_publishing(found: Metrics) -> Iterator[Family]:
    it = found.publishing
    yield _single("publish_attempts", "Attempts to publish", it.attempts)
    yield _single("publish_succeeded", "Attempts to publish that succeeded", it.succeeded)
    yield _counted("publish_failed", "Attempts to publish that failed", "class", it.failed)
    yield _single("publish_retries", "Requests that had to be made again", it.retries)
    yield _spread("publish_seconds", "Seconds of attempts that succeeded", it.seconds)
    yield _spreads("publish_step_seconds", "Seconds that steps took", "step", it.steps)
    taken = {name: one.count for name, one in it.steps.items()}
    yield _counted("publish_steps", "Steps that were measured", "step", taken)
    uses: Samples = {
        (name, outcome): float(count)
        for name, used in it.credentials.items()
        for outcome, count in (("served", used.served), ("refused", used.refused))
    }
    yield Family("credential_uses", "Uploads by credential", ("source", "outcome"), uses)


def _of_scans(found: Metrics) -> Iterator[Family]:
    it = found.scanning
    outcomes: Samples = {
        (name, state): float(count)
        for name, states in it.outcomes.items()
        for state, count in states.items()
    }
    yield _single("scans", "Scans", it.scans)
    yield Family("scans_by_state", "Scans by scanner and state", ("scanner", "state"), outcomes)
    yield _moment("last_scan", "When the last scan began", it.last_at)
    yield _moment("last_whole_scan", "When every scanner saw everything", it.last_whole_at)


def _of_status(found: Metrics) -> Iterator[Family]:
    it = found.status
    yield _single("status_updates", "Updates of the status site", it.updates)
    yield _single("status_updates_succeeded", "Updates that succeeded", it.succeeded)
    yield _counted("status_updates_failed", "Updates that failed", "class", it.failed)
    yield _spread("status_update_seconds", "Seconds of updates that succeeded", it.seconds)
    yield _moment("last_status_update", "When the last update succeeded", it.last_at)
    checks = {str(one.days): one.checks for one in it.uptime}
    yield _counted("status_checks", "Checks of the site within days", "days", checks)
    unseen = {str(one.days): one.unknown for one in it.uptime}
    yield _counted("status_checks_unknown", "Checks that saw nothing", "days", unseen)
    shares: Samples = {(str(one.days),): one.good / one.checks for one in it.uptime}
    yield Family("status_available_ratio", "Checks that were good", ("days",), shares)


def _of_findings(found: Metrics) -> Iterator[Family]:
    it = found.exposure
    spans = {"ended": it.ended, "since_fix": it.since_fix, "open": it.open}
    known = {name: _in_seconds(spread) for name, spread in spans.items() if spread}
    yield _spreads("exposure_seconds", "How long users were exposed", "span", known)
    counts = {name: spread.count for name, spread in spans.items() if spread}
    yield _counted("exposures", "Findings that users were exposed to", "span", counts)
    by = {item.severity: item for item in found.response}
    opened = {name: item.open for name, item in by.items()}
    yield _counted("findings_open", "Open findings", "severity", opened)
    overdue = {name: item.overdue for name, item in by.items()}
    yield _counted("findings_overdue", "Findings past their time", "severity", overdue)
    remedied = {name: item.remedied for name, item in by.items()}
    yield _counted("findings_remedied", "Findings with a remedy", "severity", remedied)
    within = {name: item.within for name, item in by.items()}
    yield _counted("findings_remedied_in_time", "Those in time", "severity", within)
    means: Samples = {
        (name,): item.mttr_days * A_DAY for name, item in by.items() if item.mttr_days is not None
    }
    yield Family("remedy_seconds_mean", "Mean time to a remedy", ("severity",), means)
    allowed: Samples = {(name,): float(item.sla_days * A_DAY) for name, item in by.items()}
    yield Family("remedy_seconds_allowed", "Time that findings may be open", ("severity",), allowed)


def _of_ci(found: Metrics) -> Iterator[Family]:
    it = found.ci
    yield _single("ci_seconds", "Seconds of CI that tasks took", it.total * A_MINUTE)
    recent = it.last_30_days * A_MINUTE
    yield _single("ci_seconds_30d", "Seconds of CI in the last 30 days", recent)
    by: Samples = {(name,): minutes * A_MINUTE for name, minutes in it.by_task.items()}
    yield Family("ci_task_seconds", "Seconds of CI by task", ("task",), by)


def _single(name: str, help_: str, value: float | None) -> Family:
    return Family(name, help_, (), {} if value is None else {(): float(value)})


def _moment(name: str, help_: str, at: datetime | None) -> Family:
    return _single(f"{name}_timestamp_seconds", help_, at.timestamp() if at else None)


def _counted(name: str, help_: str, label: str, counts: Mapping[K, int]) -> Family:
    return Family(name, help_, (label,), {(key,): float(n) for key, n in counts.items()})


def _spread(name: str, help_: str, held: Spread | None) -> Family:
    return Family(name, help_, ("stat",), _stats((), held) if held else {})


def _spreads(name: str, help_: str, label: str, spreads: Mapping[str, Spread]) -> Family:
    samples: Samples = {}
    for key, held in spreads.items():
        samples |= _stats((key,), held)
    return Family(name, help_, (label, "stat"), samples)


def _stats(labels: tuple[str, ...], held: Spread) -> Samples:
    """The label is not ``quantile``, which Prometheus keeps for summaries."""
    return {
        (*labels, "median"): held.median,
        (*labels, "p95"): held.p95,
        (*labels, "most"): held.most,
    }


def _in_seconds(days: Spread) -> Spread:
    return replace(days, median=days.median * A_DAY, p95=days.p95 * A_DAY, most=days.most * A_DAY)
