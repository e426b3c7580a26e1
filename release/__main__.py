"""The console script ``release-warden``: the same tasks as ``invoke``, without a tasks.py."""

from __future__ import annotations

import difflib
import inspect
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points, version

from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import Exit, ParseError, UnknownFileType
from invoke.program import Program

from release.errors import UsageError
from release.pipelines import collection as release
from release.pipelines import init

GROUP = "release_warden.collections"
NAME = "release-warden"
SIGPIPE = 128 + signal.SIGPIPE
"""The exit code that shells give a program whose reader has gone."""
UNKNOWN = re.compile(r"No idea what '(.+)' is!")
"""What invoke says of a word that is no task and no flag."""


def namespace() -> Collection:
    """The release tasks, ``init`` for short, and those of every plug-in such as the site."""
    together = Collection(release)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        together.add_collection(entry.load())
    together.add_task(init, "init")
    return together


class WardenConfig(Config):
    """Not invoke's: a user's ``~/.invoke.yaml`` and ``INVOKE_*`` are meant for other tasks."""

    env_prefix = "RELEASE_WARDEN"  # type: ignore[assignment]  # invoke types it as None

    def load_base_conf_files(self) -> None:
        """Read none: no file of the user or the system steers a release."""


class WardenProgram(Program):
    """Invoke's program, but for a wrong call: it exits 2 with us, and ``--json`` tells of it."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse the program's own flags."""
        with self._wrong_usage():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Parse the tasks and their flags; a word that has a default may be left out."""
        with self._wrong_usage():
            try:
                super().parse_tasks()
            except ParseError as error:
                left_out = self._left_out(error)
                if not left_out:
                    raise
                self.core.unparsed += left_out
                super().parse_tasks()

    def _left_out(self, error: ParseError) -> list[str]:
        """The words that were left out of a call and have a default, as flags; else none.

        Invoke knows no such thing: to it every word of a task has to be given.
        """
        context = getattr(error, "context", None)
        names = [str(arg.name) for arg in context.missing_positional_args] if context else []
        if context is None or not names:
            return []
        parameters = inspect.signature(self.collection[context.name].body).parameters
        has_default = all(parameters[name].default is None for name in names)
        return [f"--{name}=" for name in names] if has_default else []

    def parse_cleanup(self) -> None:
        """Show help or a list, when asked to."""
        with self._wrong_usage():
            try:
                super().parse_cleanup()
            except Exit as done:
                if done.message:  # there is no such collection to list
                    raise ParseError(str(done.message)) from done
                raise

    def update_config(self, merge: bool = True) -> None:
        """Read invoke's configuration file, where one is named."""
        with self._wrong_usage():
            super().update_config(merge)

    @contextmanager
    def _wrong_usage(self) -> Iterator[None]:
        try:
            yield
        except (ParseError, UnknownFileType, ValueError) as error:
            from release.flows.console import report

            report(self._in_our_words(error), json={"--json", "-j"} & set(self.argv) != set())
            raise Exit(code=UsageError.exit_code) from error

    def _in_our_words(self, error: Exception) -> UsageError:
        remedy = f"{NAME} --list shows every task, {NAME} --help TASK its flags"
        unknown = UNKNOWN.fullmatch(str(error))
        if not unknown:
            return UsageError("the call is wrong", why=str(error), remedy=remedy)
        word = unknown[1]
        context = getattr(error, "context", None)
        here = context or self.initial_context
        known: Iterable[str] = [*here.flags, *here.inverse_flags]
        if not word.startswith("-"):
            known = self.collection.task_names
        guess = difflib.get_close_matches(word, known, n=1)
        why = f"did you mean {guess[0]!r}?" if guess else ""
        what = "flag" if word.startswith("-") else "task"
        return UsageError(f"there is no {what} {word!r}", why=why, remedy=remedy)


def main(argv: list[str] | None = None) -> None:
    """Run the program.

    :param argv: the words after the program's name; by default those of the process.
    """
    program = WardenProgram(
        name=NAME,
        binary=NAME,
        namespace=namespace(),
        config_class=WardenConfig,
        version=version(NAME),
    )
    try:
        try:
            program.run([NAME, *(sys.argv[1:] if argv is None else argv)])
        finally:
            sys.stdout.flush()  # here, where it can be told; at its end Python would exit with 120
    except BrokenPipeError:
        # Who read us has gone, as `| head` does; what is left has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(SIGPIPE)


if __name__ == "__main__":
    main()
