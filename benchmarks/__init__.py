"""What takes how long, beside peers and limits; ``python -m benchmarks`` runs it."""
