"""Potential matches: who of the profiles may be on a list, and what people decided of it."""
