"""Watching how others read: what is unusual is told to the owner."""
