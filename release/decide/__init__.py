"""Pure: the evidence in, a decision and its explanation out."""
