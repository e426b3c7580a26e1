"""Waivers: a release that strictly improves security may pass a red vulnerability gate, for a time.

A gate that is red for a finding which a release does not mend must not keep users from what it
does mend. But a gate that may always be red is none: so the time is counted from the first release
in a row that needed the waiver, and a release for which the gate is green starts it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from release.config import Policy
from release.model.release import Release
from release.model.waiver import Waiver


def first_waived(releases: Iterable[Release], gate: str) -> Release | None:
    """The first of the latest releases in a row for which a gate was red."""
    first = None
    for release in sorted(releases, key=lambda release: release.sealed_at, reverse=True):
        if release.state == "abandoned":
            continue
        if gate not in release.waived:
            break
        first = release
    return first


def expiry(releases: Iterable[Release], gate: str, policy: Policy, now: datetime) -> datetime:
    """When the waiver of a gate ends, if a release needs it now."""
    first = first_waived(releases, gate)
    return (first.sealed_at if first else now) + timedelta(days=policy.waiver_days)


def split(
    releases: tuple[Release, ...], policy: Policy, now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The vulnerability gates whose waiver is good at a moment, and those for which it is over."""
    gates = sorted(set(policy.vulnerability_gates))
    good = tuple(gate for gate in gates if expiry(releases, gate, policy, now) > now)
    return good, tuple(g for g in gates if g not in good and first_waived(releases, g))


def waivers(
    gates: Iterable[str],
    releases: tuple[Release, ...],
    policy: Policy,
    *,
    version: str,
    now: datetime,
) -> tuple[Waiver, ...]:
    """The waivers of a release.

    :param gates: what its decision says may be red, of what its plan runs.
    :param version: the release's.
    """
    found = {gate: first_waived(releases, gate) for gate in gates}
    return tuple(
        Waiver(
            gate=gate,
            since=first.version if first else version,
            expires=expiry(releases, gate, policy, now),
        )
        for gate, first in found.items()
    )
