"""A random walk over everything that opens and closes assessments, beside a model of it."""
