"""Helpers for tests of programs that talk to a package index; nothing here runs in a release."""
