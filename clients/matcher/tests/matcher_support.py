"""Small lists for the tests; every name is invented or as common as names get."""

from partner_registry_matcher import EMPTY, Kind, Matcher, Party, Statistics, Subject, count

CAUSES = ("Nutrition", "Relief", "Clean Water", "Education", "Legal Aid", "Mine Clearance")
PLACES = (
    "Gulu",
    "Lira",
    "Mopti",
    "Kismayo",
    "Taiz",
    "Garowe",
    "Bangui",
    "Nimba",
    "Zinder",
    "Kassala",
)
FORMS = ("Alliance", "Association", "Foundation", "Network", "Society")
GIVEN = ("Amina", "Tariq", "Olga", "Peter", "Luis", "Mei", "Ivan", "Fatima", "Joseph", "Anna")
FAMILY = (
    "Warsame",
    "Haddad",
    "Petrova",
    "Okello",
    "Morales",
    "Zhang",
    "Sidorov",
    "Traore",
    "Nyong",
    "Keller",
)


def organisations() -> list[str]:
    """300 names made of the same words: only together they tell bodies apart."""
    return [f"{place} {cause} {form}" for place in PLACES for cause in CAUSES for form in FORMS]


def persons() -> list[str]:
    return [f"{given} {family}" for given in GIVEN for family in FAMILY]


def party(owner: str, name: str, kind: Kind = "organisation", *more: str) -> Party:
    return Party(owner, (kind,), [name, *more])


def crowd() -> tuple[list[Party], Statistics]:
    """A list of 300 organisations and 100 persons, and its statistics."""
    parties = [party(f"o{at}", name) for at, name in enumerate(organisations())]
    parties += [party(f"p{at}", name, "person") for at, name in enumerate(persons())]
    return parties, count((one.names[0], one.kinds[0]) for one in parties)


_PAIRS = Matcher([], EMPTY)


def score(a: str, b: str, kind: Kind = "person") -> float:
    """Of two names alone, by what is known of words in general."""
    return _PAIRS.compare(Subject(kind, [a]), party("b", b, kind)).score
