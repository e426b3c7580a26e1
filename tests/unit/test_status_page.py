"""The page: hostile texts stay texts, and the policy names exactly what is there."""

import base64
import hashlib
import itertools
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from status_worlds import NOW, closure, decision, finding, receipt, world

from release.model.decision import Reason
from release.model.receipt import ReceiptFile
from release.model.snapshot import Edit, Gap, Reach, Scanner
from status_site import words
from status_site.documents import Documents
from status_site.findings import https_only
from status_site.page import render
from status_site.status import SecurityStatus

VOID = {"meta", "br"}
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


def page(*findings, **documents):
    made = SecurityStatus.from_documents(world(*findings, **documents))
    return Page(render(made).decode())


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
    return page(
        item,
        reach=(reach,),
        scanners={bad: Scanner(state="failed", detail=bad), "osv": Scanner(state="ok")},
        closures=(closure("published", bad, gaps=(Gap(name=bad, reason=bad),)),),
        decision=decision(rule=bad, reasons=(Reason(rule=bad, why=bad),), next=bad),
        receipts=(receipt(files=(file,)),),
    )


def digest_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_hostile_texts_are_only_text():
    shown = hostile()
    assert len(shown.all("script")) == len(shown.all("style")) == 1
    assert not shown.all("img")
    assert not [a for _, attributes in shown.tags for a in attributes if a.startswith("on")]
    assert not [a for _, attributes in shown.tags for a in attributes if a == "style"]
    assert "49" not in shown.data["bdi"]
    assert "<script>alert(1)</script>" in shown.data["bdi"]
    assert "\u202e" not in "".join(shown.data.values())


def test_every_address_is_https_or_ours():
    links = [attributes["href"] for attributes in hostile().all("a")]
    assert "https://osv.dev/vulnerability/CVE-2023-43804" in links
    ours = {"#main", "index.json"}
    assert all(link in ours or https_only(link) == link for link in links)


def test_no_request_to_anybody():
    shown = page(finding(), decision=decision())
    assert not [name for name, attributes in shown.tags if "src" in attributes or name == "link"]
    assert "url(" not in shown.data["style"]
    assert "@import" not in shown.data["style"]


def test_the_policy_names_exactly_our_style_and_script():
    shown = page(finding())
    policy = next(m["content"] for m in shown.all("meta") if "http-equiv" in m)
    assert policy == (
        f"default-src 'none'; style-src {digest_of(shown.data['style'])}; "
        f"script-src {digest_of(shown.data['script'])}; base-uri 'none'; form-action 'none'"
    )
    names = [next(iter(attributes)) for attributes in shown.all("meta")]
    assert names.index("http-equiv") == 1  # before anything that it governs


def test_grade_and_why_at_a_glance():
    shown = page(finding())
    assert shown.data["h1"] == "Security status of paperboy"
    assert "1 known vulnerability reaches users" in shown.data["h2"]
    text = "".join(shown.data.values())
    assert "1 high. 1 high finding makes C the best possible grade." in text
    assert "14 November 2026" in text


def test_it_says_until_when_it_holds():
    shown = page()
    assert shown.all("html")[0]["data-valid-until"] == "2026-11-25T12:00:00Z"
    expired = next(a for a in shown.all("section") if a["id"] == "expired")
    assert "hidden" in expired


def test_not_scanned_yet():
    shown = Page(render(SecurityStatus.from_documents(Documents())).decode())
    assert "Not scanned yet" in shown.data["h2"]
    assert "data-valid-until" not in shown.all("html")[0]


def test_headings_and_tables_for_screen_readers():
    shown = page(finding(), decision=decision())
    levels = [int(name[1]) for name, _ in shown.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(shown.all("caption")) == len(shown.all("table")) == 3
    assert all("scope" in attributes for attributes in shown.all("th"))
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [a["aria-labelledby"] for _, a in shown.tags if "aria-labelledby" in a]
    assert set(labels) <= set(ids)


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
