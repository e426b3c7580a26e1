"""Has extras and markers."""
