"""What an index refuses for ever: metadata, file names and sizes that no retry makes better.

The rules are PyPI's own, which hold for most other indexes: core metadata as packaging reads it,
known classifiers, no direct references, platforms that promise something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import parse_wheel_filename

WHEEL = ".whl"
LIMIT = 100 * 1024 * 1024
"""Bytes a file may have on PyPI unless its project asked for more."""
SUMMARY = 512
"""Characters that a summary may have."""
LABEL = 32
"""Characters that the label of a project URL may have."""
PLATFORMS = re.compile(
    r"any|win32|win_(amd64|arm64)|(many|musl)linux(_?\d+_\d+|1|2010|2014)_\w+|macosx_\d+_\d+_\w+"
    r"|ios_\d+_\d+_\w+|android_\d+_\w+|(pyodide|pyemscripten|emscripten)_\d+\w*_wasm32|linux_armv[67]l"
)
"""The platform tags that PyPI takes; a plain ``linux_x86_64`` promises nothing to anybody."""
PRIVATE = "Private ::"
"""Classifiers that begin so are there to be refused."""


def of_metadata(text: str) -> tuple[str, ...]:
    """Why an index would refuse a file, by its core metadata.

    :param text: METADATA or PKG-INFO.
    """
    raw, unparsed = parse_email(text)
    unknown = (f"{field}: cannot be read" for field in sorted(unparsed))
    return (*unknown, *_of_raw(raw))


def of_project(project: Mapping[str, Any]) -> tuple[str, ...]:
    """Why an index would refuse what a ``[project]`` table makes, before it is built.

    Only what the table says itself is looked at; what is dynamic shows when it is built.

    :param project: the table (PEP 621, PEP 639), whose types have been checked; empty where there
        is none, as setup.py and poetry's own table need none.
    """
    if not project:
        return ()
    raw: RawMetadata = {
        "metadata_version": "2.4",
        "name": project.get("name", ""),
        "version": project.get("version", "0"),
        "classifiers": list(project.get("classifiers", ())),
        "requires_dist": list(_requirements(project)),
        "project_urls": dict(project.get("urls", {})),
    }
    if "description" in project:
        raw["summary"] = project["description"]
    if "requires-python" in project:
        raw["requires_python"] = project["requires-python"]
    if isinstance(project.get("license"), str):
        raw["license_expression"] = project["license"]
    return tuple(_of_raw(raw))


def of_file(name: str, size: int) -> tuple[str, ...]:
    """Why an index would refuse a file by its name or size.

    :param name: a name that parses as a wheel's or an sdist's.
    :param size: in bytes.
    """
    return tuple(_of_file(name, size))


def _requirements(project: Mapping[str, Any]) -> Iterator[str]:
    yield from project.get("dependencies", ())
    for texts in project.get("optional-dependencies", {}).values():
        yield from texts


def _of_raw(raw: RawMetadata) -> Iterator[str]:
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        yield from (str(error) for error in _leaves(group))
    yield from _of_summary(raw.get("summary") or "")
    yield from _of_classifiers(raw.get("classifiers", []))
    yield from _of_requirements(raw.get("requires_dist", []))
    yield from _of_urls(raw.get("project_urls", {}))


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, InvalidMetadata):
            yield error
        elif isinstance(error, ExceptionGroup):
            yield from _leaves(error)


def _of_summary(summary: str) -> Iterator[str]:
    if len(summary) > SUMMARY:
        yield f"summary: it has {len(summary)} characters, at most {SUMMARY} are taken"


def _of_classifiers(classifiers: Iterable[str]) -> Iterator[str]:
    from trove_classifiers import all_classifiers, deprecated_classifiers

    known = {*all_classifiers}
    for one in classifiers:
        if one.startswith(PRIVATE):
            yield f"classifier {one!r}: it is there to keep the project off public indexes"
        elif one in deprecated_classifiers:
            instead = ", ".join(deprecated_classifiers[one]) or "nothing"
            yield f"classifier {one!r}: it is deprecated; use {instead}"
        elif one not in known:
            yield f"classifier {one!r}: no such classifier is known"


def _of_requirements(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # packaging has said so
        if requirement.url:
            yield f"requirement {line!r}: an address in place of a version is refused"


def _of_urls(urls: Mapping[str, str]) -> Iterator[str]:
    for label, url in urls.items():
        if len(label) > LABEL:
            yield f"project URL {label!r}: its label has more than {LABEL} characters"
        if not re.match(r"https?://[^\s/]+", url):
            yield f"project URL {label!r}: {url!r} is no http or https address"


def _of_file(name: str, size: int) -> Iterator[str]:
    if size > LIMIT:
        yield f"{name}: it has {size:,} bytes, more than {LIMIT:,} need the index's consent"
    if name.endswith(WHEEL):
        _, _, _, tags = parse_wheel_filename(name)
        refused = sorted({tag.platform for tag in tags if not PLATFORMS.fullmatch(tag.platform)})
        for platform in refused:
            yield f"{name}: the platform {platform} is refused; see auditwheel or delocate"
    elif not name.endswith(".tar.gz"):
        yield f"{name}: an sdist ends in .tar.gz (PEP 625)"
