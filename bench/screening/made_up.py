"""Made-up names of persons and organisations, always the same for the same seed."""

import random

from bench.partner_world import world
from partner_registry_matcher.tables import Kind

_GIVEN = (
    *("Amina", "Ivan", "Maria", "Chen", "Omar", "Fatima", "Pedro", "Aisha", "Viktor", "Leila"),
    *("Jean", "Grace", "Samuel", "Nadia", "Ahmed", "Elena", "Moses", "Ruth", "Yusuf", "Hana"),
    *("Daniel", "Esther", "Karim", "Olga", "Paulo", "Sara", "Idris", "Mercy", "Tomas", "Zainab"),
)
_PARTS = (
    *("ka", "lo", "mi", "ren", "dar", "ou", "be", "sha", "tor", "vin", "gal", "zu", "pe", "rak"),
    *("ney", "sol", "ma", "ti", "hab", "dre", "kun", "os"),
)


def person(rng: random.Random) -> str:
    """Two given names and a family name of syllables."""
    family = "".join(rng.choice(_PARTS) for _ in range(rng.choice((3, 4)))).capitalize()
    return f"{rng.choice(_GIVEN)} {rng.choice(_GIVEN)} {family}"


def names(count: int, seed: int = 3) -> list[tuple[str, Kind]]:
    """Half of organisations, half of persons."""
    rng = random.Random(seed)
    made: list[tuple[str, Kind]] = [(p.legal_name, "organisation") for p in world(count // 2)]
    made += [(person(rng), "person") for _ in range(count - count // 2)]
    return made
