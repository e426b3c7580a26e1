"""The figures in Prometheus' text format, for a textfile collector or a push gateway.

What is not known has no sample: a zero would be a claim. Every sample names project and repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from release.model.metrics import Metrics, Spread

PREFIX = "release_warden"
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
        *_of_findings(found),
        _single("ci_minutes", "Minutes of CI that tasks took", found.ci.total),
    )
    yield from (family for family in every if family.samples)


def _of_releases(found: Metrics) -> Iterator[Family]:
    it = found.releases
    yield _counted("releases", "Sealed versions", "state", it.by_state)
    yield _counted("releases_confirmed", "Confirmed releases", "trigger", it.by_trigger)
    last = it.last_at.timestamp() if it.last_at else None
    yield _single("last_release_timestamp_seconds", "When the last release was sealed", last)


def _of_publishing(found: Metrics) -> Iterator[Family]:
    it = found.publishing
    yield _single("publish_attempts", "Attempts to publish", it.attempts)
    yield _single("publish_succeeded", "Attempts to publish that succeeded", it.succeeded)
    yield _counted("publish_failed", "Attempts to publish that failed", "class", it.failed)
    yield _single("publish_retries", "Requests that had to be made again", it.retries)
    yield _spreads("publish_step_seconds", "Seconds that steps took", "step", it.steps)
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
    yield Family("scans", "Scans by scanner and state", ("scanner", "state"), outcomes)
    last = it.last_at.timestamp() if it.last_at else None
    yield _single("last_scan_timestamp_seconds", "When the last scan was", last)


def _of_findings(found: Metrics) -> Iterator[Family]:
    it = found.exposure
    spans = {"ended": it.ended, "since_fix": it.since_fix, "open": it.open}
    known = {name: spread for name, spread in spans.items() if spread}
    yield _spreads("exposure_days", "Days that users were exposed", "span", known)
    by = {item.severity: item for item in found.response}
    opened = {name: item.open for name, item in by.items()}
    yield _counted("findings_open", "Open findings", "severity", opened)
    overdue = {name: item.overdue for name, item in by.items()}
    yield _counted("findings_overdue", "Findings past their time", "severity", overdue)
    timed = {name: item.mttr_days for name, item in by.items() if item.mttr_days is not None}
    means: Samples = {(name,): mean for name, mean in timed.items()}
    yield Family("remedy_days_mean", "Mean days to a remedy", ("severity",), means)


def _single(name: str, help_: str, value: float | None) -> Family:
    return Family(name, help_, (), {} if value is None else {(): float(value)})


def _counted(name: str, help_: str, label: str, counts: Mapping[K, int]) -> Family:
    return Family(name, help_, (label,), {(key,): float(n) for key, n in counts.items()})


def _spreads(name: str, help_: str, label: str, spreads: Mapping[str, Spread]) -> Family:
    samples: Samples = {
        (key, quantile): value
        for key, spread in spreads.items()
        for quantile, value in (("0.5", spread.median), ("0.95", spread.p95), ("1", spread.most))
    }
    return Family(name, help_, (label, "quantile"), samples)
