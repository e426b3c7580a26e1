"""``[tool.release-warden]``."""

import pytest

from release.config import Config, parse
from release.errors import ConfigError


def test_no_configuration_at_all_is_the_default():
    assert parse("[project]\nname = 'x'\n") == Config()


def test_values():
    config = parse(
        "[tool.release-warden]\ngates = ['lint']\n"
        "[tool.release-warden.policy]\nreleases-per-week = 1\n"
    )
    assert config.gates == ("lint",)
    assert config.policy.releases_per_week == 1


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        ("[tool.release-warden]\ngatse = []", "unknown key 'gatse'", "did you mean 'gates'?"),
        (
            "[tool.release-warden.policy]\npresett = 'owed'",
            "unknown key 'presett' in [tool.release-warden.policy]",
            "did you mean 'preset'?",
        ),
        ("[tool.release-warden]\ngates = 3", "has the wrong type", "$.gates"),
        ("[tool.release-warden]\npolicy = 3", "is no table", ""),
        ("[tool.release-warden.policy]\npreset = 'loud'", "has the wrong type", "loud"),
        ("[tool.release-warden]\ncredential = 'vault'", "has the wrong type", "vault"),
        ("[tool.release-warden.aws]\nregoin = 'x'", "unknown key 'regoin'", "'region'"),
        ("[tool.release-warden.aws]\nrole-arn = 'publisher'", "has the wrong type", "$.aws"),
        ("[tool.release-warden.github]\nrepository = 'alone'", "has the wrong type", "$.github"),
        ("[tool.release-warden.github]\nrepository-id = 0", "has the wrong type", "$.github"),
        ("[tool.release-warden]\ngithub = 3", "is no table", ""),
        ("[tool", "pyproject.toml is no TOML", ""),
        (
            "[tool.release-warden]\nindex-url = 'https://me:pass@index.example/simple/'",
            "the address in index-url holds a user or a password",
            "committed",
        ),
    ],
)
def test_a_wrong_configuration_says_where_and_what(text, what, why):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_the_digest_tells_configurations_apart():
    assert parse("").digest == Config().digest
    assert parse("[tool.release-warden]\ngates = ['lint']").digest != Config().digest


def test_where_the_right_to_upload_comes_from():
    config = parse(
        "[tool.release-warden]\ncredential = 'aws'\n"
        "[tool.release-warden.aws]\nregion = 'us-gov-west-1'\n"
        "role-arn = 'arn:aws-us-gov:iam::123456789012:role/ci/publisher'\nsecret = 'pypi/token'\n"
        "[tool.release-warden.github]\nrepository = 'an-owner/a.name'\nrepository-id = 12\n"
        "environments = ['pypi']\nworkflow = 'ship.yaml'\n"
    )
    assert config.credential == "aws"
    assert config.aws.role_arn == "arn:aws-us-gov:iam::123456789012:role/ci/publisher"
    assert config.github.repository_id == 12
    assert Config().credential == "keyboard"
