"""The exponent of growth: that of ``seconds = c * size ** exponent`` between two sizes.

1.0 is linear. What is measured runs in a process of its own for each size, so that memory and
warm caches are its own too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

BOUND = 1.5
"""The most that anything may grow by: linear work with sorting stays near 1.1, and whatever looks
at every pair is at 2."""
LEAST = 1e-4
"""Seconds: what takes less is not told from nothing."""
Figures = dict[str, float]
"""Figures of one size, by what they are of."""


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent between the first size and the last."""
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])


def steepest(
    sizes: Sequence[int], found: Sequence[Mapping[str, float]], names: Sequence[str]
) -> tuple[str, float]:
    """Which of some figures grows fastest between the first size and the last, and its exponent."""
    powers = {name: exponent(sizes, [max(one[name], LEAST) for one in found]) for name in names}
    return max(powers.items(), key=lambda item: item[1])


def apart(measure: Callable[[int, int], Figures], size: int, option: int) -> Figures:
    """Measure one size in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, size, option).result()


def table(
    sizes: Sequence[int],
    found: Sequence[Mapping[str, float]],
    title: str,
    show: Callable[[str, float], str],
) -> str:
    """A row a figure, a column a size, each with the exponent since the size before.

    :param title: what the sizes count.
    :param show: a figure as text; what it shows without seconds in it has no exponent.
    """
    lines = [f"{title:22}" + "".join(f"{size:>18,}" for size in sizes)]
    for what in found[0]:
        cells = [_cell(sizes, found, at, what, show) for at in range(len(sizes))]
        lines.append(f"{what:22}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def _cell(
    sizes: Sequence[int],
    found: Sequence[Mapping[str, float]],
    at: int,
    what: str,
    show: Callable[[str, float], str],
) -> str:
    if what not in found[at]:
        return "-"
    shown = show(what, found[at][what])
    before = found[at - 1].get(what) if at else None
    if not before or not found[at][what]:
        return shown
    return f"{shown} ^{exponent(sizes[at - 1 : at + 1], (before, found[at][what])):.2f}"
