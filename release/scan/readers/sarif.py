"""SARIF 2.1.0 (OASIS), of any tool: one reading a run, under the name ``sarif:<tool>``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from release.model.finding import Severity
from release.model.snapshot import Gap
from release.scan.readers.code import (
    Flag,
    Source,
    findings,
    first_line,
    is_secret_rule,
    path_of,
    place,
)
from release.scan.readers.form import (
    EVERYTHING,
    Part,
    RawEntries,
    Text,
    UnreadableReportError,
    each,
    parse,
    word,
)
from release.scan.readers.reading import Reading, failed, told
from release.scan.severity import severity_of_score

NAME = "sarif"
LEVELS: dict[str, Severity] = {"error": "high", "warning": "medium", "note": "low"}
"""How a tool would have a build react, taken for severity only where nothing better is told."""
COUNTS = frozenset({"fail", "open", "review"})
"""The kinds of result that tell a weakness (section 3.27.9); the others tell that there is none."""
UNNAMED = "unnamed-rule"
NOWHERE = "."
"""The place of a result that tells none."""
CWE = re.compile(r"cwe[-/_ ]*0*(\d+)", re.IGNORECASE)


class Message(Part, frozen=True):
    """What is said."""

    text: str | None = None
    markdown: str | None = None


class Configuration(Part, frozen=True):
    """A rule's own settings."""

    level: str | None = None


class Rule(Part, frozen=True, rename="camel"):
    """A rule of the tool."""

    id: str
    help_uri: str | None = None
    default_configuration: Configuration | None = None
    properties: dict[str, Any] | None = None


class Driver(Part, frozen=True):
    """The tool."""

    name: Text
    rules: tuple[Rule, ...] | None = None


class Tool(Part, frozen=True):
    """The tool and its extensions."""

    driver: Driver


class Notification(Part, frozen=True):
    """Something that happened to the tool."""

    message: Message
    level: str = "warning"


class Invocation(Part, frozen=True, rename="camel"):
    """How the run ended."""

    execution_successful: bool
    tool_execution_notifications: tuple[Notification, ...] = ()
    tool_configuration_notifications: tuple[Notification, ...] = ()


class ArtifactLocation(Part, frozen=True):
    """A file."""

    uri: str | None = None
    index: int | None = None


class Artifact(Part, frozen=True):
    """A file that the run knows of."""

    location: ArtifactLocation | None = None
    roles: tuple[str, ...] = ()


class Region(Part, frozen=True, rename="camel"):
    """A part of a file."""

    start_line: int | None = None
    snippet: Message | None = None


class PhysicalLocation(Part, frozen=True, rename="camel"):
    """A part of a file, with the file."""

    artifact_location: ArtifactLocation | None = None
    region: Region | None = None


class Location(Part, frozen=True, rename="camel"):
    """Where a result is."""

    physical_location: PhysicalLocation | None = None


class Suppression(Part, frozen=True):
    """That somebody set a result aside; without a status it is accepted (section 3.35.3)."""

    status: str = "accepted"


class RuleReference(Part, frozen=True):
    """Another way to name a rule."""

    id: str | None = None
    index: int | None = None


class Result(Part, frozen=True, rename="camel"):
    """One result."""

    message: Message
    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    kind: str = "fail"
    level: str | None = None
    locations: tuple[Location, ...] = ()
    suppressions: tuple[Suppression, ...] | None = None
    baseline_state: str | None = None
    properties: dict[str, Any] | None = None


class Run(Part, frozen=True):
    """One run of one tool; ``results`` is null or missing where the tool did not get to them."""

    tool: Tool
    results: RawEntries | None = None
    invocations: tuple[Invocation, ...] | None = None
    artifacts: tuple[Artifact, ...] | None = None


class Log(Part, frozen=True):
    """The whole."""

    version: Literal["2.1.0"]
    runs: RawEntries


def read(data: bytes, source: Source) -> tuple[Reading, ...]:
    """Read a log: a reading for each of its runs.

    :raises UnreadableReportError: it is none, or holds no run.
    """
    log: Log = parse(data, Log)
    if not log.runs:
        raise UnreadableReportError("it holds no run")
    readings: list[Reading] = []

    def aside(content: Any, reason: str) -> None:
        tool = word(content, "tool", "driver", "name") or source.stem
        readings.append(failed(scanner_name(tool), reason))

    readings.extend(_read_run(run, source) for run in each(log.runs, Run, aside))
    return tuple(readings)


def scanner_name(tool: str) -> str:
    """A tool's name as a scanner's."""
    return f"{NAME}:{re.sub(r'[^a-z0-9.]+', '-', tool.lower()).strip('-')}"


def _read_run(run: Run, source: Source) -> Reading:
    name = scanner_name(run.tool.driver.name)
    if run.results is None:
        return failed(name, "it holds no results: the tool did not get to them")
    if any(not invocation.execution_successful for invocation in run.invocations or ()):
        return failed(name, "the tool says that it did not succeed (executionSuccessful)")
    gaps = list(_troubles(run.invocations or ()))

    def aside(content: Any, reason: str) -> None:
        gaps.append(Gap(name=_place_named(content, source) or EVERYTHING, reason=reason))

    results = each(run.results, Result, aside)
    flags = [_flag(result, run, source) for result in results if _counts(result)]
    gaps += [
        Gap(name=EVERYTHING, reason="a result tells no rule, or no place")
        for flag in flags
        if flag.path == NOWHERE or flag.rule == UNNAMED
    ]
    scanned = {place(path_of(uri, source.tree)) for uri in _targets(run)}
    covered = scanned | {place(flag.path) for flag in flags}
    found = findings(name, flags, source)
    blind = {gap.name for gap in gaps}
    return told(name, found, covered - blind, gaps, selective=not scanned)


def _place_named(content: Any, source: Source) -> str | None:
    """The file that a result which cannot be read is about."""
    locations = content.get("locations") if isinstance(content, dict) else None
    first = locations[0] if isinstance(locations, list) and locations else None
    uri = word(first, "physicalLocation", "artifactLocation", "uri")
    return place(path_of(uri, source.tree)) if uri else None


def _troubles(invocations: Iterable[Invocation]) -> Iterator[Gap]:
    for invocation in invocations:
        for notice in (
            *invocation.tool_execution_notifications,
            *invocation.tool_configuration_notifications,
        ):
            if notice.level == "error":
                reason = notice.message.text or notice.message.markdown or "an error"
                yield Gap(name=EVERYTHING, reason=" ".join(reason.split()))


def _targets(run: Run) -> Iterator[str]:
    """The files that the run says it analyzed."""
    for artifact in run.artifacts or ():
        if "analysisTarget" in artifact.roles and artifact.location and artifact.location.uri:
            yield artifact.location.uri


def _counts(result: Result) -> bool:
    """Whether a result tells a weakness that is there now (sections 3.27.9 and 3.27.24)."""
    return result.kind in COUNTS and result.baseline_state != "absent"


def _flag(result: Result, run: Run, source: Source) -> Flag:
    rule = _rule(result, run.tool.driver)
    name = _rule_name(result, rule)
    where = result.locations[0].physical_location if result.locations else None
    region = where.region if where else None
    snippet = region.snippet.text if region and region.snippet else None
    score = _score(result, rule)
    severity = severity_of_score(score) if score is not None else _level(result, rule)
    return Flag(
        rule=name,
        path=_path(where, run, source),
        severity=severity,
        score=score,
        line=first_line(snippet),
        number=region.start_line or 0 if region else 0,
        is_secret=_is_secret(run.tool.driver.name, name, rule),
        summary=result.message.text or result.message.markdown or "",
        url=rule.help_uri if rule and (rule.help_uri or "").startswith("https://") else None,
        suppressed=_is_suppressed(result),
    )


def _rule(result: Result, driver: Driver) -> Rule | None:
    index = result.rule_index
    if index is None and result.rule:
        index = result.rule.index
    rules = driver.rules or ()
    if index is not None and 0 <= index < len(rules):
        return rules[index]
    return next((rule for rule in rules if rule.id == _rule_name(result, None)), None)


def _rule_name(result: Result, rule: Rule | None) -> str:
    told_id = result.rule_id or (result.rule.id if result.rule else None)
    return told_id or (rule.id if rule else "") or UNNAMED


def _path(where: PhysicalLocation | None, run: Run, source: Source) -> str:
    """The file, as far as the result tells one."""
    location = where.artifact_location if where else None
    if location and location.uri is None and location.index is not None and run.artifacts:
        known = run.artifacts[location.index : location.index + 1]
        location = known[0].location if known else None
    return path_of(location.uri, source.tree) if location and location.uri else NOWHERE


def _score(result: Result, rule: Rule | None) -> float | None:
    """``security-severity`` (a string, as GitHub defines it), of the result or of its rule."""
    for properties in (result.properties, rule.properties if rule else None):
        text = (properties or {}).get("security-severity")
        try:
            score = float(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if score is not None and 0 < score <= 10:
            return score
    return None


def _level(result: Result, rule: Rule | None) -> Severity:
    """By the level, which is ``warning`` where nobody sets it (section 3.27.10)."""
    configured = rule.default_configuration if rule else None
    level = result.level or (configured.level if configured else None) or "warning"
    return LEVELS.get(level, "unknown")


def _is_secret(tool: str, name: str, rule: Rule | None) -> bool:
    tags = (rule.properties or {}).get("tags") if rule else None
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    cwes = [found[1] for tag in words if (found := CWE.search(tag))]
    return any(is_secret_rule(text, cwes) for text in (tool, name, *words))


def _is_suppressed(result: Result) -> bool:
    """A suppression under review or rejected suppresses nothing (section 3.27.23)."""
    suppressions = result.suppressions or ()
    return bool(suppressions) and all(one.status == "accepted" for one in suppressions)
