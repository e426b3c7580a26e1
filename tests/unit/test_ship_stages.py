"""Which variables hold a credential, and which stages may see one."""

import pytest

from release.model.handover import Stage
from release.ship.stages import BEFORE, RUNS_CODE, credentials


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "TWINE_PASSWORD",
        "UV_PUBLISH_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PYPI_API_KEY",
        "SIGNING_PRIVATE_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "MY_SECRET", "token",
        "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "CIRCLE_OIDC_TOKEN_V2", "ACTIONS_RUNTIME_TOKEN",
    ],
)  # fmt: skip
def test_a_variable_that_holds_a_credential(name):
    assert credentials([(name, "x"), ("PATH", "/bin")]) == (name,)
    assert credentials([(name, "")]) == ()


@pytest.mark.parametrize(
    "name",
    ["PATH", "TOKENIZER", "GITHUB_REF", "SECRETARY", "PASSAGE", "AWS_REGION", "KEYBOARD", "KEY_ID"],
)
def test_a_variable_that_holds_none(name):
    assert credentials([(name, "x")]) == ()


def test_every_stage_but_the_first_has_one_before_it():
    every = set(Stage.__args__)
    assert set(BEFORE) == every - {"check"}
    assert set(BEFORE.values()) == every - {"finish"}
    assert {"check", "build", "prove"} == RUNS_CODE
