"""PSEA self-assessments: the partner answers first, the agency it is addressed to reviews."""
