"""The door to ``~/.netrc``: a password for one index, and none for any other host."""

from __future__ import annotations

import netrc
from pathlib import Path
from urllib.parse import urlsplit

from release.adapters import process
from release.adapters.web import LOOPBACK


def lend(url: str, home: Path) -> None:
    """Write what the user's netrc says of an address's host into the netrc of a child's home.

    A ``default`` entry is not taken: it would send a password to a host that nobody named. Nor is
    one for this machine, where the embedded index serves beside whatever else.

    :param url: the index's address.
    :param home: the folder that the child takes for its home; made for it alone.
    """
    host = urlsplit(url).hostname
    entry = _hosts().get(host) if host and host not in LOOPBACK else None
    if entry is None or any(not word or word.split() != [word] for word in (entry[0], entry[2])):
        return
    file = home / ".netrc"
    file.touch(mode=0o600)
    file.write_text(f"machine {host} login {entry[0]} password {entry[2]}\n", "utf-8")


def knows_others(url: str | None) -> bool:
    """Whether the user's netrc has a password for any other host than an address's.

    :param url: the address; ``None`` for none.
    """
    host = urlsplit(url).hostname if url else None
    return any(name != host and entry[2] for name, entry in _hosts().items())


def _hosts() -> dict[str, tuple[str, str, str]]:
    """The entries of the user's netrc by host; none where it is missing or cannot be read."""
    named = process.variable("NETRC")
    try:
        found = netrc.netrc(Path(named) if named else Path.home() / ".netrc").hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError, RuntimeError):
        return {}
    return {
        host: (login, account, secret or "") for host, (login, account, secret) in found.items()
    }
