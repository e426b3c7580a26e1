"""Release notes: the changelog's sections, the release page, the security delta, OpenVEX."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from openvex_rules import read_vex
from worlds import ADDED, FREED, HELD, closure, evidence, finding, reach, scanner, snapshot

from release.config import Policy
from release.decide.delta import security_delta
from release.decide.engine import ReleaseAutomationEngine
from release.decide.markup import MARKDOWN, RST
from release.decide.notes import Occasion, announcement, by_hand_only, sections, written
from release.model.changes import Change, Changes
from release.model.delta import Delta, DeltaFinding
from release.model.openvex import encoded
from release.model.snapshot import Snapshot
from release.model.text import Section
from release.record.changes import SecurityChangeDetector
from release.ship.openvex import of_delta

ENGINE = ReleaseAutomationEngine(Policy())
HOSTILE = "<script>x</script> | `a`\n## Heading [l](http://e.vil) @all \x1b[31m\u202e"


def by_hand(reason: str = "", **other) -> Occasion:
    decision = ENGINE.by_hand(bump="minor", reason=reason, config="c")
    return Occasion(decision, "demo", "1.1.0", "2026-11-23", **other)


def occasion(scan: Snapshot, version: str = "1.0.1", **other) -> Occasion:
    delta = security_delta(scan, version)
    return Occasion(
        ENGINE.decide(evidence(scan)), "demo", version, "2026-11-23", delta=delta, **other
    )


def notes_of(*findings, **other) -> str:
    return written(sections(occasion(snapshot(*findings, **other))))


ADVICE = (
    "Affected: whoever uses `demo` `1.0`; older releases were not looked at. "
    "What to do: upgrade to `1.0.1`. An environment that exists keeps what it has "
    "installed; upgrade there as well: `jinja2` to `2.0`.\n\n"
    "Release 1.0.1 of 2026-11-23 was made automatically, "
    "by the rule removes-critical-high-or-unknown.\n"
)


def test_a_vulnerability_fixed():
    assert notes_of(finding(affects=FREED, summary="It <b>leaks</b>.")) == (
        "### Security\n\n"
        "- `jinja2`: a fresh install no longer gets `CVE-1` (high): It &lt;b&gt;leaks&lt;/b&gt;. "
        "It gets `2.0` instead of `1.0` on Python 3.11.\n\n" + ADVICE
    )


def test_who_is_affected_by_python_and_extra():
    both = ("3.11", "3.12")
    told = notes_of(
        finding(affects=FREED, pythons=both, extras=("web", "cli")),
        closures=(
            closure("published", ["jinja2==1.0"], pythons=both),
            closure("candidate", ["jinja2==2.0"], pythons=both),
        ),
    )
    assert "`1.0` on Python 3.11, 3.12, with the extra `web`, `cli`.\n" in told
    assert "extra" not in notes_of(finding(affects=FREED, extras=("", "web")))


def test_a_package_that_a_fresh_install_does_not_get_any_more():
    told = notes_of(
        finding(affects=FREED),
        closures=(closure("published", ["jinja2==1.0"]), closure("candidate", [])),
    )
    assert "It does not get `jinja2` any more on Python 3.11.\n" in told
    assert "upgrade there as well" not in told


def own_hole(**other):
    facts = {"fixed_in": ("1.0.1",), "summary": "Ours.", "url": "https://osv.example/CVE-9"}
    return finding("CVE-9@Demo", **(facts | other))


def test_a_disclosure_of_our_own_vulnerability():
    """The advisory says which version ends it; the version to be released is that one."""
    scan = snapshot(own_hole())
    told = Occasion(by_hand().decision, "demo", "1.0.1", "d", delta=security_delta(scan, "1.0.1"))
    assert sections(told)[0].body == (
        "- `Demo` itself: `CVE-9` (high): Ours. Affected: `1.0` on Python 3.11; fixed in `1.0.1`. "
        "<https://osv.example/CVE-9>\n\n"
        "Affected: whoever uses `demo` `1.0`; older releases were not looked at. "
        "What to do: upgrade to `1.0.1`."
    )


@pytest.mark.parametrize(
    ("version", "fixed_in", "kept"),
    [
        ("1.0.1", ("1.0.1",), False),
        ("1.1", ("0.9.9", "1.0.1"), False),
        ("1.0.1rc1", ("1.0.1",), True),
        ("1.0.1", ("1.0.1", "2.0"), True),  # some range goes on
        ("1.0.1", (), True),
        ("1.0.1", ("soon",), True),
    ],
)
def test_our_own_vulnerability_ends_where_the_advisory_says(version, fixed_in, kept):
    delta = security_delta(snapshot(own_hole(fixed_in=fixed_in)), version)
    assert delta is not None
    assert (len(delta.fixed), len(delta.open)) == ((0, 1) if kept else (1, 0))


def change(n, kind="resolved", cause="withdrawn", **other):
    facts = {"key": f"k{n}", "package": "p", "ids": ("CVE-1",), "severity": "low"} | other
    return Change(kind=kind, cause=cause, **facts)


def test_a_severity_that_changed():
    told = (
        change(1, "worsened", None, evidence="low -> critical"),
        change(2, "eased", None, ids=(), evidence="high -> <i>low</i>"),
        change(3, "updated", None),
    )
    noted = sections(by_hand("x", changes=Changes(since="nothing", changes=told)))
    assert noted[1] == Section(
        "Advisories rated anew",
        "- `p` `CVE-1`: low -&gt; critical\n- `p` `k2`: high -&gt; &lt;i&gt;low&lt;/i&gt;",
    )


def test_what_no_upgrade_settled():
    gone = finding(suppressed=True)
    before, after = evidence(snapshot(finding())), evidence(snapshot(gone))
    changes = SecurityChangeDetector().compare(before.record, after.record)
    told = sections(by_hand(changes=changes))
    assert told == (Section("Advisories settled otherwise", "- `jinja2` `CVE-1`: suppressed"),)
    others = (change(0, cause="upgraded"), change(1, "new"), change(2, cause=None))
    assert sections(by_hand(changes=Changes(since="nothing", changes=others))) == ()


@pytest.mark.parametrize(("count", "last"), [(100, "k99"), (101, "- and 1 more findings")])
def test_long_lists_are_counted(count, last):
    many = tuple(change(n, ids=(), key=f"k{n:02}") for n in range(count))
    body = sections(by_hand(changes=Changes(since="nothing", changes=many)))[0].body
    assert last in body.splitlines()[-1]


def test_a_release_by_hand():
    assert sections(by_hand("A *new* door")) == (Section("Changed", "- A \\*new\\* door"),)
    assert sections(by_hand()) == ()
    assert by_hand_only() == Section("Changed", "- Released by hand.")
    assert len(sections(by_hand("x" * 3000))[0].body) == 2002


def test_a_release_by_hand_may_fix_a_vulnerability_too():
    scan = snapshot(finding(affects=FREED))
    told = sections(by_hand("Because.", delta=security_delta(scan, "1.1.0")))
    assert [section.title for section in told] == ["Security", "Changed"]
    assert "automatically" not in written(told)


def removed(key, **other):
    return finding(key, affects=FREED, **other)


def test_the_worst_package_stands_first_and_many_ids_are_counted():
    text = notes_of(
        removed("CVE-0@alpha", severity="low", summary="s" * 130),
        *(removed(f"CVE-{n:02}@beta", severity="medium", summary="x") for n in range(10)),
        removed("CVE-99@beta", ids=(), severity="critical", summary="not told: there are more"),
        removed("CVE-50@gamma"),
        closures=(
            closure("published", ["alpha==1", "beta==1", "gamma==1"]),
            closure("candidate", []),
        ),
        scanners={"osv": scanner("alpha==1", "beta==1", "gamma==1")},
    )
    medium = ", ".join(f"`CVE-{n:02}` (medium)" for n in range(9))
    lines = [line.split(". It does not")[0] for line in text.splitlines()[2:5]]
    assert lines == [
        f"- `beta`: a fresh install no longer gets `CVE-99@beta` (critical), {medium} and 1 more",
        "- `gamma`: a fresh install no longer gets `CVE-50` (high)",
        f"- `alpha`: a fresh install no longer gets `CVE-0` (low): {'s' * 119}…",
    ]


@pytest.mark.parametrize("markup", [MARKDOWN, RST])
def test_text_of_others_is_no_markup(markup):
    bad = finding(affects=FREED, summary=HOSTILE, ids=("CVE`<b>`\n# x",), url="javascript:alert(1)")
    scan = snapshot(bad, own_hole(summary=HOSTILE, url="https://x/)<script>"))
    told = occasion(scan)
    text = written(sections(told, markup)) + (announcement(told) if markup is MARKDOWN else "")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "http://e.vil" not in text
    assert "\n# x" not in text
    if markup is MARKDOWN:
        assert "](http" not in text
        for word in ("<script>", "@all", "javascript"):
            assert word not in text
        assert r"\| \`a\` \#\# Heading \[l\]\(http&#58;//e.vil\)" in text
    else:
        assert r"\<script\>x\</script\> \| \`a\` ## Heading \[l\](http\://e.vil) \@all" in text


def test_a_template_escapes_whatever_is_put_into_it():
    """Without any filter: to forget one does no harm."""
    told = MARKDOWN.render("automatic", version="<b>", date="*", rule="[x](y)")
    assert told.startswith(
        r"Release &lt;b&gt; of \* was made automatically, by the rule \[x\]\(y\)."
    )


def world_of(count: int, **other) -> Snapshot:
    """Findings removed, added, kept and not to be told, a quarter each, with long hostile words."""
    pins = [f"p{n}==1.0" for n in range(count)]
    ways = (FREED, ADDED, HELD, FREED)
    held = [
        finding(f"CVE-{n}@p{n}", affects=ways[n % 4], summary=HOSTILE * 20, **other)
        for n in range(count)
    ]
    covered = [pin for n, pin in enumerate(pins) if n % 4 != 3]
    gaps = closure("candidate", [p.replace("1.0", "2.0") for n, p in enumerate(pins) if n % 4 == 3])
    return snapshot(
        *held,
        scanners={"osv": scanner(*covered)},
        closures=(closure("published", pins), gaps),
    )


def test_two_thousand_changes_stay_readable():
    many = tuple(change(n, "worsened", None, evidence="x" * 500) for n in range(2000))
    many += tuple(change(n, package="p" * 500) for n in range(2000))
    scan = world_of(2000, extras=tuple(f"extra{n}" for n in range(50)))
    told = occasion(scan, changes=Changes(since="nothing", changes=many))
    own = [Section("Added", "\n".join(f"- {n} {'w' * 80}" for n in range(2000)))]
    noted, page = written(sections(told)), announcement(told, own)
    assert len(noted.encode()) < 60_000
    assert len(page.encode()) < 60_000
    assert max(map(len, page.splitlines())) < 3000
    assert "more packages" in page
    assert "more findings" in page
    assert "The rest stands in the changelog." in page


@pytest.mark.parametrize("letter", ["&", "\U0001f512", "<"])
def test_the_longest_words_of_a_person_stay_in_bounds(letter):
    many = tuple(change(n, "worsened", None, evidence=letter * 500) for n in range(2000))
    many += tuple(change(n, package=letter * 500) for n in range(2000))
    told = by_hand(
        letter * 3000,
        delta=security_delta(world_of(2000), "1.1.0"),
        changes=Changes(since="nothing", changes=many),
    )
    own = [Section("Added", f"- {letter * 90}\n" * 2000)]
    assert len(written(sections(told)).encode()) < 60_000
    assert len(announcement(told, own).encode()) < 60_000


def test_same_inputs_same_bytes_whatever_the_order():
    scan = world_of(40)
    turned = replace(scan, findings=scan.findings[::-1], closures=scan.closures[::-1])
    assert announcement(occasion(scan)) == announcement(occasion(turned))
    assert msgspec.json.encode(security_delta(scan, "1")) == msgspec.json.encode(
        security_delta(turned, "1")
    )


PAGE = """\
`demo` `1.0.1` fixes 1 known vulnerability that users of `1.0` get.

## Security

- `jinja2`: a fresh install no longer gets `CVE-1` (high). It gets `2.0` instead of `1.0` on \
Python 3.11.

Affected: whoever uses `demo` `1.0`; older releases were not looked at. What to do: upgrade to \
`1.0.1`. An environment that exists keeps what it has installed; upgrade there as well: `jinja2` \
to `2.0`.

## Introduced

- `click`: `CVE-3` (low) on Python 3.11.

## Changes

### Added

- A thing.

## Still open

- `flask` `1.0`: `CVE-2` (medium); a requirement of ours holds the vulnerable version on \
Python 3.11.

## Why this release

The rule `removes-critical-high-or-unknown` of the policy made this release without a hand: HEAD \
removes findings of critical, high or unknown severity that users get, and adds none as bad.

Evidence: high jinja2 CVE-1
"""


def test_the_release_page():
    kept = finding("CVE-2@flask", severity="medium")
    added = finding("CVE-3@click", severity="low", affects=ADDED)
    scan = snapshot(finding(affects=FREED), kept, added, reach=(reach(kept),))
    assert announcement(occasion(scan), [Section("Added", "- A thing.")]) == PAGE


def test_the_release_page_of_a_release_by_hand():
    assert announcement(by_hand("Because <i>we</i> can.")) == (
        "`demo` `1.1.0`, of 2026-11-23.\n\n"
        "## Why this release\n\n"
        "A person asked for this release: Because &lt;i&gt;we&lt;/i&gt; can.\n"
    )


# The delta


def told_of(*findings, version="1.0.1", **other) -> dict[str, list[str]]:
    delta = security_delta(snapshot(*findings, **other), version)
    assert delta is not None
    return {
        name: [item.key for item in getattr(delta, name)]
        for name in ("fixed", "introduced", "open", "unknown")
    }


@pytest.mark.parametrize(
    ("one", "place"),
    [
        (finding(affects=FREED), "fixed"),
        (finding(affects=ADDED), "introduced"),
        (finding(affects=HELD), "open"),
        (finding(affects={}), "open"),  # no closure claims it: held to be everywhere
        (finding(affects=FREED, pythons=("3.10",)), "unknown"),  # HEAD leaves these users behind
        (own_hole(), "fixed"),
        (own_hole(affects=ADDED), ""),  # ends before anybody gets it
        (finding(affects=FREED, scope="dev"), ""),
        (finding(affects=FREED, scope="floor"), ""),
        (finding(affects=FREED, kind="code", scope="code"), ""),
        (finding(affects=FREED, suppressed=True), ""),
    ],
)
def test_where_a_finding_stands_in_the_delta(one, place):
    told = told_of(one)
    assert {name for name, keys in told.items() if keys} == ({place} - {""})


def test_what_was_not_covered_is_unknown_and_never_fixed():
    told = told_of(finding(affects=FREED), scanners={"osv": scanner(state="failed")})
    assert told == {"fixed": [], "introduced": [], "open": [], "unknown": ["CVE-1@jinja2"]}


def test_without_a_release_before_there_is_no_delta():
    assert security_delta(snapshot(closures=(closure("candidate", []),)), "1.0") is None


SEVERITIES = st.sampled_from(["critical", "high", "medium", "low", "unknown"])
FINDINGS = st.lists(
    st.builds(
        lambda n, package, severity, affects, scope: finding(
            f"CVE-{n}@{package}", severity=severity, affects=affects, scope=scope
        ),
        st.integers(0, 30),
        st.sampled_from(["jinja2", "flask", "demo"]),
        SEVERITIES,
        st.sampled_from([FREED, ADDED, HELD, {}]),
        st.sampled_from(["runtime", "extra", "floor", "dev"]),
    ),
    max_size=12,
    unique_by=lambda f: f.key,
)


@given(FINDINGS, st.permutations(range(12)))
@settings(max_examples=60, deadline=None)
def test_every_finding_that_concerns_users_stands_in_the_delta_once(findings, order):
    scan = snapshot(*findings)
    delta = security_delta(scan, "1.0.1")
    assert delta is not None
    concerned = sorted(f.key for f in findings if f.scope in {"runtime", "extra"})
    assert sorted(item.key for item in delta) == concerned
    shuffled = [findings[n] for n in order if n < len(findings)]
    assert security_delta(snapshot(*shuffled), "1.0.1") == delta


# OpenVEX (github.com/openvex/spec, 0.2.0)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def vex_of(*findings, **other):
    delta = security_delta(snapshot(*findings, **other), "1.0.1")
    assert delta is not None
    made = of_delta(delta, NOON)
    return read_vex(encoded(made)) if made else None


def test_the_delta_as_openvex():
    told = vex_of(finding(affects=FREED, ids=("CVE-1", "GHSA-1"), url="https://osv.example/CVE-1"))
    hole = {"name": "CVE-1", "@id": "https://osv.example/CVE-1", "aliases": ["GHSA-1"]}
    assert told["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert told["@id"].startswith("urn:release-warden:openvex:")
    assert (told["timestamp"], told["version"]) == ("2026-11-23T12:00:00Z", 1)
    assert told["statements"] == [
        {
            "vulnerability": hole,
            "products": [
                {"@id": "pkg:pypi/demo@1.0", "subcomponents": [{"@id": "pkg:pypi/jinja2@1.0"}]}
            ],
            "status": "affected",
            "action_statement": "Upgrade to demo 1.0.1.",
        },
        {
            "vulnerability": hole,
            "products": [
                {"@id": "pkg:pypi/demo@1.0.1", "subcomponents": [{"@id": "pkg:pypi/jinja2@2.0"}]}
            ],
            "status": "fixed",
        },
    ]


@pytest.mark.parametrize(
    ("one", "verdict", "status", "action"),
    [
        (finding(), "no-fix", "affected", "No release of ours removes it yet: no fixed version"),
        (finding(), None, "affected", "No release of ours removes it yet."),
        (
            finding(fixed_in=("2.0",)),
            "installable-fix",
            "affected",
            "Install jinja2 2.0 or later beside it.",
        ),
        (finding(affects=ADDED), None, "affected", "No release of ours removes it yet."),
        (finding(affects=FREED, pythons=("3.10",)), None, "under_investigation", ""),
    ],
)
def test_the_status_of_a_statement(one, verdict, status, action):
    (told,) = vex_of(one, reach=(reach(one, verdict),) if verdict else ())["statements"]
    assert told["status"] == status
    assert told.get("action_statement", "").startswith(action)


def test_an_affected_product_always_says_what_to_do():
    """The specification has a must on it."""
    told = vex_of(*world_of(40).findings)["statements"]
    affected = [one for one in told if one["status"] == "affected"]
    assert affected
    assert all(one["action_statement"] for one in affected)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://x.example/<b>",
        "https://x.example/%zz",
        "https://a b/",
        "x",
        "",
    ],
)
def test_what_is_no_address_names_no_vulnerability(url):
    told = vex_of(finding(affects=FREED, ids=("CVE-1",), url=url))
    assert told["statements"][0]["vulnerability"] == {"name": "CVE-1"}


def test_our_own_vulnerability_has_no_subcomponent():
    before, after = vex_of(own_hole())["statements"]
    assert before["products"] == [{"@id": "pkg:pypi/demo@1.0"}]
    assert after["products"] == [{"@id": "pkg:pypi/demo@1.0.1"}]


def test_an_empty_delta_is_no_document():
    assert vex_of() is None


def test_a_delta_survives_its_own_bytes():
    delta = Delta(
        project="p",
        since="1",
        version="2",
        fixed=(DeltaFinding(key="k", package="p", ids=(), severity="low"),),
    )
    assert msgspec.json.decode(msgspec.json.encode(delta), type=Delta) == delta
    assert delta.fixed[0].name == "k"
