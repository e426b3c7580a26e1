"""What an OIDC token says of the job that holds it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import DocumentError
from release.ship.claims import (
    Claims,
    Subject,
    WorkflowRef,
    read_claims,
    read_subject,
    read_workflow,
    render,
)

WORKFLOW = "o/n/.github/workflows/release.yml@refs/heads/main"


def jwt(payload: bytes) -> str:
    """A token with that payload, and a signature that is none."""
    code = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    return f"eyJhbGciOiJSUzI1NiJ9.{code}.c2VjcmV0"


@pytest.mark.parametrize(
    ("sub", "parts"),
    [
        (
            "repo:o/n:environment:pypi-auto",
            Subject(owner="o", name="n", context="environment:pypi-auto"),
        ),
        (
            "repo:o@12/n@34:environment:pypi-auto",
            Subject(
                owner="o", name="n", owner_id="12", name_id="34", context="environment:pypi-auto"
            ),
        ),
        (
            "repo:o/n.x:ref:refs/heads/a:b",
            Subject(owner="o", name="n.x", context="ref:refs/heads/a:b"),
        ),
        ("repo:o/n:pull_request", Subject(owner="o", name="n", context="pull_request")),
    ],
)
def test_the_forms_of_a_subject(sub, parts):
    assert read_subject(sub) == parts
    assert str(parts) == sub


@pytest.mark.parametrize(
    "sub", ["", "repo:o/n", "repo:o/n:", "repository_id:3:environment:x", "repo:o@x/n:pull_request"]
)
def test_what_is_no_subject_of_a_known_form(sub):
    assert read_subject(sub) is None


def test_the_environment_of_a_subject():
    assert read_subject("repo:o/n:environment:a%3Ab").environment == "a:b"
    assert read_subject("repo:o/n:ref:refs/heads/main").environment == ""
    assert read_subject("repo:o@1/n@2:pull_request").repository == "o/n"


def test_a_token_is_read():
    said = {"iss": "i", "aud": "pypi", "sub": "repo:o/n:pull_request", "exp": 3, "unheard": {}}
    claims = read_claims(jwt(json.dumps(said).encode()))
    assert (claims.iss, claims.audiences, claims.exp) == ("i", ("pypi",), 3)
    assert claims.subject == Subject(owner="o", name="n", context="pull_request")
    several = read_claims(jwt(b'{"aud": ["a", "b"]}'))
    assert several.audiences == ("a", "b")
    assert several.subject is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        "x.%%%.y",
        jwt(b"no json"),
        jwt(b"[]"),
        jwt(b'{"sub": 3}'),
        jwt(b"\xff"),
    ],
)
def test_what_is_no_token_is_told_without_it(token):
    with pytest.raises(DocumentError) as caught:
        read_claims(token)
    assert not token or token not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(st.text())
def test_no_text_breaks_the_reader(text):
    with pytest.raises(DocumentError):
        read_claims(text)


def test_the_claims_for_a_person():
    shown = render(Claims(aud=("a", "b"), repository="o/n", run_id="7"))
    rows = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert rows["aud"] == "a, b"
    assert rows["repository"] == "o/n"
    assert rows["environment"] == "MISSING"
    assert "run_id" not in rows


def test_the_file_of_a_workflow():
    assert read_workflow(WORKFLOW) == WorkflowRef(
        repository="o/n", file="release.yml", ref="refs/heads/main"
    )
    assert read_workflow("o/n") is None


def test_a_job_of_a_reusable_workflow_stands_in_another_file():
    other = WORKFLOW.replace("release.yml", "shared.yml")
    assert Claims(workflow_ref=WORKFLOW, job_workflow_ref=other).is_reused
    assert not Claims(workflow_ref=WORKFLOW, job_workflow_ref=WORKFLOW).is_reused
    assert not Claims(workflow_ref=WORKFLOW).is_reused
