"""``status.check``: ask the published site, several times before a failure is believed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from release.adapters import web
from release.adapters.job import pages
from release.errors import DocumentError, WardenError
from release.flows.context import Context
from release.flows.heartbeat import replace_heartbeat
from release.model.base import decode, encode
from release.model.heartbeat import Heartbeat
from release.model.monitoring import Check, Probes
from release.watch.ring import probe_of, with_probe
from release.watch.verdict import state_of
from status_site.monitor.endpoints import LEADING, Endpoints, address, base_of, endpoints
from status_site.monitor.judge import Expected, Seen, certificate_of, judge


@dataclass(frozen=True)
class Patience:
    """How often a site is asked before a failure is believed, and the seconds between."""

    rounds: int = 3
    spacing: float = 10.0


def check(context: Context, url: str, patience: Patience = Patience()) -> Check:
    """Look at a published site: once if all is well, else until a failure has to be believed.

    Whose site it is and when the last scan was, the ledger tells; where that does not answer, the
    site is looked at all the same.

    :param url: the site's address.
    :raises UsageError: it is no address.
    """
    base = base_of(url)
    expected = _expected(context, base)
    for number in range(1, patience.rounds + 1):
        context.tell(f"looking at {base} ({number} of at most {patience.rounds})")
        found = _round(base, replace(expected, now=context.clock.now()), number)
        if found.state == "ok" or number == patience.rounds:
            break
        context.tell(f"{found.state}: {len(found.troubles)} trouble(s); looking again soon")
        time.sleep(patience.spacing)
    return found


def own_address(context: Context) -> str:
    """The site's address: as configured, else where Pages serves the job's repository; or empty."""
    config = context.workspace.config
    served = pages() if config.github.pages else ""
    return config.status_url or (f"{served}security-status/" if served else "")


def is_ours(context: Context, checked: Check) -> bool:
    """Whether this project's ledger keeps the check: that of its own site, by its address.

    Where none is configured, it is one that does not say to be another project's.
    """
    if context.workspace.config.status_url:
        return _is_configured(context, checked.url)
    return all(trouble.kind != "project" for trouble in checked.troubles)


def _is_configured(context: Context, base: str) -> bool:
    configured = context.workspace.config.status_url
    return configured is None or base_of(configured) == base


def _expected(context: Context, base: str) -> Expected:
    """What the site has to be; of a site elsewhere nothing but what it says itself."""
    every = timedelta(hours=context.workspace.config.scan_every_hours)
    expected = Expected(context.clock.now(), every, own_clock=not context.clock.is_set)
    if not _is_configured(context, base):
        return expected
    try:
        ledger = context.ledger
        beat = ledger.read(Heartbeat, ledger.tip("heartbeat"), "heartbeat.json")
    except WardenError as error:
        context.tell(f"the ledger could not be read: {error.what}; the site is looked at alone")
        return expected
    scanned = beat.taken_at if beat else None
    return replace(expected, project=context.metadata.normalized_name, scanned=scanned)


def _round(base: str, expected: Expected, number: int) -> Check:
    seen = look(base)
    troubles = judge(seen, expected)
    status, build = seen.status, seen.build
    return Check(
        url=base,
        at=expected.now,
        state=state_of(troubles, answered=seen.answered),
        rounds=number,
        asked=len(seen.answers),
        left_out=seen.endpoints.left_out,
        build_id=build.build_id if build else None,
        scan_date=status.scan_date if status else None,
        valid_until=status.valid_until if status else None,
        latency=seen.latency,
        certificate=certificate_of(seen, expected.now),
        troubles=troubles,
    )


def look(base: str) -> Seen:
    """Ask for the leading files one by one, then for all others.

    :param base: the site's folder, with a slash at its end.
    """
    with web.session_for(base) as session:
        leading = {path: web.look(session, address(base, path)) for path in LEADING}
        seen = Seen(leading, Endpoints((), 0, ()))
        if not seen.answered:
            return seen
        page = address(base, "index.html")
        held = web.certificate(session, page) if base.startswith("https:") else None
        rest = endpoints(seen.build)
        others = web.look_at(session, [address(base, path) for path in rest.paths])
        return Seen({**leading, **dict(zip(rest.paths, others, strict=True))}, rest, held)


def record(context: Context, checked: Check, *, share: bool) -> Check:
    """Put a check into the ledger's ring; one that could not be is told, and the check stands.

    :param share: at the remote first, where there is one.
    """
    probe = probe_of(checked)

    def added(held: bytes | None, _: bool) -> bytes:
        known = _known(context, held)
        project = context.metadata.normalized_name
        return encode(with_probe(known, probe, project=project, url=checked.url))

    try:
        replace_heartbeat(context, {"probes.json": added}, share=share)
    except WardenError as error:
        context.tell(f"the check could not be recorded: {error}")
        return checked
    return msgspec.structs.replace(checked, recorded=True)


def _known(context: Context, held: bytes | None) -> Probes | None:
    """The ring so far; one that cannot be read begins anew, or nobody would ever look again."""
    try:
        return decode(Probes, held, origin="probes.json of the ledger") if held else None
    except DocumentError as error:
        context.tell(f"the ring of checks begins anew: {error.what}")
        return None


def lines(checked: Check) -> Iterator[str]:
    """What a check saw, for a person: every trouble, each remedy once."""
    when = f"{checked.asked} file(s), looked at {_times(checked.rounds)}"
    yield f"{checked.url}: {checked.state} ({when})"
    if checked.scan_date and checked.valid_until:
        yield f"scanned {checked.scan_date:%Y-%m-%d %H:%M} UTC, holds until " + (
            f"{checked.valid_until:%Y-%m-%d %H:%M} UTC"
        )
    if checked.latency:
        yield f"half of the answers within {checked.latency.median_ms} ms"
    if checked.certificate:
        yield f"the certificate holds for {checked.certificate.days_left} more days"
    if checked.left_out:
        yield f"{checked.left_out} more file(s) were not asked for"
    yield from (f"{trouble.kind}: {trouble.what}" for trouble in checked.troubles)
    yield from (f"next: {remedy}" for remedy in dict.fromkeys(it.remedy for it in checked.troubles))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
