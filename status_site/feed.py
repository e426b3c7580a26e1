"""``feed.xml``: what changed for users, as an Atom feed (RFC 4287)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import nlargest
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import (  # nosec B405 # it writes, and reads none
    Element,
    SubElement,
    register_namespace,
    tostring,
)

from release.model.history import Span, Story
from release.model.receipt import Receipt
from release.model.text import plain
from status_site.documents import Documents
from status_site.names import key_name, version_name
from status_site.status import SecurityStatus
from status_site.words import count_of

ATOM = "http://www.w3.org/2005/Atom"
OURS = "urn:release-warden:status:1"
LONGEST = 50
"""Entries of the feed, newest first."""


class Event(NamedTuple):
    """Something that happened; ``name`` tells it from all others for ever."""

    at: datetime
    name: str
    about: tuple[Story, Span] | Receipt


class Entry(NamedTuple):
    """What the feed says of an event, and the file that says more."""

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
    events = nlargest(LONGEST, _events(documents), key=lambda event: event[:2])
    root = Element(f"{{{ATOM}}}feed")
    _text(root, "id", _urn(project))
    _text(root, "title", f"Security status of {project}")
    _text(root, "updated", _moment(_updated(events, status)))
    _text(root, "generator", "Release Warden")
    SubElement(root, f"{{{OURS}}}build-id").text = status.build_id
    author = SubElement(root, f"{{{ATOM}}}author")
    _text(author, "name", project)
    SubElement(root, f"{{{ATOM}}}link", rel="self", href="feed.xml", type="application/atom+xml")
    SubElement(root, f"{{{ATOM}}}link", rel="alternate", href="index.html", type="text/html")
    for event in events:
        _add(root, project, event, _entry(event, documents))
    data: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _updated(events: list[Event], status: SecurityStatus) -> datetime:
    """The newest event; a feed without one is as old as the scan."""
    return events[0].at if events else status.last_updated or datetime.fromisoformat(NEVER)


NEVER = "1970-01-01T00:00:00+00:00"


def _add(root: Element, project: str, event: Event, entry: Entry) -> None:
    element = SubElement(root, f"{{{ATOM}}}entry")
    _text(element, "id", _urn(project, event.name))
    _text(element, "title", entry.title)
    _text(element, "updated", _moment(event.at))
    _text(element, "published", _moment(event.at))
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


def _events(documents: Documents) -> Iterator[Event]:
    for story in documents.stories:
        if story.key in documents.shipped:
            for number, span in enumerate(story.spans):
                yield Event(span.opened, f"opened {story.key} {number}", (story, span))
                if span.closed:
                    yield Event(span.closed, f"closed {story.key} {number}", (story, span))
    for receipt in documents.releases:
        yield Event(receipt.confirmed_at, f"release {receipt.version}", receipt)


def _entry(event: Event, documents: Documents) -> Entry:
    if isinstance(event.about, Receipt):
        return _release(event.about)
    story, span = event.about
    about = plain(f"{story.ids[0] if story.ids else story.key} in {story.package}", 200)
    file = f"findings/{key_name(story.key)}.json"
    if event.name.startswith("opened"):
        summary = plain(documents.shipped[story.key].finding.summary, 500)
        return Entry(f"Open: {about} ({story.severity})", summary, file)
    cause = (span.cause or "resolved").replace("-", " ")
    return Entry(f"Closed: {about}", f"Cause: {cause}.", file)


def _release(receipt: Receipt) -> Entry:
    fixed = len(receipt.delta.fixed) if receipt.delta else 0
    return Entry(
        title=f"Released {plain(receipt.version, 60)}",
        text=f"It takes {count_of(fixed, 'finding')} from its users." if fixed else "",
        file=f"releases/{version_name(receipt.version)}.json",
    )
