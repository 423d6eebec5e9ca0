"""`python -m partner_registry_matcher`: compile ahead, so that the first screening is quick."""

from . import EMPTY, Matcher, Party, Subject

_PARTIES = [
    Party("1", ("organisation",), ["Northern Relief Foundation", "NRF"]),
    Party("2", ("person",), ["Amina Warsame"]),
]


def main() -> None:
    matcher = Matcher(_PARTIES, EMPTY)
    for name in ("Relief Foundation North", "Warsame Amina"):
        matcher.screen(Subject(None, [name]), 0.1)
        matcher.compare(Subject(None, [name]), _PARTIES[0])


if __name__ == "__main__":
    main()
