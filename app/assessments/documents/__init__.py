"""Documents of an assessment: report, evidence and other papers, for who may read its detail."""
