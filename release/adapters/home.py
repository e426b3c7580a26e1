"""A home of their own for programs that run a project's code.

Tools take credentials out of the home by themselves: git, cargo, pip, twine, anything that reads
netrc. So code of the project and of its build requirements gets an empty home. It is no sandbox:
whoever runs as the same user can read that user's files by their full paths.
"""

from __future__ import annotations

import site
from pathlib import Path

from release.adapters import netrc, process

KEPT = {
    "CARGO_HOME": ".cargo",
    "RUSTUP_HOME": ".rustup",
    "GOPATH": "go",
    "PYENV_ROOT": ".pyenv",
    "ASDF_DATA_DIR": ".asdf",
}
"""Where build tools live, and what they have downloaded: variable and folder of the real home."""
CACHE = "XDG_CACHE_HOME"
"""Below it are the caches of uv, pip, ccache and go."""

HELD = (".pypirc", ".aws/credentials", ".git-credentials", ".config/gh/hosts.yml")
"""Where a home may hold the right to publish or to push."""


def credentials(index_url: str | None = None) -> tuple[str, ...]:
    """The files of the user's home that hold a credential, as a person writes them.

    :param index_url: the index that dependencies come from: what netrc says of that host alone is
        lent to builds anyway, and counts for nothing here.
    """
    found = [f"~/{name}" for name in HELD if (Path.home() / name).is_file()]
    return (*found, *(["netrc"] if netrc.knows_others(index_url) else []))


def furnish(folder: Path, index_url: str | None = None) -> dict[str, str]:
    """Make an empty folder a home, and return the variables for a program that lives in it.

    Build tools and caches are found where they are. Of the user's credentials there is none but
    one: what netrc says of the host that dependencies come from.

    :param folder: it exists, for this program alone.
    :param index_url: that host's index; PyPI, which needs no password, by default.
    """
    # A clone may seem to be somebody else's, as on a mounted disk: git has to work in it.
    (folder / ".gitconfig").write_text("[safe]\n\tdirectory = *\n", "utf-8")
    if index_url:
        netrc.lend(index_url, folder)
    real = Path.home()
    cache = process.variable(CACHE) or str(real / ".cache")
    found = {name: process.variable(name) or str(real / below) for name, below in KEPT.items()}
    tools = {name: path for name, path in found.items() if Path(path).is_dir()}
    return {"HOME": str(folder), CACHE: cache, **tools, **_own_packages()}


def _own_packages() -> dict[str, str]:
    """Where ``pip install --user`` may have put this program: Python looks for it in the home."""
    base = site.getuserbase() if site.ENABLE_USER_SITE else None
    return {"PYTHONUSERBASE": base} if base and Path(base).is_dir() else {}
