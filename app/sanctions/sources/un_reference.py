"""References of the Security Council's list as other lists quote them."""

import re

# "UN Ref QDi.401", "(UN Ref):TAi.002", "UN REF:QE.A.146.14"; or the text begins with it. One
# that a text merely mentions ("linked to QDe.014") is another party.
_QUOTED = re.compile(
    r"(?:\bUN\s?Ref(?:erence)?\b[\s.]{0,3}(?:no\b|number\b)?[\s.:)]{0,4}|^)(?:"
    r"(?P<new>[A-Z]{2}[ie]\.\d{3}\b)"
    r"|(?P<old>[A-Z]{1,2}\.[A-Z]{1,2}\.\d{1,3}\.\d{2}\b|[EI]\.\d{2}\.[A-Z]{1,3}\.\d{1,3}\b))",
    re.IGNORECASE,
)


def un_references(text: str) -> list[str]:
    """The references by which a text says who its party is on the Security Council's list.

    Those of former years ("QI.A.146.14") are given as they are: the Council renumbered its lists.
    """
    found = []
    for match in _QUOTED.finditer(text):
        new = match["new"]
        found.append(new[:2].upper() + new[2:].lower() if new else match["old"].upper())
    return list(dict.fromkeys(found))
