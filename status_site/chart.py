"""Charts as inline SVG: small, the same for the same figures, in the colours of the page.

Own lines, since the libraries do not fit a page under a strict policy that shows words of others
(each tried). With a year of five series pygal 3.1 makes 147 kB with a script, a style and the day
of drawing in it, 74 without, and puts a finder of modules into every later import; leather 0.4
makes 39 kB of ninety columns, stacks nothing, and its words shrink with the picture on a phone.
drawsvg 2.4 and svg.py 1.10, which only draw, escape no attribute.

Here one unit of the picture is one point and one of what is counted, the browser stretches it, and
classes of ``style.css`` give the colours, light and dark. The words stand around it in HTML, where
they keep their size on a phone and are read aloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # it only writes

from markupsafe import Markup


@dataclass(frozen=True)
class Series:
    """What one colour tells: a whole number, at least 0, for each point.

    :param name: shown where the pointer rests on it.
    :param tone: the class of ``style.css`` that gives the colour.
    """

    name: str
    tone: str
    values: tuple[int, ...]


def stacked(series: Sequence[Series], label: str, marks: Iterable[int] = ()) -> Markup:
    """Areas on top of each other, the first at the bottom; each value holds until the next point.

    :param series: at least one, all with as many values, at least one.
    :param label: the whole picture in words.
    :param marks: numbers of points that are marked by an upright line.
    """
    count, top = len(series[0].values), scale(series)
    svg = Element(
        "svg", viewBox=f"0 0 {count} {top}", preserveAspectRatio="none", role="img",
        attrib={"class": "plot", "aria-label": label},
    )  # fmt: skip
    SubElement(svg, "path", attrib={"class": "grid"}, d=f"M0 {top // 2}h{count}")
    lower = (0,) * count
    for one in series:
        upper = tuple(map(sum, zip(lower, one.values, strict=True)))
        area = SubElement(svg, "path", attrib={"class": one.tone}, d=_area(lower, upper, top))
        SubElement(area, "title").text = one.name
        lower = upper
    if at := sorted(set(marks)):
        lines = "".join(f"M{point + 0.5} 0v{top}" for point in at)
        SubElement(svg, "path", attrib={"class": "mark"}, d=lines)
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 # nosec B704 # ElementTree escapes


def scale(series: Iterable[Series]) -> int:
    """Where the scale ends: an even number of one digit and zeros, so that its half is whole."""
    highest = max(map(sum, zip(*(one.values for one in series), strict=True)))
    power = 1
    while highest > 10 * power:
        power *= 10
    steps = (2, 4, 6, 8, 10) if power == 1 else (2 * power, 4 * power, 6 * power, 10 * power)
    return next(step for step in steps if step >= highest)


def _area(lower: Sequence[int], upper: Sequence[int], top: int) -> str:
    """The outline: along the upper edge to the right, along the lower one back."""
    there = "".join(_steps(upper))
    back = "".join(_steps(lower[::-1], towards=-1))
    return f"M0 {top - upper[0]}{there}V{top - lower[-1]}{back}Z"


def _steps(values: Sequence[int], towards: int = 1) -> Iterable[str]:
    """Strokes to the side and up or down, only where the value changes."""
    level = 1
    for before, after in pairwise(values):
        if before != after:
            yield f"h{towards * level}v{before - after}"
            level = 0
        level += 1
    yield f"h{towards * level}"


def strip(tones: Sequence[str], label: str) -> Markup:
    """A bar for each point, in one of a few tones.

    :param tones: for each point a class of ``style.css``.
    :param label: the whole picture in words.
    """
    svg = Element(
        "svg", viewBox=f"0 0 {4 * len(tones) - 1} 1", preserveAspectRatio="none", role="img",
        attrib={"class": "strip", "aria-label": label},
    )  # fmt: skip
    for tone in dict.fromkeys(tones):
        bars = "".join(f"M{4 * at} 0h3v1h-3z" for at, one in enumerate(tones) if one == tone)
        SubElement(svg, "path", attrib={"class": tone}, d=bars)
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 # nosec B704 # ElementTree escapes


def bar(parts: Iterable[tuple[str, float]], whole: float) -> Markup:
    """A bar of parts side by side, without words: its figures stand beside it.

    :param parts: tone and length of each; nothing is drawn of one that has no length.
    :param whole: the length of the widest bar that it is compared with.
    """
    svg = Element(
        "svg", viewBox="0 0 1000 1", preserveAspectRatio="none",
        attrib={"class": "bar", "aria-hidden": "true"},
    )  # fmt: skip
    at = 0
    for tone, length in parts:
        wide = round(1000 * length / whole) if whole else 0
        if wide:
            SubElement(svg, "path", attrib={"class": tone}, d=f"M{at} 0h{wide}v1h-{wide}z")
        at += wide
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 # nosec B704 # ElementTree escapes
