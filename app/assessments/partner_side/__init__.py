"""What the partner sees of assessments of itself, and says to them."""
