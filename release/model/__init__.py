"""The documents, one a file; frozen, with a schema name, canonical bytes and a digest."""
