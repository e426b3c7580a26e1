"""The console script ``release-warden``: the same tasks as ``invoke``, without a tasks.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points, version

from invoke.collection import Collection
from invoke.exceptions import ParseError
from invoke.program import Program

from release.pipelines import collection as release

GROUP = "release_warden.collections"
WRONG_USAGE = 2


def namespace() -> Collection:
    """The release tasks, and those of every installed plug-in such as the status site."""
    together = Collection(release)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        together.add_collection(entry.load())
    return together


class WardenProgram(Program):
    """Invoke's program, but for the exit code of a wrong call, which is 2 with us."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse the program's own flags."""
        with _wrong_usage():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Parse the tasks and their flags."""
        with _wrong_usage():
            super().parse_tasks()


@contextmanager
def _wrong_usage() -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        sys.stderr.write(f"error: {error}\nnext: release-warden --list shows every task\n")
        sys.exit(WRONG_USAGE)


def main(argv: list[str] | None = None) -> None:
    """Run the program.

    :param argv: the words after the program's name; by default those of the process.
    """
    program = WardenProgram(
        name="release-warden",
        binary="release-warden",
        namespace=namespace(),
        version=version("release-warden"),
    )
    program.run(["release-warden", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    main()
