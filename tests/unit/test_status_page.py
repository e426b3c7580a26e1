"""The page: hostile texts stay texts, and the policy names exactly what is there."""

import base64
import hashlib
import itertools
import re
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from status_worlds import NOW, WHERE, closure, decision, finding, receipt, world

from release.model.decision import Reason
from release.model.delta import Delta, DeltaFinding
from release.model.history import History
from release.model.monitoring import ProbeDay, Probes
from release.model.receipt import ReceiptFile
from release.model.release import Release
from release.model.runs import Ran, Runs, Update
from release.model.seal import Entry, Journal
from release.model.snapshot import Edit, Gap, Reach, Scanner
from release.model.yank import Yank
from release.record.history import response, stories
from release.watch.metrics import Seen, until_today
from status_site import page as made_page
from status_site import words
from status_site.documents import Documents
from status_site.figures import StatusMetrics
from status_site.findings import https_only
from status_site.monitoring import status_monitoring
from status_site.site_files import site_files
from status_site.status import FailedUpdate, SecurityStatus
from status_site.timeline import timeline

DAY = timedelta(days=1)
VOID = {"meta", "br", "link"}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202egpj</td></html>"


class Page(HTMLParser):
    """A strict reading: every element closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.data = [], [], {}
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        tag = self.open[-1] if self.open else ""
        self.data[tag] = self.data.get(tag, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def pages(documents):
    """Every page of a site, read strictly."""
    made = site_files(documents, SecurityStatus.from_documents(documents))
    return {name: Page(made[name].decode()) for name in made if name.endswith(".html")}


def page(*findings, **documents):
    return pages(world(*findings, **documents))["index.html"]


def hostile():
    bad = HOSTILE
    reach = Reach(
        key="urllib3/x", package="urllib3", ids=(), verdict="blocked-by-us", blocker=bad,
        edit=(Edit(requirement=bad, becomes=bad),),
    )  # fmt: skip
    item = finding(
        "urllib3/x", summary=bad, ids=(bad, "CVE-2023-43804"), package=bad, version=bad,
        affects={"published": (bad,)}, url=f"https://x/{bad}", fixed_in=(bad,), extras=(bad,),
    )  # fmt: skip
    file = ReceiptFile(name=bad, sha256=bad, size=1, url="https://files.example/\"onclick='x'")
    took = DeltaFinding(key=bad, package=bad, ids=(bad,), severity="high", was=(bad,))
    delta = Delta(project="paperboy", since=bad, version=bad, fixed=(took,))
    yank = Yank(**WHERE, version="1.2.3", state="requested", reason=bad, requested_at=NOW)
    documents = world(
        item,
        reach=(reach,),
        scanners={bad: Scanner(state="failed", detail=bad), "osv": Scanner(state="ok")},
        closures=(closure("published", bad, gaps=(Gap(name=bad, reason=bad),)),),
        decision=decision(rule=bad, reasons=(Reason(rule=bad, why=bad),), next=bad),
        receipts=(receipt(files=(file,), delta=delta), receipt(bad)),
        yanks=(yank,),
    )
    return pages(documents)


def measured():
    """Figures of everything; what others name is hostile."""
    jobs = [
        Ran(
            run=str(n), task="release.auto", at=NOW - (1 + n) * DAY, seconds=90.0, ci=True,
            exit_code=n % 2, failure="auth" if n % 2 else None, credential=HOSTILE,
            steps={"build": 2.0}, scanners={HOSTILE: "failed" if n % 3 else "ok"},
        )
        for n in range(5)
    ]  # fmt: skip
    journal = Journal(entries=(Entry(step="build", at=NOW, seconds=2.5),))
    bare = world(finding(published_at=NOW - 20 * DAY), receipts=(receipt(HOSTILE), receipt()))
    told = stories(bare.record, (), NOW)
    released = Release(
        version="1", trigger="manual", fingerprint="f", state="confirmed", sealed_at=NOW - DAY
    )
    history = History(
        **WHERE, as_of=NOW, stories=told, response=response(told), releases=(released,)
    )
    book = Runs(project="paperboy", ran=tuple(reversed(jobs)))
    found = until_today(Seen(book, history, (journal,), bare.record, None), NOW)
    facts = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    return Documents(**(facts | {"history": history, "metrics": found}))


def digest_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def every_page():
    sites = {"hostile": hostile(), "ordinary": pages(world(finding(), decision=decision()))}
    many = world(*(finding(f"p{n}/{n}") for n in range(120)))
    sites |= {"many": pages(many), "never": pages(Documents()), "figures": pages(measured())}
    return {f"{site}/{name}": page for site, made in sites.items() for name, page in made.items()}


EVERY = every_page()
each_page = pytest.mark.parametrize("shown", EVERY.values(), ids=EVERY.keys())


@each_page
def test_hostile_texts_are_only_text(shown):
    assert len(shown.all("script")) == len(shown.all("style")) == 1
    assert not shown.all("img")
    assert not [a for _, attributes in shown.tags for a in attributes if a.startswith("on")]
    assert not [a for _, attributes in shown.tags for a in attributes if a == "style"]
    assert "\u202e" not in "".join(shown.data.values())


@pytest.mark.parametrize("name", ["index.html", "findings.html"])
def test_a_hostile_summary_is_shown_as_it_is(name):
    text = hostile()[name].data["bdi"]
    assert "49" not in text
    assert "<script>alert(1)</script>" in text


@each_page
def test_every_address_is_https_or_ours(shown):
    links = [attributes["href"] for attributes in shown.all("a")]
    ours = re.compile(r"(#main|[a-z0-9.~%/-]*(\.html|\.json|\.xml)(#[A-Za-z0-9.~%/-]+)?)", re.ASCII)
    assert all(ours.fullmatch(link) or https_only(link) == link for link in links), links


def test_an_advisory_has_its_page():
    links = [attributes["href"] for attributes in hostile()["index.html"].all("a")]
    assert "https://osv.dev/vulnerability/CVE-2023-43804" in links


@pytest.mark.parametrize("documents", [world(finding()), world(), Documents()])
def test_every_address_of_ours_leads_somewhere(documents):
    made = site_files(documents, SecurityStatus.from_documents(documents))
    shown = pages(documents)
    for page_ in shown.values():
        for link in (unquote(attributes["href"]) for attributes in page_.all("a")):
            file, _, anchor = link.partition("#")
            assert link.startswith(("https://", "#main")) or file in made
            if anchor and file in shown:
                assert anchor in [attributes.get("id") for _, attributes in shown[file].tags]


@each_page
def test_no_request_to_anybody(shown):
    """A feed's address is read by feed readers, not by the browser; the icon is in the page."""
    assert not [name for name, attributes in shown.tags if "src" in attributes]
    links = [(link["rel"], link["href"].partition(",")[0]) for link in shown.all("link")]
    assert links == [("icon", "data:image/svg+xml"), ("alternate", "feed.xml")]
    assert "url(" not in shown.data["style"]
    assert "@import" not in shown.data["style"]


@each_page
def test_the_policy_names_exactly_our_style_and_script(shown):
    policy = next(m["content"] for m in shown.all("meta") if "http-equiv" in m)
    assert policy == (
        f"default-src 'none'; style-src {digest_of(shown.data['style'])}; "
        f"script-src {digest_of(shown.data['script'])}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    names = [next(iter(attributes)) for attributes in shown.all("meta")]
    assert names.index("http-equiv") == 1  # before anything that it governs


def test_grade_and_why_at_a_glance():
    shown = page(finding())
    assert shown.data["h1"] == "Security status of paperboy"
    assert "1 known vulnerability reaches users" in shown.data["h2"]
    text = "".join(shown.data.values())
    assert "1 high. With 1 high finding, C is the best possible grade." in text
    assert "14 November 2026" in text


def test_it_says_until_when_it_holds():
    shown = page()
    assert shown.all("html")[0]["data-valid-until"] == "2026-11-25T12:00:00Z"
    expired = next(a for a in shown.all("section") if a["id"] == "expired")
    assert "hidden" in expired


def test_not_scanned_yet():
    shown = pages(Documents())["index.html"]
    assert "Not scanned yet" in shown.data["h2"]
    assert "data-valid-until" not in shown.all("html")[0]


def test_a_release_that_nobody_scanned_was_not_resolved_from_its_source():
    text = "".join(pages(Documents(receipts=(receipt(),)))["index.html"].data.values())
    assert "Nothing is known yet about what an install brings" in text
    assert "from its source" not in text


UNSEEN = "\N{EN DASH}None known"


@pytest.mark.parametrize(
    ("scanners", "findings", "shown"),
    [
        (None, (), ["0", "0", "0", "0", "0"]),
        ({}, (), [UNSEEN] * 5),
        ({}, (finding(),), [UNSEEN, "1", *[UNSEEN] * 3]),
    ],
)
def test_what_was_not_seen_is_not_told_as_zero(scanners, findings, shown):
    documents = world(*findings, scanners=scanners)
    made = site_files(documents, SecurityStatus.from_documents(documents))
    text = made["index.html"].decode()
    numbers = re.findall(r"<dd>(.*?)</dd>", text)
    assert [re.sub(r"<.*?>", "", number) for number in numbers] == shown


def test_a_release_that_was_made_is_not_told_as_owed():
    made = Release(
        version="1.3", trigger="manual", fingerprint="f", state="confirmed", sealed_at=NOW
    )
    history = History(**WHERE, as_of=NOW, releases=(made,), stories=())
    shown = pages(world(decision=decision("release"), history=history))["index.html"]
    text = "".join(shown.data.values())
    assert "A release was made" in text
    assert "A release is owed" not in text


@each_page
def test_headings_and_tables_for_screen_readers(shown):
    levels = [int(name[1]) for name, _ in shown.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(shown.all("caption")) == len(shown.all("table"))
    assert all("scope" in attributes for attributes in shown.all("th"))
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [a["aria-labelledby"] for _, a in shown.tags if "aria-labelledby" in a]
    assert set(labels) <= set(ids)
    assert len(shown.all("main")) == len(shown.all("header")) == len(shown.all("footer")) == 1
    assert [a.get("aria-current") for a in shown.all("a")].count("page") >= 1


def test_the_findings_are_turned_in_pages():
    shown = pages(world(*(finding(f"p{n}/{n}") for n in range(120))))
    assert list(shown) == [
        "index.html", "findings.html", "findings-2.html", "findings-3.html", "releases.html",
        "dashboard.html",
    ]  # fmt: skip
    entries = [a["id"] for name in shown for a in shown[name].all("article") if "find" in name]
    assert len(entries) == len(set(entries)) == 120
    assert "101 to 120 of 120, worst first." in shown["findings-3.html"].data["p"]
    assert "These are the worst 20 of 120." in shown["index.html"].data["p"]


def test_of_very_many_findings_the_worst_are_turned():
    sheets = [*made_page.sheets(range(5_000))]
    assert [sheet.first for sheet in sheets] == [*range(1, 1_000, made_page.A_PAGE)]
    assert sheets[-1].shown == 1_000
    assert len(pages(world(*(finding(f"p{n}/{n}") for n in range(1_001))))) == 23


def test_an_update_that_failed_is_told_on_every_page():
    status = SecurityStatus.from_documents(world(finding()))
    status = status.failed(FailedUpdate(at=NOW, why=HOSTILE))
    history = timeline(world(finding()), status)
    monitored = status_monitoring("", None, None)
    figures = StatusMetrics(build_id="", metrics=None)
    for data in made_page.pages(status, history, monitored, (), figures).values():
        text = Page(data.decode()).data
        assert "The last update failed" in text["strong"]
        assert "Grade" not in text["span"].replace("Grade withdrawn", "")


def test_the_dashboard_tells_what_was_measured_and_no_zero_for_what_was_not():
    shown = pages(measured())["dashboard.html"]
    assert "3 of 5 attempts succeeded." in shown.data["p"]
    assert (
        "Runs are counted from 18 November 2026 to the end of 22 November 2026" in shown.data["p"]
    )
    assert "5 scans, each with the state of every scanner." in shown.data["p"]
    assert "releases/1.2.3.json" in [a.get("href") for a in shown.all("a")]
    empty = until_today(Seen(Runs(project="p"), History(**WHERE), (), None, None), NOW)
    bare = world()
    facts = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    quiet = pages(Documents(**(facts | {"metrics": empty})))["dashboard.html"]
    assert "No attempt to publish has been measured yet." in quiet.data["p"]
    assert "No run in CI has been measured yet." in quiet.data["p"]
    assert quiet.data["span"].count(" not known") == 4
    assert not quiet.all("table")
    assert "No figures are known yet" in pages(Documents())["dashboard.html"].data["p"]


def test_the_dashboard_tells_how_the_site_itself_fared():
    good, bad = Update(seconds=0.5), Update(seconds=2.0, failure="tool")
    runs = tuple(
        Ran(run=str(ago), task="release.scan", at=NOW - ago * DAY, seconds=1.0, exit_code=0,
            update=bad if ago == 2 else good)
        for ago in (3, 2, 1)
    )  # fmt: skip
    days = (ProbeDay(day=(NOW - DAY).date(), checks=24, good=18, unknown=2),)
    probes = Probes(project="paperboy", url="https://paperboy.example/", days=days)
    seen = Seen(Runs(project="paperboy", ran=runs), History(**WHERE), (), None, None, probes)
    bare = world()
    facts = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    figures = until_today(seen, NOW)
    shown = pages(Documents(**(facts | {"metrics": figures})))["dashboard.html"]
    assert "2 of 3 updates succeeded. One takes 0.5 s (median)." in shown.data["p"]
    assert "failed: tool" in shown.data["th"]
    assert "75 %" in shown.data["td"]
    labels = [a["aria-label"] for a in shown.all("svg") if "aria-label" in a]
    assert (
        "The 90 days to 22 November 2026: updates on 3 days, with one that failed on 1 day"
        in labels
    )
    quiet = pages(measured())["dashboard.html"]
    assert "No update of this site has been measured yet." in quiet.data["p"]


def test_a_run_of_today_changes_no_figure_of_the_site():
    documents = measured()
    one = Ran(
        run="x", task="release.scan", at=NOW, seconds=1.0, exit_code=0, scanners={"osv": "ok"}
    )
    history = documents.history

    def told(runs, at):
        seen = Seen(Runs(project="paperboy", ran=runs), history, (), documents.record, None)
        return until_today(seen, at)

    assert told((), NOW) == told((one,), NOW) == told((one,), NOW + timedelta(hours=11))
    assert told((one,), NOW + DAY).scanning.scans == 1


def test_what_to_do_is_told_once_for_what_one_deed_remedies():
    three = [finding(f"urllib3/CVE-{n}", s) for n, s in ((1, "low"), (2, "high"), (3, "low"))]
    reach = tuple(
        Reach(key=item.key, package="urllib3", ids=(), verdict="installable-fix") for item in three
    )
    made = SecurityStatus.from_documents(world(*three, finding("idna/CVE-4", "low"), reach=reach))
    assert [*words.tasks(made.findings)] == [
        ("Users: upgrade urllib3.", 3, "high"),
        ("Wait for the next scan to tell whether an install can avoid idna.", 1, "low"),
    ]


def test_by_when():
    new, old, unseen = (
        SecurityStatus.from_documents(world(finding(first_seen=seen))).findings[0]
        for seen in (NOW, NOW - timedelta(days=31), None)
    )
    assert words.deadline(new) == "due by 23 December 2026"
    assert words.deadline(old) == "overdue since 22 November 2026"
    assert words.deadline(unseen) == "counted as overdue"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "Everything that a fresh install brings was checked."),
        ({"scanners": {}}, "No grade is given: osv: it did not run."),
        ({"closures": (), "scanners": {}}, "(and 1 more below)."),
    ],
)
def test_why(change, sentence):
    assert words.why(SecurityStatus.from_documents(world(**change))).endswith(sentence)


def test_withheld_is_not_called_clean():
    unsure = SecurityStatus.from_documents(world(scanners={}))
    assert words.headline(unsure) == "Not fully known"


def test_advice_for_every_verdict():
    for verdict, expected in {
        "installable-fix": "Users: upgrade urllib3 to 1.26.17.",
        "blocked-by-us": "Maintainers: loosen it.",
        "blocked-upstream": "Wait for the package that requires it to allow a fix.",
        "no-fix": "Wait for a fixed release of urllib3.",
        "unknown": "Fixed in 1.26.17.",
    }.items():
        reach = Reach(key="urllib3/x", package="urllib3", ids=(), verdict=verdict)
        item = finding("urllib3/x", fixed_in=("1.26.17",))
        made = SecurityStatus.from_documents(world(item, reach=(reach,)))
        assert words.advice(made.findings[0]) == expected


def test_foreign_text_is_one_short_line():
    assert words.clean("a\n b\x00\u2066c") == "a bc"
    assert len(words.clean("x" * 10_000)) == words.LONGEST


@pytest.mark.parametrize(
    "url",
    [
        None, "", "http://a.example", "javascript:alert(1)", "//a.example", "https://", "HTTPS",
        "https://user@a.example/", "https://a.example/ b", "https://[", "data:text/html,x",
    ],
)  # fmt: skip
def test_other_addresses_are_no_links(url):
    assert https_only(url) is None


def test_dates_are_utc():
    eastward = NOW.astimezone(tz=None) + timedelta()
    assert words.minute(eastward) == "23 November 2026, 12:00 UTC"
    assert words.iso(eastward) == "2026-11-23T12:00:00Z"


def test_sizes():
    assert [words.size(n) for n in (812, 12_345, 4_000_000)] == ["812 bytes", "12.3 kB", "4.0 MB"]
