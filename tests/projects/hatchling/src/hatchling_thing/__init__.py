"""Built by hatchling, below src, with its version in a file of its own."""
