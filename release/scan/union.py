"""Union-find over names: which of several sets of them hang together."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def roots(sets: Iterable[Collection[str]]) -> list[str]:
    """For each set of names the one that stands for all that it hangs together with.

    It is the lowest in the alphabet, so that no order matters.

    :param sets: each holds at least one name.
    """
    held = [sorted(names) for names in sets]
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for names in held:
        for name in names:
            first, second = sorted((root(names[0]), root(name)))
            parent[second] = first
    return [root(names[0]) for names in held]
