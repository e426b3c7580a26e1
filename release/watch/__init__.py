"""Watching: what is measured of releases, scans and runs, as documents in and documents out."""
