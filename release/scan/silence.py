"""The project's own file's word on a place in the code that a report no longer flags."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from release.model.finding import Finding
from release.model.record import Record
from release.model.snapshot import Word
from release.scan.readers.code import Tree, digest_in, is_silenced, line_digest


def vanished_code(known: Record | None, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The open findings in the project's own files that nothing reports any longer."""
    present = {finding.key for finding in findings}
    opened = known.open if known else ()
    return tuple(f for f in opened if f.kind != "dependency" and f.key not in present)


def word_of_file(finding: Finding, tree: Tree) -> Word | None:
    """What the file says; ``None`` where it cannot tell.

    A line that stays and is no longer flagged needs a reason: only a comment that silences
    scanners is one. Where a file of that name lies elsewhere, the report may have told its path
    from another folder.
    """
    lines = tree.lines(finding.path) if finding.path else None
    mark = digest_in(finding.key)
    if lines is None:
        return _word_on_absence(finding, tree)
    if mark is None:
        return None
    same = [line for line in lines if line_digest(line) == mark]
    if not same:
        evidence = f"the flagged line is no longer in {finding.path}"
        return Word(key=finding.key, ruling="rewritten", evidence=evidence)
    if all(is_silenced(line) for line in same):
        evidence = f"a comment in {finding.path} silences it"
        return Word(key=finding.key, ruling="suppressed", evidence=evidence)
    evidence = f"the flagged line is still in {finding.path}"
    return Word(key=finding.key, ruling="still-affected", evidence=evidence)


def _word_on_absence(finding: Finding, tree: Tree) -> Word | None:
    name = posixpath.basename(finding.path or ".")
    if not tree.paths or any(posixpath.basename(path) == name for path in tree.paths):
        return None
    evidence = f"the project holds no {finding.path}"
    return Word(key=finding.key, ruling="gone", evidence=evidence)
