"""People of a profile, the notice they are given, and what they may ask for."""
