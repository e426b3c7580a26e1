"""Built by uv_build, below src."""
