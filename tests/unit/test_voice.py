"""What a run says: in a pipe, in CI, and in the picture of a terminal."""

from __future__ import annotations

import io
import re
import sys
import threading

import pytest
from rich.console import Console

from release.adapters import meter, progress, secrecy
from release.adapters.display import Display
from release.adapters.voice import Plain, Quiet, Voice

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TIME = re.compile(r"\d+\.\d s")


class Terminal(io.StringIO):
    """A stream that says it is a terminal; ``charset`` is what it can show."""

    charset = "utf-8"

    @property
    def encoding(self):
        return self.charset

    def isatty(self):
        return True


def listening(monkeypatch):
    """From now on, what was written to stderr, without colours. Pytest has its own at setup."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("CI", "NO_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return lambda: ESCAPE.sub("", stream.getvalue())


def a_run(face):
    """Three things that are not steps, then a step that tells more, and one that fails."""
    face.say("looking at this ...")
    face.say("looking at that ...")
    face.say("it is so")
    face.say("upload ...")
    with face.step("upload"):
        face.say("upload: 2 files ...")
        face.waits(0.2, "a little")
        face.waits(30.0, "the index is busy")
    face.say("upload: both (1.0 s)")
    with pytest.raises(OSError, match="gone"), face.step("confirm"):
        raise OSError("gone")
    with pytest.raises(KeyboardInterrupt), face.step("prove"):
        raise KeyboardInterrupt
    face.say("the end ...")
    face.close()


def test_a_pipe_gets_each_line_as_it_comes(monkeypatch):
    said = listening(monkeypatch)
    a_run(Plain())
    assert TIME.sub("T", said()).splitlines() == [
        "looking at this ...",
        "looking at that ...",
        "it is so",
        "upload ...",
        "upload: 2 files ...",
        "  waiting 30 s: the index is busy",
        "upload: both (T)",
        "confirm: failed after T",
        "prove: stopped after T",
        "the end ...",
    ]


def test_ci_gets_one_line_for_each_thing_with_its_time(monkeypatch):
    said = listening(monkeypatch)
    a_run(Quiet())
    assert TIME.sub("T", said()).splitlines() == [
        "looking at this (T)",
        "looking at that (T)",
        "it is so",
        "  waiting 30 s: the index is busy",
        "upload: both (T)",
        "confirm: failed after T",
        "prove: stopped after T",
        "the end (T)",
    ]


def picture(face):
    """What is drawn now, as plain lines."""
    sheet = Terminal()
    Console(file=sheet, width=120, height=60).print(face._picture())
    return [line.rstrip() for line in ESCAPE.sub("", sheet.getvalue()).splitlines()]


def test_the_picture_shows_step_parts_bytes_wait_and_what_comes_next(monkeypatch):
    said = listening(monkeypatch)
    face = Display()
    face.planned(("gates", "build", "upload", "tag"))
    with face.step("gates"):
        face.began("lint")
        face.began("tests")
        face.ended("lint", "green")
        face.say("gates: 1 of 2 done ...")
        head, lint, tests, then = picture(face)
        assert re.search(r"gates  0:00:00  1 of 2 done$", head.rstrip())
        assert lint.split() == ["✔", "lint", "0:00:00", "green"]
        assert tests.split() == ["·", "tests", "0:00:00"]
        assert then == "  then: build, upload, tag  (0 of 4 done, 0:00:00)"
    face.say("gates: lint, tests green (0.1 s)")
    face.planned(("upload", "tag"))
    with face.step("upload"):
        face.moved("small.json", 10, 20)
        face.moved("big.whl", 500_000, 2_000_000)
        face.moved("archive.zip", 700_000, 0)
        head, big, archive, then = picture(face)
        assert big.split()[0] == "big.whl"
        assert big.rstrip().endswith("25 % 500.0 kB of 2.0 MB")
        assert archive.split() == ["archive.zip", "700.0", "kB"]
        assert then == "  then: tag  (2 of 4 done, 0:00:00)"
        face.waits(30, "the index is busy")
        assert "waiting 30 s: the index is busy" in picture(face)[0]
    assert picture(face) in ([], [""])
    face.close()
    assert "✔ gates: lint, tests green (0.1 s)" in said()


def fail_in_a_part(face):
    with pytest.raises(OSError, match="no"), progress.part("x"):
        raise OSError("no")
    assert picture(face)[1].split() == ["✘", "x", "0:00:00", "failed"]
    raise OSError("no")


def test_a_part_that_fails_is_marked_and_so_is_its_step(monkeypatch):
    said = listening(monkeypatch)
    face = Display()
    with pytest.raises(OSError, match="no"), progress.watched_by(face), face.step("verify"):
        fail_in_a_part(face)
    face.close()
    assert re.search(r"✘ verify: failed after \d\.\d s", said())


def test_words_of_others_steer_no_terminal(monkeypatch):
    listening(monkeypatch)
    face = Display()
    with face.step("gates"):
        face.began("\x1b]0;owned\x07lint\x1b[2J")
        face.moved("\x1b[31mred\r\n.whl", 100_000, 200_000)
        face.waits(9, "x")
        assert not re.search(r"[\x07\r]|\x1b\]", "\n".join(picture(face)))
        assert len(picture(face)) == 3
    face.close()


def test_no_line_steers_a_terminal(monkeypatch):
    said = listening(monkeypatch)
    monkeypatch.setenv("CI", "true")
    with Voice() as tell:
        tell("others say \x1b]0;owned\x07\x9b2J\rthis:\n\tand that")
    assert said() == "others say ]0;owned2Jthis:\n\tand that\n"


def test_a_terminal_without_unicode_gets_none(monkeypatch):
    said = listening(monkeypatch)
    monkeypatch.setattr(Terminal, "charset", "latin-1")
    face = Display()
    with face.step("gates"):
        face.began("lint")
        face.ended("lint", "red")
        "\n".join(picture(face)).encode("ascii")
    face.say("gates: red (0.1 s)")
    face.close()
    assert "+ gates: red" in said()


def test_any_thread_may_tell(monkeypatch):
    listening(monkeypatch)
    face = Display()

    def tell(number):
        for done in range(50):
            face.moved(f"file{number}", done * 1000, 200_000)
            face.began(f"part{done}")
            face.ended(f"part{done}", "ok")

    with face.step("verify"):
        threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            picture(face)
        for thread in threads:
            thread.join()
        assert len(picture(face)) == 1 + 8 + 4, "it is never higher than a terminal"
    face.close()


def test_a_veil_that_is_put_on_meanwhile_stays_and_no_line_holds_a_secret(monkeypatch):
    said = listening(monkeypatch)
    monkeypatch.setattr(secrecy, "_known", {})
    meter.begin()
    with Voice() as tell, meter.current().step("upload"):
        secrecy.guard("canary-of-the-voice")
        tell("said: canary-of-the-voice")
        tell("doing: canary-of-the-voice ...")
    sys.stderr.write("after: canary-of-the-voice\n")
    assert "said: ***" in said()
    assert "after: ***" in said()
    assert "canary-of-the-voice" not in said()


def test_who_asks_a_question_has_the_terminal_alone(monkeypatch):
    listening(monkeypatch)
    face = Display()
    with face.step("upload"):
        assert face._live is not None
        with face.paused():
            assert face._live is None
        assert face._live is not None
    face.close()
    with face.paused():
        assert face._live is None, "nothing was shown, and nothing is"
