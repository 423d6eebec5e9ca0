"""Documents of a profile: what they are, who may read them, and their contents."""
