"""Release notes: the sections of a changelog (keepachangelog.com), and a text for a release page.

Four occasions have templates of their own: a vulnerability fixed, one of ours disclosed, a severity
changed, a release by hand. Same inputs, same bytes; what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from release.decide.markup import MARKDOWN, Made, Markup
from release.model.changes import Change, Changes
from release.model.decision import Decision
from release.model.delta import Delta, DeltaFinding
from release.model.finding import RANK
from release.model.text import VERDICTS, Section, listing

LINES_SHOWN = 100
"""The most lines of one list."""
IDS_SHOWN = 10
"""The most ids of one package in one line."""
ROOM = 6_500
"""The most bytes of one list, so that all of them stay under 60 KB together."""
OWN_ROOM = 12_000
"""The most bytes of the project's own entries on a release page."""
UPGRADES_SHOWN = 20


@dataclass(frozen=True)
class Occasion:
    """What a release is about.

    :param date: as 2026-11-23.
    :param delta: the security delta, where it is known.
    :param changes: what changed since the last release, where that is known.
    """

    decision: Decision
    project: str
    version: str
    date: str
    delta: Delta | None = None
    changes: Changes | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person asked for it."""
        return self.decision.trigger == "manual"

    @property
    def reason(self) -> str:
        """The person's words."""
        return self.decision.reasons[0].evidence if self.by_hand else ""


def sections(occasion: Occasion, markup: Markup = MARKDOWN) -> tuple[Section, ...]:
    """The changelog's sections: what is fixed, disclosed, rated anew, and why there is a release.

    All that comes from advisories is escaped. At most 100 lines and 6.5 KB of each list are told,
    the rest counted.
    """
    told = (
        Section("Security", _security(occasion, markup)),
        Section("Changed", _reason(occasion, markup)),
        Section("Advisories rated anew", _rated(occasion.changes, markup)),
        Section("Advisories settled otherwise", _settled(occasion.changes, markup)),
    )
    kept = [section for section in told if section.body]
    return tuple(_justified(kept, occasion, markup))


def by_hand_only() -> Section:
    """What stands in the notes of a release of which nothing is known."""
    return Section("Changed", "- Released by hand.")


def announcement(occasion: Occasion, own: Sequence[Section] = ()) -> str:
    """The text of a release page, in Markdown.

    :param own: the project's own entries for this version; their text is the project's, and is
        taken as it stands, up to 12 KB.
    """
    delta = occasion.delta
    still = (*delta.open, *delta.unknown) if delta else ()
    told = (
        Section("", _headline(occasion)),
        Section("Security", _security(occasion, MARKDOWN)),
        Section("Introduced", _listed_open(delta.introduced if delta else ())),
        Section("Changes", _own(own)),
        Section("Still open", _listed_open(still)),
        Section("Advisories rated anew", _rated(occasion.changes, MARKDOWN)),
        Section("Advisories settled otherwise", _settled(occasion.changes, MARKDOWN)),
        Section("Why this release", _why(occasion)),
    )
    return written([section for section in told if section.body], level=2)


def written(parts: Iterable[Section], level: int = 3) -> str:
    """Sections as Markdown.

    :param level: of their headings.
    """
    blocks = (f"{'#' * level} {s.title}\n\n{s.body}" if s.title else s.body for s in parts)
    return "\n\n".join(blocks).strip() + "\n"


def _justified(kept: list[Section], occasion: Occasion, markup: Markup) -> Iterator[Section]:
    """The sections, the last of which says why there is a release that nobody asked for."""
    if occasion.decision.trigger != "security-auto":
        yield from kept
        return
    facts = {"version": occasion.version, "date": occasion.date, "rule": occasion.decision.rule}
    why = markup.render("automatic", **facts).strip()
    *first, last = kept or [Section("Security", "")]
    yield from first
    yield Section(last.title, f"{last.body}\n\n{why}".strip())


def _security(occasion: Occasion, markup: Markup) -> str:
    delta = occasion.delta
    if delta is None or not delta.fixed:
        return ""
    lines = _bounded(_fixed_lines(delta, markup), "packages")
    return f"{lines}\n\n{_advice(occasion, delta, markup)}"


def _fixed_lines(delta: Delta, markup: Markup) -> list[str]:
    """One line a package, the worst first."""
    return [_fixed_line(group, delta, markup) for group in _by_package(delta.fixed)]


def _by_package(findings: Iterable[DeltaFinding]) -> list[list[DeltaFinding]]:
    """The findings of each package; the packages by their worst, then by name."""
    in_order = sorted(findings, key=lambda f: (f.package, -RANK[f.severity], f.key))
    groups = [list(group) for _, group in groupby(in_order, key=lambda f: f.package)]
    return sorted(groups, key=lambda group: -RANK[group[0].severity])


def _fixed_line(group: list[DeltaFinding], delta: Delta, markup: Markup) -> str:
    first = group[0]
    return markup.render(
        "disclosed" if first.own else "fixed",
        package=first.package,
        ids=_ids(group, markup),
        about=_about(group, markup),
        was=first.was,
        becomes=first.becomes,
        where=_where(group, markup),
        version=delta.version,
        url=first.url,
    ).strip()


def _ids(group: list[DeltaFinding], markup: Markup) -> Made:
    names = (f"{markup.code(f.name, 60)} ({f.severity})" for f in group)
    return Made(listing(names, IDS_SHOWN))


def _about(group: list[DeltaFinding], markup: Markup) -> Made:
    """What a finding that stands alone is about."""
    about = markup.escape(group[0].summary, 120).rstrip(".") if len(group) == 1 else ""
    return Made(f": {about}" if about else "")


def _where(group: list[DeltaFinding], markup: Markup) -> Made:
    pythons = dict.fromkeys(python for f in group for python in f.pythons)
    extras = dict.fromkeys(extra for f in group for extra in f.extras)
    return Made(
        markup.render("where", pythons=list(pythons), extras=list(extras)).replace("\n", "")
    )


def _advice(occasion: Occasion, delta: Delta, markup: Markup) -> str:
    """Who is affected, and what they do."""
    groups = [group[0] for group in _by_package(delta.fixed) if group[0].becomes]
    upgrades = (f"{markup.code(f.package, 60)} to {markup.code(f.becomes[0], 60)}" for f in groups)
    return markup.render(
        "advice",
        project=occasion.project,
        since=delta.since,
        version=occasion.version,
        upgrades=Made(listing(upgrades, UPGRADES_SHOWN)),
    ).strip()


def _listed_open(findings: Iterable[DeltaFinding]) -> str:
    return _bounded([_open_line(group) for group in _by_package(findings)], "packages")


def _open_line(group: list[DeltaFinding]) -> str:
    first = group[0]
    return MARKDOWN.render(
        "open",
        package=first.package,
        ids=_ids(group, MARKDOWN),
        about=_about(group, MARKDOWN),
        was=first.was,
        verdict=VERDICTS[first.verdict] if first.verdict else "",
        where=_where(group, MARKDOWN),
    ).strip()


def _reason(occasion: Occasion, markup: Markup) -> str:
    return markup.render("reason", reason=occasion.reason).strip() if occasion.reason else ""


def _rated(changes: Changes | None, markup: Markup) -> str:
    """Advisories whose severity changed: users judge them anew, though nothing was fixed."""
    return _changes(
        changes,
        lambda c: c.kind in {"worsened", "eased"},
        lambda c: markup.render("rated", package=c.package, name=_name(c), evidence=c.evidence),
    )


def _settled(changes: Changes | None, markup: Markup) -> str:
    """What was resolved with another cause than an upgrade: no work of ours, but worth telling."""
    return _changes(
        changes,
        lambda c: c.kind == "resolved" and c.cause not in {None, "upgraded"},
        lambda c: markup.render("settled", package=c.package, name=_name(c), cause=c.cause),
    )


def _changes(
    changes: Changes | None, wanted: Callable[[Change], bool], told: Callable[[Change], str]
) -> str:
    chosen = [change for change in (changes.changes if changes else ()) if wanted(change)]
    return _bounded([told(change).strip() for change in chosen], "findings")


def _name(change: Change) -> str:
    return change.ids[0] if change.ids else change.key


def _headline(occasion: Occasion) -> str:
    delta = occasion.delta
    return MARKDOWN.render(
        "headline",
        project=occasion.project,
        version=occasion.version,
        date=occasion.date,
        since=delta.since if delta else "",
        fixed=len(delta.fixed) if delta else 0,
    ).strip()


def _why(occasion: Occasion) -> str:
    reason = occasion.decision.reasons[0]
    return MARKDOWN.render(
        "why",
        manual=occasion.by_hand,
        reason=occasion.reason,
        rule=reason.rule,
        why=reason.why,
        evidence=reason.evidence,
    ).strip()


def _own(parts: Sequence[Section]) -> str:
    """The project's own entries, cut between lines where they are too long for a release page."""
    whole = written(parts).strip()
    if len(whole.encode()) <= OWN_ROOM:
        return whole
    kept = _fitting(whole.splitlines(), OWN_ROOM)
    return "\n".join([*kept, "", "The rest stands in the changelog."])


def _bounded(lines: list[str], what: str) -> str:
    """A list of at most ``LINES_SHOWN`` lines and ``ROOM`` bytes; the rest is counted."""
    kept = _fitting(lines[:LINES_SHOWN], ROOM)
    left = len(lines) - len(kept)
    return "\n".join([*kept, *([f"- and {left} more {what}"] if left else [])])


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept
