"""Built by uv_build, below src, with extras and markers."""
