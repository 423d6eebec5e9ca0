"""How the matcher's model and its prior came about: rows of features, trees, a curve."""
