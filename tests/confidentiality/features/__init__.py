"""Lines of the matrix by feature: each module gives RULES of its routes, TABLES of its tables."""
