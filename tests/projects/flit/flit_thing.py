"""Built by flit: a single module that tells its version and description."""

__version__ = "1.0.0"
