"""Built by hatchling, below src, in the namespace acme, its version in a file of its own."""
