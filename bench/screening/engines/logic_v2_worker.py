"""The other end of logic_v2.py's pipe; runs in the engine's own environment, alone.

One JSON question a line on standard input, one JSON answer a line on standard output.
"""

import json
import os
import re
import sys

from followthemoney import model
from nomenklatura.matching import get_algorithm
from nomenklatura.matching.types import ScoringConfig

_SCHEMA = {"person": "Person", "organization": "Organization"}
_PROPERTY = {"weak_alias": "weakAlias", "former": "previousName"}


class Worker:
    """Holds the entities of the list, and compares."""

    def __init__(self) -> None:
        algorithm = get_algorithm("logic-v2")
        if algorithm is None:
            raise SystemExit("This nomenklatura has no logic-v2.")
        self.algorithm = algorithm
        self.config = ScoringConfig.defaults()
        self.entities = {}
        self.count = 0

    def entity(self, kind, names, birth_dates=(), countries=()):
        self.count += 1
        held = {"name": [text for text, type_ in names if type_ not in _PROPERTY]}
        for text, type_ in names:
            if type_ in _PROPERTY:
                held.setdefault(_PROPERTY[type_], []).append(text)
        if kind == "person":
            held["birthDate"] = list(birth_dates)
            held["nationality"] = list(countries)
        else:
            held["country"] = list(countries)
        # An id of its own each time: the library remembers what it made of an id's names.
        data = {"id": f"e{self.count}", "schema": _SCHEMA[kind], "properties": held}
        return model.get_proxy(data, cleaned=False)

    def compare(self, query, result):
        return self.algorithm.compare(query=query, result=result, config=self.config).score

    def score(self, asked):
        a, b = (self.entity(asked["kind"], [(asked[side], "")]) for side in "ab")
        return {"score": self.compare(a, b)}

    def build(self, asked):
        parties = {}
        for row in asked["entities"]:
            parties.setdefault(row["id"], []).append(row)
        self.entities = {
            party: self.entity(
                rows[0]["kind"],
                [(row["name"], row.get("type", "")) for row in rows],
                rows[0].get("birth_dates", ()),
                rows[0].get("countries", ()),
            )
            for party, rows in parties.items()
        }
        return {"entities": len(self.entities)}

    def query(self, asked):
        births = [asked["birth_date"]] if asked["birth_date"] else []
        one = self.entity(asked["kind"], [(asked["name"], "")], births, asked["countries"])
        scored = ((party, self.compare(one, self.entities[party])) for party in asked["candidates"])
        return {"hits": sorted(scored, key=lambda hit: (-hit[1], hit[0]))[: asked["k"]]}

    def memory(self, _):
        with open(f"/proc/{os.getpid()}/status") as status:
            return {"mib": int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024}


def main() -> None:
    """Answer until standard input ends."""
    worker = Worker()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(getattr(worker, asked["do"])(asked)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
