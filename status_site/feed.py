"""``feed.xml``: what changed for users, as an Atom feed (RFC 4287)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import nlargest
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from release.model.history import Span, Story
from release.model.text import plain
from status_site.documents import Documents
from status_site.names import key_name, version_name
from status_site.status import SecurityStatus

ATOM = "http://www.w3.org/2005/Atom"
OURS = "urn:release-warden:status:1"
LONGEST = 50
"""Entries of the feed, newest first."""


class Entry(NamedTuple):
    """One event; ``name`` tells it from all others for ever."""

    at: datetime
    name: str
    title: str
    text: str
    file: str


def feed(documents: Documents, status: SecurityStatus) -> bytes:
    """The feed: findings that opened and closed, and releases.

    Links are relative to the feed itself, since a site does not know where it will lie.
    """
    register_namespace("", ATOM)
    register_namespace("warden", OURS)
    project = plain(status.project or "this project", 200)
    entries = nlargest(LONGEST, _entries(documents), key=lambda it: (it.at, it.name))
    root = Element(f"{{{ATOM}}}feed")
    _text(root, "id", _urn(project))
    _text(root, "title", f"Security status of {project}")
    _text(root, "updated", _moment(_updated(entries, status)))
    _text(root, "generator", "Release Warden")
    SubElement(root, f"{{{OURS}}}build-id").text = status.build_id
    author = SubElement(root, f"{{{ATOM}}}author")
    _text(author, "name", project)
    SubElement(root, f"{{{ATOM}}}link", rel="self", href="feed.xml", type="application/atom+xml")
    SubElement(root, f"{{{ATOM}}}link", rel="alternate", href="index.html", type="text/html")
    for entry in entries:
        _add(root, project, entry)
    data: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _updated(entries: list[Entry], status: SecurityStatus) -> datetime:
    """The newest event; a feed without one is as old as the scan."""
    return entries[0].at if entries else status.last_updated or datetime.fromisoformat(NEVER)


NEVER = "1970-01-01T00:00:00+00:00"


def _add(root: Element, project: str, entry: Entry) -> None:
    element = SubElement(root, f"{{{ATOM}}}entry")
    _text(element, "id", _urn(project, entry.name))
    _text(element, "title", entry.title)
    _text(element, "updated", _moment(entry.at))
    _text(element, "published", _moment(entry.at))
    SubElement(element, f"{{{ATOM}}}link", rel="alternate", href=entry.file)
    _text(element, "content", entry.text).set("type", "text")


def _text(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, f"{{{ATOM}}}{name}")
    element.text = text
    return element


def _urn(*parts: str) -> str:
    return uuid5(NAMESPACE_URL, "\n".join(("release-warden/status", *parts))).urn


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _entries(documents: Documents) -> Iterator[Entry]:
    for story in documents.stories:
        item = documents.shipped.get(story.key)
        if item:
            for span in story.spans:
                yield from _span(story, span, plain(item.finding.summary, 500))
    for receipt in documents.releases:
        fixed = len(receipt.delta.fixed) if receipt.delta else 0
        yield Entry(
            at=receipt.confirmed_at,
            name=f"release {receipt.version}",
            title=f"Released {plain(receipt.version, 60)}",
            text=f"It takes {fixed} finding(s) from its users." if fixed else "",
            file=f"releases/{version_name(receipt.version)}.json",
        )


def _span(story: Story, span: Span, summary: str) -> Iterator[Entry]:
    about = plain(f"{story.ids[0] if story.ids else story.key} in {story.package}", 200)
    file = f"findings/{key_name(story.key)}.json"
    opened = f"{story.key} {_moment(span.opened)}"
    yield Entry(span.opened, f"opened {opened}", f"Open: {about} ({story.severity})", summary, file)
    if span.closed:
        cause = (span.cause or "resolved").replace("-", " ")
        yield Entry(span.closed, f"closed {opened}", f"Closed: {about}", f"Cause: {cause}.", file)
