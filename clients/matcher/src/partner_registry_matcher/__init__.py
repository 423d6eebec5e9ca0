"""Name matcher of the partner registry."""
