"""``sbom/<version>.cdx.json``: what users get, as CycloneDX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import msgspec

from release.model.names import normalised
from release.model.openvex import purl
from release.model.snapshot import Closure, Gap, Pin
from release.model.text import plain
from status_site.status import SecurityStatus

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.dependency import Dependency
    from packageurl import PackageURL

PROPERTY = "release-warden:"
"""What the names of our own properties begin with (CycloneDX property taxonomy)."""


def sbom(closure: Closure, status: SecurityStatus) -> bytes:
    """The packages that a fresh install of a version brings, on any Python and with any extra.

    Same status, same bytes: the serial number follows from the build id, and the timestamp is the
    scan's.

    :param closure: what was resolved.
    """
    from cyclonedx.model import Property  # late: most tasks write no SBOM
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    name = status.project or ""
    root = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=closure.version,
        bom_ref=purl(name, closure.version),
        purl=_purl(name, closure.version),
    )
    # One part a reference, and none for the project itself: equal ones would be renamed at random.
    pins = {purl(pin.name, pin.version): pin for pin in closure.pins}
    pins.pop(purl(name, closure.version), None)
    parts = [(pin, _component(pin)) for pin in pins.values()]
    bom = Bom(
        components=[component for _, component in parts],
        dependencies=_dependencies(root, parts),
        serial_number=uuid5(NAMESPACE_URL, f"release-warden/sbom/{status.build_id}"),
        metadata=BomMetaData(
            component=root,
            timestamp=status.scan_date,
            properties=[
                Property(name=f"{PROPERTY}build-id", value=status.build_id),
                *(Property(name=f"{PROPERTY}gap", value=_gap(gap)) for gap in closure.gaps),
            ],
        ),
    )
    told = msgspec.json.decode(JsonV1Dot6(bom).output_as_string())
    return msgspec.json.format(msgspec.json.encode(told, order="sorted"), indent=2) + b"\n"


def _component(pin: Pin) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    told = [("python", name) for name in pin.pythons] + [("extra", name) for name in pin.extras]
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        bom_ref=purl(pin.name, pin.version),
        purl=_purl(pin.name, pin.version),
        properties=[Property(name=f"{PROPERTY}{what}", value=name) for what, name in told if name],
    )


def _purl(name: str, version: str) -> PackageURL:
    from packageurl import PackageURL

    return PackageURL("pypi", None, normalised(name), version or None)


def _gap(gap: Gap) -> str:
    return plain(f"{gap.name}: {gap.reason}", 300)


def _dependencies(root: Component, parts: Sequence[tuple[Pin, Component]]) -> Iterator[Dependency]:
    """Who requires what, as far as the resolver told; a package may be there at two versions."""
    from cyclonedx.model.dependency import Dependency

    needed: dict[str, list[tuple[Pin, Component]]] = {}
    for pin, component in parts:
        for name in pin.via:
            needed.setdefault(name, []).append((pin, component))
    names = {pin.name for pin, _ in parts}
    ours = [it for pin, it in parts if root.name in pin.via or not names & {*pin.via}]
    yield Dependency(ref=root.bom_ref, dependencies=[Dependency(ref=it.bom_ref) for it in ours])
    for pin, component in parts:
        wanted = [c for other, c in needed.get(pin.name, ()) if {*other.pythons} & {*pin.pythons}]
        refs = [Dependency(ref=other.bom_ref) for other in wanted]
        yield Dependency(ref=component.bom_ref, dependencies=refs)
