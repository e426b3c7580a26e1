"""A thing."""

__version__ = "1.0.0"
