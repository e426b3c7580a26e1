"""Its version comes from git's tags, and so does the list of its data files."""
