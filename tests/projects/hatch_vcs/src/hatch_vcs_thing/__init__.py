"""Its version comes from git's tags by hatch-vcs, which writes it into a file."""

from hatch_vcs_thing._version import __version__

__all__ = ["__version__"]
