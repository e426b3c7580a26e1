"""The sites that the browser opens: every state in which a site can be, and hostile texts."""

from datetime import timedelta

import msgspec
from status_worlds import NOW, WHERE, closure, decision, finding, receipt, world

from release.model.acceptance import Acceptance
from release.model.decision import Reason
from release.model.delta import Delta, DeltaFinding
from release.model.grades import GradedDay, Grades
from release.model.history import History, Span, Story
from release.model.monitoring import Probe, ProbeDay, Probes
from release.model.receipt import ReceiptFile
from release.model.record import Sighting, Tracked
from release.model.release import Release
from release.model.runs import Ran, Runs, Update
from release.model.seal import Entry, Journal
from release.model.snapshot import Edit, Gap, Reach, Scanner
from release.model.yank import Yank
from release.record.history import response
from release.watch.metrics import Seen, until_today
from status_site.documents import Documents
from status_site.site_files import site_files
from status_site.status import FailedUpdate, SecurityStatus

DAY = timedelta(days=1)
VERDICTS = ("blocked-by-us", "installable-fix", "no-fix", "blocked-upstream", "unknown")
SEVERITIES = ("medium", "high", "low", "unknown", "critical")
PACKAGES = ("urllib3", "jinja2", "requests", "certifi", "idna", "werkzeug")
OPEN, RESOLVED = (
    {"osv": Sighting(state="open")},
    {"osv": Sighting(state="resolved", cause="upgraded")},
)


def with_facts(documents, **facts):
    kept = {name: getattr(documents, name) for name in documents.__dataclass_fields__}
    return Documents(**(kept | facts))


def item(number, key=None, **change):
    """One finding in a dependency; each differs from its neighbours in what can differ."""
    package, start = PACKAGES[number % 6], NOW - (7 + 11 * number) * DAY
    facts = {
        "package": package,
        "ids": (f"CVE-2026-{1000 + number}", f"GHSA-{number:04}-q2m4-p9vw"),
        "summary": "A cookie is sent on to another host when a redirect leads there",
        "score": (5.3, 7.5, 3.1, None, 9.8)[number % 5],
        "published_at": start - 2 * DAY,
        "first_seen": start,
        "fixed_in": () if number % 5 == 2 else (f"2.{number}.1",),
        "fix_available_at": start + DAY if number % 3 else None,
        "source": ("osv",),
        "url": "https://advisories.example/1",
    }
    if number % 4 == 3:
        facts |= {"scope": "extra", "extras": ("http2", "socks")}
    named = key or f"CVE-2026-{1000 + number}@{package}"
    return finding(named, SEVERITIES[number % 5], **(facts | change))


def reach(one, number, blocker=""):
    """What the resolver said of it."""
    verdict = VERDICTS[number % 5]
    held = verdict.startswith("blocked")
    edit = Edit(requirement=f"{one.package}<2", becomes=f"{one.package}<3")
    return Reach(
        key=one.key, package=one.package, ids=one.ids, verdict=verdict,
        blocker=(blocker or f"{one.package}<2") if held else None,
        edit=(edit,) if verdict == "blocked-by-us" else (),
    )  # fmt: skip


def story(one, *spans, state="open"):
    return Story(
        key=one.key, kind="dependency", package=one.package, ids=one.ids, severity=one.severity,
        state=state, first_seen=one.first_seen, spans=spans,
    )  # fmt: skip


def rich():
    """A project with a past: something of everything."""
    held, gone = [item(n) for n in range(7)], [item(n) for n in range(7, 30)]
    let = item(30)
    word = Acceptance(owner="ann", reason="not used", expires=NOW.date() + 9 * DAY)
    tracked = (
        *(Tracked(finding=one, sightings=OPEN) for one in held),
        *(Tracked(finding=one, sightings=RESOLVED, resolved_at=closed(one)) for one in gone),
        Tracked(finding=let, sightings=OPEN, accepted=word),
    )
    stories = (
        *(story(one, Span(opened=one.first_seen)) for one in held),
        *(
            story(one, Span(opened=one.first_seen, closed=closed(one), cause="upgraded"),
                  state="resolved")
            for one in gone
        ),
    )  # fmt: skip
    documents = world(
        reach=tuple(reach(one, number) for number, one in enumerate(held)),
        receipts=tuple(released(number, gone) for number in range(8)),
        decision=decision(next="release.fix"),
        closures=(closure("published", "1.2.7"), closure("candidate")),
        yanks=(
            Yank(**WHERE, version="1.2.3", state="done", reason="it did not import on 3.11",
                 requested_at=NOW - 9 * DAY, done_at=NOW - 8 * DAY),
        ),
    )  # fmt: skip
    record = msgspec.structs.replace(documents.record, tracked=tracked)
    history = History(**WHERE, as_of=NOW, stories=stories, response=response(stories))
    facts = {"probes": probes(), "grades": grades(), "metrics": metrics(history, record)}
    return with_facts(documents, record=record, history=history, **facts)


def grades():
    """A year that became worse, with days on which a scanner failed and a week without a scan."""
    letters = ("A",) * 8 + ("B", "A", "C", "B") * 2 + ("C", "D")
    days = tuple(
        GradedDay(
            at=NOW - ago * DAY, formula_version=2,
            grade=None if ago % 41 == 7 else letters[(300 - ago) * len(letters) // 301],
        )
        for ago in range(300, -1, -1)
        if not 60 <= ago < 67
    )  # fmt: skip
    return Grades(**WHERE, days=days)


def metrics(history, record):
    """The figures of four months of work, by the code that makes them."""
    ran = tuple(run(number) for number in range(240, 0, -1))
    steps = {"gates": 80, "build": 3, "verify": 9, "upload": 4, "confirm": 2, "prove": 14, "tag": 1}
    journals = tuple(
        Journal(
            state="confirmed",
            entries=tuple(
                Entry(step=name, at=NOW, seconds=seconds * (1 + number * 0.13))
                for name, seconds in steps.items()
            ),
        )
        for number in range(8)
    )
    released = tuple(
        Release(
            version=f"1.2.{number}", trigger=("manual", "security-auto")[number % 2],
            fingerprint="f", state="confirmed", sealed_at=NOW - (215 - 30 * number) * DAY,
        )
        for number in range(8)
    )  # fmt: skip
    past = msgspec.structs.replace(history, releases=released)
    seen = Seen(Runs(project="paperboy", ran=ran), past, journals, record, None, probes())
    return until_today(seen, NOW)


def run(number):
    """One of the runs, twice a day: scans, of which some saw a part, and now and then a release."""
    facts = {
        "run": str(number), "task": "release.auto", "at": NOW - number * DAY / 2,
        "seconds": 35.0 + number % 9, "exit_code": 4 if number % 37 == 0 else 0, "ci": True,
        "scanners": {"osv": "failed" if number % 37 == 0 else "ok",
                     "bandit": "partial" if number % 50 == 3 else "ok"},
        "update": Update(seconds=0.6 + number % 5 / 10,
                         failure="tool" if number in {61, 62, 140} else None),
    }  # fmt: skip
    if number % 24 == 1:
        refused = number == 97
        facts |= {
            "steps": {"gates": 80.0, "build": 3.0}, "seconds": 190.0 + number, "retries": 1,
            "credential": "trusted-publishing", "exit_code": int(refused),
            "failure": "auth" if refused else None,
        }  # fmt: skip
    return Ran(**facts)


def closed(one):
    return min(NOW - DAY, one.first_seen + 25 * DAY)


def released(number, gone):
    taken = gone[2 * number : 2 * number + number % 3]
    fixed = tuple(
        DeltaFinding(key=it.key, package=it.package, ids=it.ids, severity=it.severity, was=("1",))
        for it in taken
    )
    version = f"1.2.{number}"
    delta = Delta(project="paperboy", since="", version=version, fixed=fixed)
    trigger = ("manual", "security-auto")[number % 2]
    return receipt(version, at=NOW - (215 - 30 * number) * DAY, delta=delta, trigger=trigger)


def probes():
    bad = {3: 20, 30: 23, 31: 0}
    days = tuple(
        ProbeDay(
            day=(NOW - ago * DAY).date(), checks=24, good=bad.get(ago, 24), timed=24,
            mean_ms=30 + ago % 7, worst_ms=140,
        )
        for ago in range(70, -1, -1)
        if ago != 44
    )  # fmt: skip
    ring = (Probe(at=NOW, state="failed", latency_ms=41, troubles=("certificate", "late")),)
    return Probes(project="paperboy", url="https://paperboy.example/", ring=ring, days=days)


def clean():
    return world(receipts=(receipt("1.2.2", at=NOW - 40 * DAY), receipt()))


def unsure():
    """Required scanners that failed or saw a part only."""
    return world(
        item(1),
        scanners={
            "osv": Scanner(state="failed", detail="HTTP 500"),
            "bandit": Scanner(state="absent"),
        },
        closures=(closure("published", gaps=(Gap(name="odd", reason="sdists only"),)),),
        missed=("urllib3",),
    )  # fmt: skip


def many():
    """More findings than one page shows."""
    return world(*(item(n, first_seen=NOW - (n % 700) * DAY) for n in range(110)))


def hostile(texts):
    """Whatever others may choose is hostile, each text in each place."""
    held = [
        item(
            n, key=text, summary=text, ids=(text, f"CVE-2026-{n}"), package=text, version=text,
            affects={"published": (text,)}, url=f"https://x/{text}", fixed_in=(text,),
            scope="extra", extras=(text,), source=(text,),
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip
    named = [receipt(text[:60], at=NOW - n * DAY) for n, text in enumerate(texts[:40])]
    files = tuple(
        ReceiptFile(name=text, sha256=text, size=1, url=f"https://x/{text}") for text in texts
    )
    all_ = " ".join(texts)
    took = tuple(
        DeltaFinding(key=text, package=text, ids=(text,), severity="high", was=(text,))
        for text in texts
    )
    delta = Delta(project="paperboy", since=all_, version="1", fixed=took)
    return world(
        *held,
        reach=tuple(
            msgspec.structs.replace(
                reach(one, 0, blocker=text), edit=(Edit(requirement=text, becomes=text),)
            )
            for one, text in zip(held, texts, strict=True)
        ),
        receipts=(receipt("1", files=files, delta=delta), *named),
        closures=(
            closure("published", texts[0], gaps=[Gap(name=text, reason=text) for text in texts]),
        ),
        scanners={
            "osv": Scanner(state="ok"),
            **{text: Scanner(state="failed", detail=text) for text in texts},
        },
        decision=decision(
            rule=all_, reasons=[Reason(rule=text, why=text) for text in texts], next=all_
        ),
        yanks=(Yank(**WHERE, version="1", state="requested", reason=all_, requested_at=NOW),),
    )


def failed(documents):
    """The site after an update that failed, as ``build`` serves it."""
    from status_site.figures import status_metrics
    from status_site.monitoring import status_monitoring
    from status_site.page import pages
    from status_site.releases import after_failure, release_statuses
    from status_site.timeline import timeline

    status = SecurityStatus.from_documents(documents)
    told = status.failed(FailedUpdate(at=NOW + DAY, why="record.json is no JSON"))
    releases = [after_failure(one) for one in release_statuses(documents, status)]
    figures = status_metrics(documents, status.build_id)
    history, monitored = timeline(documents, status), status_monitoring("", None, None)
    made = pages(told, history, monitored, releases, figures)
    return {**files_of(documents), **made}


def files_of(documents):
    """Every file of a site."""
    return site_files(documents, SecurityStatus.from_documents(documents))
