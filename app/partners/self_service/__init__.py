"""The partner itself: its profile, what agencies state about it, and its answers."""
