"""Pure: closures and advisories in, findings and verdicts out."""
