"""Lists whose names come from the standards that pycountry carries, in six languages.

English country names are those of UN M49 (core/countries.py); names in other languages are those
of ISO 3166-1, which now and then words them differently.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import pycountry

from app.core import countries as registry

_LOCALES = {"fr": "fr", "es": "es", "ar": "ar", "ru": "ru", "zh": "zh_CN"}


@lru_cache(maxsize=16)
def _names(domain: str, locale: str) -> gettext.NullTranslations:
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=[locale], fallback=True)


def _labels(domain: str, name: str) -> dict[str, str]:
    """The name in the languages that have one; a missing translation gives no label."""
    found = {}
    for language, locale in _LOCALES.items():
        # A context that nothing has tells a missing translation from an equal one.
        catalogue = getattr(_names(domain, locale), "_catalog", {})
        if label := catalogue.get(name):
            found[language] = str(label)
    return found


def language_labels(iso639_3: str) -> dict[str, str]:
    """Names of a language in the other UN languages, by its ISO 639-3 code."""
    language = pycountry.languages.get(alpha_3=iso639_3)
    return _labels("iso639-3", str(language.name)) if language else {}


def countries() -> dict[str, Any]:
    """Countries and areas by alpha-3, as the data of a code list."""
    items = []
    for code in registry.ALL:
        record = pycountry.countries.get(alpha_3=code)
        names = {} if record is None else _labels("iso3166-1", str(record.name))
        facts = {"alpha_2": registry.alpha2(code), "m49": registry.m49(code)}
        items.append(
            {
                "code": code,
                "labels": {"en": registry.country_name(code)} | names,
                "facts": {name: value for name, value in facts.items() if value},
            }
        )
    return {
        "code": "countries",
        "title": "Countries and areas",
        "version": version("pycountry"),
        "effective_from": "2026-11-22",
        "source": "English names: UN M49; other languages and codes: ISO 3166-1 as pycountry "
        f"{version('pycountry')} (Debian iso-codes) carries it; XKX is user-assigned",
        "confirmed": False,
        "items": items,
    }
