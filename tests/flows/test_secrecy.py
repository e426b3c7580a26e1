"""No secret leaves by a message, a log, a traceback, a pickle or a document."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import subprocess
import sys
from urllib.parse import quote

import msgspec
import pytest

from release.adapters.credentials import Credential
from release.adapters.secrecy import forms, guard, hide, scrub
from release.errors import RepositoryError
from release.model.error import Error
from release.model.secret import Secret

CANARY = 'pypi-Kx7&wQ/canary+"zR4=9vLm'


def test_a_secret_shows_itself_to_nobody_who_does_not_ask():
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>9}", "%s" % secret]  # noqa: UP031
    shown += [repr([secret]), repr(Credential("me", secret)), str(vars(Credential("me", secret)))]
    assert not [text for text in shown if "canary" in text]
    assert shown[0] == "***"
    assert secret.reveal() == CANARY
    assert secret == Secret(CANARY)
    assert secret != Secret("other")
    assert secret != CANARY
    assert not Secret("")


@pytest.mark.parametrize(
    "write", [pickle.dumps, copy.copy, copy.deepcopy, hash, msgspec.json.encode]
)
def test_a_secret_is_not_written_down(write):
    with pytest.raises(TypeError) as caught:
        write(Secret(CANARY))
    assert "canary" not in str(caught.value)


def test_a_secret_is_found_in_whichever_way_it_was_written():
    guard(CANARY, username="__token__")
    both = base64.b64encode(f"__token__:{CANARY}".encode()).decode()
    ways = [CANARY, quote(CANARY, safe=""), json.dumps(CANARY), both, repr(CANARY)]
    ways += [CANARY.replace("&", "&amp;").replace('"', "&quot;")]
    for way in ways:
        assert hide(f"a {way} b").startswith("a "), way
        assert "canary" not in hide(way)
        assert hide(way).strip("=\"'") == "***"
    assert hide("nothing of it") == "nothing of it"


def test_what_is_too_short_to_hide_is_left_alone():
    guard("abc")
    assert hide("abcabc") == "abcabc"
    assert list(forms(Secret("")))


def test_an_error_is_cleaned_before_it_goes_into_a_document():
    guard(CANARY)
    error = RepositoryError(f"no {CANARY}", why=f"{CANARY}?", remedy=f"not {CANARY}")
    scrub(error)
    assert "canary" not in str(error) + repr(error) + repr(Error.of(error))
    assert error.why == "***?"


@pytest.mark.parametrize("name", ["a.library", "root"])
def test_what_a_library_logs(name, caplog):
    secret = guard(CANARY)
    log = logging.getLogger(name)
    with caplog.at_level(logging.DEBUG):
        log.debug("sent %s with %r", CANARY, secret)
        try:
            raise ValueError(CANARY)
        except ValueError:
            log.exception("it failed: %s", CANARY)
    assert "sent *** with ***" in caplog.text
    assert "ValueError: ***" in caplog.text
    assert "canary" not in caplog.text


PROGRAM = """
import logging, sys, warnings
from release.adapters.secrecy import guard
handler = logging.StreamHandler()  # made before anything is guarded
logging.getLogger().addHandler(handler)
secret = guard(CANARY)
print("out", CANARY)
sys.stdout.writelines(["lines ", CANARY, chr(10)])
print("err", CANARY, file=sys.stderr)
logging.getLogger("x").error("log %s", CANARY)
warnings.warn("warned of " + CANARY)
from rich.console import Console
Console(stderr=True).print("rich", CANARY, markup=False, soft_wrap=True)
try:
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        raise ValueError("first " + CANARY) from error
except ValueError:
    raise RuntimeError("last " + CANARY)
"""


def test_no_exit_of_a_process_lets_it_out(tmp_path):
    """Streams, logs, warnings, rich, and a traceback with all that it is chained to."""
    program = tmp_path / "program.py"
    program.write_text(f"CANARY = {CANARY!r}\n{PROGRAM}")
    done = subprocess.run(
        [sys.executable, program], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    for expected in ("out ***", "lines ***", "err ***", "log ***", "warned of ***", "rich ***"):
        assert expected in said
    for expected in ("KeyError: '***'", "ValueError: first ***", "RuntimeError: last ***"):
        assert expected in done.stderr
    assert "canary" not in said


@pytest.mark.parametrize("to", ["pipe", "file"])
def test_githubs_runner_is_told_what_to_hide(tmp_path, monkeypatch, to):
    """Where it reads along; a file is read by no runner, and would keep it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code = f"from release.adapters.secrecy import guard; guard({'50% of ' + CANARY!r})"
    file = tmp_path / "err"
    with file.open("w") as sink:
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, timeout=60, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE if to == "pipe" else sink,
        )  # fmt: skip
    assert done.stdout == ""
    told = done.stderr if to == "pipe" else file.read_text()
    assert told == (f"::add-mask::50%25 of {CANARY}\n" if to == "pipe" else "")
