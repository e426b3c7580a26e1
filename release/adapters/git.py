"""The door to git: plumbing only, so that no hook, alias or working tree is ever touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from release.adapters import locks, process
from release.errors import MachineError, ProjectError, ToolError, TryAgainError

REHEARSED = ("local/", "testpypi/")
"""What the tags of rehearsals begin with."""

ABSENT = "0" * 40
"""What ``git update-ref`` takes for "does not exist yet"."""

STORE = ("hash-object", "-w", "--no-filters")
"""Stores bytes as they are."""

SUBMODULE = "160000"
"""The mode of an entry that is a commit of another repository."""

AUTHOR = ("Release Warden", "release-warden@localhost")
"""The tool's own author: commits must not depend on an identity being configured."""


@dataclass(frozen=True)
class Origin:
    """A tag, the commit that it stands on, and that one's parents; ``ours`` if the tool made it."""

    tag: str
    commit: str
    parents: tuple[str, ...]
    ours: bool


@dataclass(frozen=True)
class Move:
    """A ref on its way to ``new``; ``old`` is what it must be now, ``None`` if it must not be."""

    ref: str
    new: str
    old: str | None


class Git:
    """A repository.

    :param folder: any folder of its working tree.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[bytes, str] = {}

    def run(
        self,
        *args: str,
        stdin: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 600,
    ) -> process.Completed:
        """Run git; nothing is ever asked, paths come unquoted, messages untranslated.

        No hook runs: ``update-ref`` and ``checkout`` have some. No lock is taken but by what
        changes something, so that a commit made meanwhile is not in our way, nor we in its.

        :raises ToolError: git is missing or failed.
        """
        ours = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
        full = process.environment(**ours, **(env or {}))
        hookless = f"core.hooksPath={os.devnull}"
        argv = ["git", "-c", "core.quotePath=false", "-c", hookless, *args]
        return process.run(
            argv, cwd=self.folder, env=full, stdin=stdin, check=check, timeout=timeout
        )

    def ask(self, *args: str) -> str | None:
        """What git answers, stripped; ``None`` where it says no."""
        done = self.run(*args, check=False)
        return None if done.code else done.stdout.strip()

    def top(self) -> Path:
        """The root of the working tree.

        :raises ProjectError: the folder belongs to no repository, or git distrusts it.
        """
        done = self.run("rev-parse", "--show-toplevel", check=False)
        if done.code:
            raise ProjectError(
                f"{self.folder} is in no git repository that can be used",
                why=done.stderr.strip(),
                remedy=self._way_in(),
            )
        return Path(done.stdout.rstrip("\n"))

    def _way_in(self) -> str:
        """What to do about a folder that git does not work in."""
        here = self.folder.resolve()
        if any((folder / ".git").exists() for folder in (here, *here.parents)):
            return "a repository is there, but git does not use it: do what it says above"
        return "run 'git init' and commit the project, or name another one with --project"

    def head(self) -> str:
        """The commit that HEAD stands on.

        :raises ProjectError: there is none yet.
        """
        commit = self.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if commit is None:
            raise ProjectError(
                "the repository has no commit yet", remedy="commit the project, then run again"
            )
        return commit

    def resolve(self, name: str) -> str | None:
        """The object that a name stands for, if it does."""
        return self.ask("rev-parse", "--verify", "--quiet", name)

    def show(self, commit: str, path: str) -> str | None:
        """A file's text in a commit, with its own line ends; ``None`` where it is not there."""
        done = self.run("cat-file", "blob", f"{commit}:{path}", check=False)
        return None if done.code else done.stdout

    def blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Many files at once, each as ``COMMIT:PATH``; ``None`` for one that is not there."""
        out = self.run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names)).raw
        found: list[bytes | None] = []
        at = 0
        for _ in names:
            end = out.index(b"\n", at)
            *_, kind, size = [b"", *out[at:end].split()]
            at = end + 1
            if kind != b"blob":  # "NAME missing"
                found.append(None)
                continue
            found.append(out[at : at + int(size)])
            at += int(size) + 1
        return found

    def blob(self, commit: str, path: str) -> bytes:
        """A file's bytes in a commit.

        :raises ToolError: it is not there.
        """
        return self.run("cat-file", "blob", f"{commit}:{path}").raw

    def files(self, commit: str) -> tuple[str, ...]:
        """The paths of all files of a commit, from the root of the repository.

        Those of submodules that are here are among them.
        """
        entries = list(self._entries(commit))
        found = [path for mode, _, path in entries if mode != SUBMODULE]
        for path, pinned, module in self._initialised(entries):
            found += [f"{path}/{below}" for below in module.files(pinned)]
        return tuple(found)

    def _entries(self, commit: str) -> Iterator[tuple[str, str, str]]:
        """Mode, object and path of everything in a commit."""
        out = self.run("ls-tree", "-r", "-z", "--full-tree", commit).stdout
        for row in out.split("\0")[:-1]:
            facts, _, path = row.partition("\t")
            mode, _, name = facts.split(" ")
            yield mode, name, path

    def _initialised(
        self, entries: Iterable[tuple[str, str, str]]
    ) -> Iterator[tuple[str, str, Git]]:
        """Path, pinned commit and repository of every submodule that was initialised here."""
        for mode, pinned, path in entries:
            if mode == SUBMODULE and (self.folder / path / ".git").exists():
                yield path, pinned, Git(self.folder / path)

    def dirty(self) -> tuple[str, ...]:
        """The files, tracked or not ignored, that differ from HEAD, from the root."""
        out = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(entry[3:] for entry in out.stdout.split("\0") if entry)

    def shallow(self) -> bool:
        """Whether history is cut off somewhere, as in a clone with ``--depth``."""
        return self.ask("rev-parse", "--is-shallow-repository") == "true"

    def commit_time(self, commit: str) -> int:
        """The committer's time, in seconds since the epoch."""
        return int(self.run("show", "-s", "--format=%ct", commit).stdout)

    def tags(self, prefix: str) -> tuple[str, ...]:
        """The tags that begin so, in full."""
        out = self.run("tag", "--list", f"{prefix}*").stdout
        return tuple(line for line in out.splitlines() if line)

    def tag_origins(self, prefix: str) -> tuple[Origin, ...]:
        """Where the tags that begin so come from."""
        fields = "%(objectname)|%(parent)|%(authoremail)"
        peeled = fields.replace("%(", "%(*")
        told = f"%(refname:strip=2)|%(if)%(*objectname)%(then){peeled}%(else){fields}%(end)"
        out = self.run("for-each-ref", f"--format={told}", "refs/tags/").stdout
        rows = (line.rsplit("|", 3) for line in out.splitlines())
        return tuple(
            Origin(tag=tag, commit=commit, parents=tuple(parents.split()), ours=AUTHOR[1] in author)
            for tag, commit, parents, author in rows
            if tag.startswith(prefix)
        )

    def history(self, commits: Iterable[str]) -> frozenset[str]:
        """Some commits and all that they descend from."""
        given = "\n".join(commits)
        out = self.run("rev-list", "--stdin", stdin=given).stdout if given else ""
        return frozenset(out.split())

    def grep(self, commit: str, *words: str, below: str = "") -> Iterator[tuple[str, int, str]]:
        """Path, number and text of the lines of a commit's text files that hold one of the words.

        :param below: a folder, ending in a slash, or empty for all of the repository.
        """
        wanted = [option for word in words for option in ("-e", word)]
        scope = [f":(top,literal){below}"] if below else [":(top)"]
        args = ["-n", "-z", "-I", "-i", "-F", "--full-name", *wanted, commit, "--", *scope]
        for row in self.run("grep", *args, check=False).stdout.split("\n"):
            place, _, rest = row.partition("\0")
            number, _, text = rest.partition("\0")
            if number.isdecimal():
                yield place.removeprefix(f"{commit}:"), int(number), text

    def refs(self, prefix: str) -> tuple[str, ...]:
        """The refs below a prefix, in full."""
        return tuple(self.run("for-each-ref", "--format=%(refname)", prefix).stdout.split())

    def object_ids(self, commit: str) -> dict[str, str]:
        """The files of a commit, path to object id; those of submodules are left out."""
        rows = self.run("ls-tree", "-r", "-z", "--full-tree", commit).stdout.split("\0")
        split = (row.partition("\t") for row in rows if " blob " in row)
        return {path: facts.split(" ")[2] for facts, _, path in split}

    def checked_out(self, commit: str, path: str) -> bytes:
        """A file as a checkout has it: line ends and filters applied."""
        return self.run("cat-file", "--filters", f"{commit}:{path}").raw

    def refs_with(self, commit: str, prefix: str) -> tuple[str, ...]:
        """The refs below a prefix, in full, whose history holds a commit."""
        words = ("for-each-ref", f"--contains={commit}", "--format=%(refname)", prefix)
        return tuple(self.run(*words).stdout.split())

    def contains(self, commit: str, other: str) -> bool:
        """Whether a commit's history holds another, which need not be here at all."""
        known = self.resolve(f"{other}^{{commit}}") is not None
        return known and self.is_ancestor(other, commit)

    def tips(self, prefix: str) -> dict[str, str]:
        """The refs below a prefix, in full, and what they stand on."""
        out = self.run("for-each-ref", "--format=%(refname) %(objectname)", prefix).stdout
        return dict(line.split(" ") for line in out.splitlines())

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a commit is another one, or in its past."""
        return not self.run("merge-base", "--is-ancestor", old, new, check=False).code

    def write_blobs(self, contents: Iterable[bytes]) -> None:
        """Store the bytes of files, each once, by one process."""
        new = [data for data in dict.fromkeys(contents) if data not in self._written]
        if len(new) == 1:
            self._written[new[0]] = self.run(*STORE, "--stdin", stdin=new[0]).stdout.strip()
        elif new:
            self._written.update(zip(new, self._stored(new), strict=True))

    def _stored(self, contents: Sequence[bytes]) -> list[str]:
        """Store the bytes of many files; git reads those by their paths."""
        with tempfile.TemporaryDirectory(prefix="release-warden-") as folder:
            paths = [Path(folder, str(number)) for number in range(len(contents))]
            for path, data in zip(paths, contents, strict=True):
                path.write_bytes(data)
            rows = "".join(f"{path}\n" for path in paths)
            return self.run(*STORE, "--stdin-paths", stdin=rows).stdout.split()

    def write_tree(self, files: Mapping[str, bytes]) -> str:
        """Store a flat tree of files; returns the object's name."""
        self.write_blobs(files.values())
        rows = (f"100644 blob {self._written[files[name]]}\t{name}\0" for name in sorted(files))
        return self.run("mktree", "-z", stdin="".join(rows)).stdout.strip()

    def amend_tree(self, commit: str, edits: Mapping[str, bytes | None], scratch: Path) -> str:
        """A commit's tree with some files replaced, added or (``None``) removed.

        It is made in an index of its own.

        :param scratch: a folder for that index.
        """
        env = {"GIT_INDEX_FILE": str(scratch / "index")}
        self.write_blobs(data for data in edits.values() if data is not None)
        rows = (
            f"0 {ABSENT}\t{path}\0" if data is None else f"100644 {self._written[data]}\t{path}\0"
            for path, data in edits.items()
        )
        self.run("read-tree", commit, env=env)
        self.run("update-index", "-z", "--index-info", stdin="".join(rows), env=env)
        return self.run("write-tree", env=env).stdout.strip()

    def commit(self, tree: str, *, parents: Sequence[str], message: str, at: datetime) -> str:
        """Make a commit by the tool's own author; no ref moves."""
        name, address = AUTHOR
        when = f"{int(at.timestamp())} +0000"
        env = {
            "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address, "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address, "GIT_COMMITTER_DATE": when,
        }  # fmt: skip
        ancestry = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *ancestry, stdin=message, env=env).stdout.strip()

    def pack(self, commit: str, *, without: str) -> bytes:
        """A commit and all that it holds, apart from what another commit holds, as a pack."""
        revisions = f"{commit}\n^{without}\n"
        return self.run("pack-objects", "--revs", "--stdout", "-q", stdin=revisions).raw

    def unpack(self, pack: bytes) -> None:
        """Store the objects of a pack; no ref moves."""
        self.run("unpack-objects", "-q", stdin=pack)

    def move(self, ref: str, new: str, *, old: str | None) -> None:
        """Move a ref by compare-and-swap.

        :param old: what it must be now; ``None`` if it must not exist.
        :raises TryAgainError: somebody else moved it meanwhile, or it cannot be locked.
        """
        self.move_together(Move(ref, new, old))

    def move_together(self, *moves: Move) -> None:
        """Move refs by compare-and-swap, all or none, and the first of them first.

        The lock of a git that died holding one is taken away.

        :raises TryAgainError: somebody else moved one meanwhile, or one cannot be locked.
        """
        rows = "".join(f"update {one.ref} {one.new} {one.old or ABSENT}\n" for one in moves)
        done = self.run("update-ref", "--stdin", stdin=rows, check=False)
        if done.code and locks.outlive(self._paths(*(f"{one.ref}.lock" for one in moves))):
            done = self.run("update-ref", "--stdin", stdin=rows, check=False)
        if done.code:
            raise self._refused(done, moves)

    def _refused(
        self, done: process.Completed, moves: Sequence[Move]
    ) -> TryAgainError | ToolError | MachineError:
        """Why refs did not move."""
        for one in moves:
            if self.resolve(one.ref) != one.old:
                return TryAgainError(
                    f"{one.ref} was moved by another run",
                    remedy="run again; nothing of theirs was lost",
                    failure="conflict",
                )
        for one in moves:
            if self._is_locked(one.ref):
                return TryAgainError(
                    f"git could not lock {one.ref}",
                    why=done.stderr.strip(),
                    remedy="if no git is running any more, remove that lock file; then run again",
                    failure="lock",
                )
        return process.failure(done, self.folder)

    def delete(self, ref: str) -> None:
        """Take a ref away; one that is not there is no trouble.

        :raises ToolError: git refuses.
        """
        self.run("update-ref", "-d", ref)

    def present(self) -> tuple[str, ...]:
        """The files below this folder, tracked or not ignored, relative to it."""
        listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return tuple(sorted({path for path in self.run(*listed).stdout.split("\0") if path}))

    def _is_locked(self, ref: str) -> bool:
        """Whether another git holds a ref, or died holding it."""
        return any(path.exists() for path in self._paths(f"{ref}.lock", "packed-refs.lock"))

    def _paths(self, *names: str) -> list[Path]:
        """Where files of the repository's own folder lie."""
        found = self.run("rev-parse", *(w for name in names for w in ("--git-path", name))).stdout
        return [self.folder / line for line in found.splitlines()]

    def checkout(self, commit: str, folder: Path, *, tag: str | None = None) -> None:
        """Make a fresh clone that stands on a commit, without a remote or a credential.

        It borrows our objects, so that a commit on no branch is there too. Submodules come along
        where they were initialised here, and are empty where they are empty here. Tags of
        rehearsals (``local/``, ``testpypi/``) are left out, for tools that go by tags.

        :param tag: a tag to set in the clone only, where it is then the only one on the commit.
        """
        self.run("clone", "--quiet", "--shared", "--no-checkout", str(self.folder), str(folder))
        clone = Git(folder)
        clone.run("remote", "remove", "origin")
        # Of two tags on one commit, git describe may tell the other one.
        stray = {
            origin.tag
            for origin in clone.tag_origins("")
            if origin.tag.startswith(REHEARSED) or (tag and origin.commit == commit)
        }
        rows = [f"delete refs/tags/{name}\n" for name in stray - {tag}]
        rows += [f"update refs/tags/{tag} {commit}\n"] if tag else []
        clone.run("update-ref", "--stdin", stdin="".join(rows))
        clone.run("checkout", "--quiet", "--detach", commit)
        for path, pinned, module in self._initialised(self._entries(commit)):
            module.checkout(pinned, folder / path)


def repository_of(folder: Path) -> Git:
    """The repository that holds a folder, rooted at its top.

    :raises ProjectError: there is none.
    :raises ToolError: git is missing.
    """
    return Git(Git(folder).top())
