"""Credentials beside the one that is configured."""

import pytest

from release.ship.mixed import ENDPOINTS, OTHER_IDENTITIES, PASSWORDS, beside_aws, beside_publishing

ROLE = "arn:aws:iam::123456789012:role/publisher"


@pytest.mark.parametrize("name", PASSWORDS)
def test_a_password_beside_it(name):
    for found in (beside_publishing({name: "canary"}), beside_aws({name: "canary"}, ROLE)):
        assert name in found
        assert "canary" not in found
    assert beside_publishing({name: ""}) == beside_aws({name: ""}, ROLE) == ""


@pytest.mark.parametrize("name", OTHER_IDENTITIES)
def test_another_identity_of_aws(name):
    found = beside_aws({name: "canary"}, ROLE)
    assert name in found
    assert "canary" not in found
    assert beside_publishing({name: "canary"}) == ""


def test_another_role():
    assert beside_aws({"AWS_ROLE_ARN": ROLE}, ROLE) == ""
    assert f"AWS_ROLE_ARN is {ROLE}x" in beside_aws({"AWS_ROLE_ARN": f"{ROLE}x"}, ROLE)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_without_tls(name):
    assert name in beside_aws({name: "http://aws.example"}, ROLE)
    assert beside_aws({name: "https://aws.example"}, ROLE) == ""
    assert beside_aws({name: "http://127.0.0.1:4566"}, ROLE) == ""
