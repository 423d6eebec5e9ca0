"""Claims: how a partner takes over its own profile, and who acts for it."""
