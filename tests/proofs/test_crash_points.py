"""A release that is killed before or after any of its acts, run again, ends as an unhindered one.

Compared are the bytes that the index serves and was ever offered, refs, tags, branches, the journal
and what the forge shows; see :meth:`harness.Case.state`. Where a run is killed is set from outside
(``killed.py``), or by the index, at a moment of the upload.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import signal
from collections import Counter
from dataclasses import dataclass, field

import pytest
from harness import MAKERS, World, left_running, open_world

from release.testing.hostile_index import after_store, at_piece, good

pytestmark = pytest.mark.proof

STEPS = ("commit", "gates", "build", "verify", "upload", "confirm", "prove", "tag")
ACTS = ("plan", "keep", "seal", "bytes", "announce", "receipt", "land", "documents")
NOTES = tuple(f"note#{number}" for number in range(1, 5))
"""The lines of upload, confirm, prove and tag in the journal."""
AUTOMATIC = ("scan", "judge", "scan#2", "findings")
ENDS = tuple(
    f"{end}:{name}" for name, end in itertools.product((*STEPS, *ACTS, *NOTES), ("before", "after"))
)
SENT = ("chunk:2", "chunk:9", "chunk:20", "chunk:30", "answer:1", "answer:2")
SERVED = ("piece:1", "piece:64", "piece:200", "stored:1", "stored:2")
POINTS = {
    "embedded": (*ENDS, *SENT),
    "far": (*ENDS, *SERVED),
    "auto": (
        *ENDS,
        *(f"{end}:{name}" for name, end in itertools.product(AUTOMATIC, ("before", "after"))),
        "stored:1",
        "stored:2",
    ),
}
"""By world; ``piece`` and ``stored`` are moments of the index, all others of the program."""
SAMPLE = 9
"""A sample takes every so-many-th point."""
EFFECTS = {"embedded": 40, "far": 40, "auto": 60}
"""How many effects apart the kills of a sweep are."""


@dataclass
class Tally:
    """What the kills have shown."""

    kills: Counter[str] = field(default_factory=Counter)
    sealed: int = 0
    torn: int = 0
    survived: int = 0


@pytest.fixture(scope="module")
def tally(request):
    told = Tally()
    yield told
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        by_world = ", ".join(f"{world} {count}" for world, count in sorted(told.kills.items()))
        print(f"\nkilled {told.kills.total()} runs ({by_world}), {told.sealed} of them sealed, ")
        print(f"{told.torn} uploads torn; {told.survived} ended before their kill; all ended alike")


@dataclass
class Ground:
    """A world, and how a run that nobody kills ends there."""

    world: World
    effects: int
    wanted: dict[str, object]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory):
    """Grounds by name, each made once: a distributed run asks for them in any order."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def made(name):
            folder = tmp_path_factory.mktemp(name)
            world = stack.enter_context(open_world(name, folder / "template"))
            case = world.copy(folder / "unhindered")
            child = case.start(f"list:{folder / 'effects'}")
            _, said = child.communicate()
            assert child.returncode == 0, said
            effects = len((folder / "effects").read_text().splitlines())
            return Ground(world, effects, case.state())

        yield made


@pytest.fixture
def ground(request, grounds):
    return grounds(request.param)


def pytest_generate_tests(metafunc):
    """Every point, the group and the machine in turn; a sample takes some of each world."""
    sample = metafunc.config.getoption("--sample")
    if "point" in metafunc.fixturenames:
        every = SAMPLE if sample else 1
        cases = [
            (world, point, ("group", "machine")[number % 2])
            for world in ("embedded", *MAKERS)
            for number, point in list(enumerate(POINTS[world]))[::every]
        ]
        ids = [", ".join(case) for case in cases]
        metafunc.parametrize(("ground", "point", "victim"), cases, ids=ids, indirect=["ground"])
    elif "ground" in metafunc.fixturenames:
        metafunc.parametrize("ground", ["embedded", *MAKERS], indirect=True)


def kill_at(case, point, victim):
    """Run the program until it dies; whether it did."""
    kind, _, number = point.partition(":")
    running = []

    def shoot():
        with contextlib.suppress(ProcessLookupError):  # it is dead, and the rest still arrives
            os.killpg(running[0].pid, signal.SIGKILL)

    if kind == "piece":
        case.world.index.misbehave(
            "upload", at_piece(lambda size: size >= int(number) * 1024 and shoot())
        )
    elif kind == "stored":
        case.world.index.misbehave("upload", *[good] * (int(number) - 1), after_store(shoot))
    armed = "nowhere" if kind in {"piece", "stored"} else point
    running.append(case.start(armed, victim))
    running[0].communicate()
    if case.world.index:
        case.world.index.heal()
    return running[0].returncode == -signal.SIGKILL


def converge(case, wanted, tally):
    """Run the same command again, and compare with the run that nobody killed."""
    before, journal = case.document("manifest"), case.document("journal")
    finished = bool(journal) and journal["state"] == "confirmed"
    tally.sealed += bool(before)
    ran = case.again()
    assert ran.code == 0 or (finished and ran.code == 3), ran.err
    assert case.state() == wanted
    assert before is None or case.document("manifest") == before, "sealed bytes were built anew"
    assert left_running(case.folder) == []


def test_killed_at_a_point(ground, point, victim, tally, tmp_path):
    case = ground.world.copy(tmp_path / "case")
    assert kill_at(case, point, victim), "the point was never reached"
    tally.kills[ground.world.name] += 1
    if ground.world.index:
        tally.torn += any(s.size < s.length for s in ground.world.index.seen)
    converge(case, ground.wanted, tally)


def test_killed_before_its_effects(ground, tally, tmp_path, request):
    """Before every N-th child, connection and renaming, whatever they belong to."""
    sample = request.config.getoption("--sample")
    every = ground.effects // 3 if sample else EFFECTS[ground.world.name]
    for number in range(every // 2, ground.effects, every):
        case = ground.world.copy(tmp_path / f"case{number}")
        if not kill_at(case, f"effect:{number}", ("group", "machine")[number % 2]):
            tally.survived += 1
            continue
        tally.kills[ground.world.name] += 1
        converge(case, ground.wanted, tally)
