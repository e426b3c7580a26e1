"""Pure: a record and a snapshot in, the next record, its changes and its renderings out."""
