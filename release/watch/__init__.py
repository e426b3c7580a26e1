"""Watching: what checks, runs and releases amount to. Pure: documents in, documents out."""
