"""How well and how fast screening finds names: sets built from real lists, and engines compared."""
