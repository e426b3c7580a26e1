"""Built by poetry-core, without a project table."""
