"""A package in the namespace acme, which has no __init__.py of its own."""
