"""`python -m partner_registry_matcher`: compile ahead, so that the first screening is quick."""

from .ready import ready

if __name__ == "__main__":
    ready()
