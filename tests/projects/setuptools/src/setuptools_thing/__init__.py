"""Built by setuptools: version from an attribute, dependencies from a file."""

__version__ = "1.0.0"
