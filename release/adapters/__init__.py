"""The only doors out: processes, git, the ledger, uv, OSV, the index, the clock."""
