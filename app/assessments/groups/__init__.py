"""Standing shares with all agencies of a group at once, and the usual ones."""
