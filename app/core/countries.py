"""Countries and areas: codes in, ISO 3166-1 alpha-3 stored, names of the UN M49 standard out.

The base is pycountry; where its names differ from M49's, the table below decides. M49 lists no
area under the name Taiwan: the codes TW and TWN are accepted, and the name served is the one ISO
3166-1 (and so pycountry) gives, "Taiwan, Province of China".
"""

import gettext
import re
from functools import lru_cache

import pycountry
from anyascii import anyascii

# XK is user-assigned in ISO 3166-1, and M49 has no number for it.
_KOSOVO = "XKX"

_M49_NAMES = {
    "BES": "Bonaire, Sint Eustatius and Saba",
    "BOL": "Bolivia (Plurinational State of)",
    "CIV": "Côte d’Ivoire",
    "COD": "Democratic Republic of the Congo",
    "FLK": "Falkland Islands (Malvinas)",
    "FSM": "Micronesia (Federated States of)",
    "GBR": "United Kingdom of Great Britain and Northern Ireland",
    "HKG": "China, Hong Kong Special Administrative Region",
    "IRN": "Iran (Islamic Republic of)",
    "KOR": "Republic of Korea",
    "MAC": "China, Macao Special Administrative Region",
    "MAF": "Saint Martin (French Part)",
    "MDA": "Republic of Moldova",
    "NLD": "Netherlands (Kingdom of the)",
    "PRK": "Democratic People's Republic of Korea",
    "PSE": "State of Palestine",
    "SHN": "Saint Helena",
    "SJM": "Svalbard and Jan Mayen Islands",
    "TZA": "United Republic of Tanzania",
    "USA": "United States of America",
    "VAT": "Holy See",
    "VEN": "Venezuela (Bolivarian Republic of)",
    "VGB": "British Virgin Islands",
    "VIR": "United States Virgin Islands",
    "WLF": "Wallis and Futuna Islands",
    _KOSOVO: "Kosovo (under UNSCR 1244)",
}

# Names met in lists that no standard gives, written as `_key` leaves them.
_ALSO = {
    "COD": "congo kinshasa; congo dem rep; dr congo; drc; d r congo; zaire; rdc",
    "COG": "congo brazzaville; republic of congo; congo rep",
    "PRK": "north korea; dprk; korea north; coree du nord; corea del norte",
    "KOR": "south korea; korea; korea south; rok; coree du sud; corea del sur",
    "RUS": "russia; russian fed; russie; rusia; former soviet union; soviet union; ussr",
    "SYR": "syria; syrie; siria",
    "IRN": "iran; islamic republic of iran",
    "VNM": "vietnam",
    "LAO": "laos",
    "TUR": "turkey; turkiye; turquie; turquia; republic of turkey",
    "GBR": "united kingdom; uk; great britain; england; scotland; wales; northern ireland; britain",
    "USA": "united states; usa; us; u s a; america; etats unis; estados unidos",
    "CIV": "ivory coast; cote divoire; cote d ivoire",
    "KNA": "st kitts and nevis",
    "LCA": "st lucia",
    "VCT": "st vincent and the grenadines",
    "CPV": "cape verde",
    "CZE": "czech republic",
    "SWZ": "swaziland",
    "MKD": "macedonia; the former yugoslav republic of macedonia; fyrom",
    "MMR": "burma; union of myanmar",
    "BRN": "brunei",
    "BIH": "bosnia; bosnia herzegovina",
    "PSE": "palestine; palestinian territories; occupied palestinian territory; palestinian; gaza; "
    "west bank; palestinian territory occupied",
    "VAT": "vatican; vatican city; holy see vatican city state",
    "HKG": "hong kong; hong kong sar; hongkong",
    "MAC": "macao; macau",
    "TWN": "taiwan",
    "TZA": "tanzania",
    "MDA": "moldova",
    "BOL": "bolivia",
    "VEN": "venezuela",
    "FSM": "micronesia",
    "NLD": "netherlands; the netherlands; holland; pays bas; paises bajos",
    "GMB": "gambia; the gambia",
    "BHS": "bahamas; the bahamas",
    "TLS": "east timor",
    "ARE": "uae; u a e; emirates",
    "CAF": "car; central african rep",
    "KGZ": "kyrgyz republic; kyrghyzstan",
    "SAU": "kingdom of saudi arabia; ksa",
    "CHN": "peoples republic of china; prc",
    "VGB": "bvi",
    "GNB": "guinea bissau",
    "AFG": "islamic republic of afghanistan",
    "LBY": "libyan arab jamahiriya; state of libya",
    _KOSOVO: "kosovo; kosovo under unscr 1244; kosova",
}

_RECORDS = {country.alpha_3: country for country in pycountry.countries}
_NAMES: dict[str, str] = {
    **{code: str(country.name) for code, country in _RECORDS.items()},
    **_M49_NAMES,
}

ALL: tuple[str, ...] = tuple(sorted(_NAMES))

_BY_CODE: dict[str, str] = {
    **{code: code for code in ALL},
    **{str(country.alpha_2): code for code, country in _RECORDS.items()},
    **{str(country.numeric): code for code, country in _RECORDS.items()},
    "XK": _KOSOVO,
}

_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")
_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]?")
_WORTH_LITTLE = re.compile(r"^(?:the|republic of|state of|former|formerly|la|le|les|el|los)\s+")


def parse_country(code: str) -> str:
    """The alpha-3 of an alpha-2, alpha-3 or three-digit M49 code; ValueError for any other text."""
    known = _BY_CODE.get(code.strip().upper()) if len(code) <= 16 and code.isascii() else None
    if known is None:
        raise ValueError("not an ISO 3166-1 alpha-2, alpha-3 or UN M49 country code")
    return known


def country_name(alpha3: str) -> str:
    """The English name by UN M49; KeyError for a code that is not in `ALL`."""
    return _NAMES[alpha3]


def alpha2(alpha3: str) -> str:
    """The ISO 3166-1 alpha-2 code (XK for Kosovo); KeyError for a code not in `ALL`."""
    return "XK" if alpha3 == _KOSOVO else str(_RECORDS[alpha3].alpha_2)


def m49(alpha3: str) -> str | None:
    """The three digits of UN M49, None where M49 has none; KeyError for a code not in `ALL`."""
    return None if alpha3 == _KOSOVO else str(_RECORDS[alpha3].numeric)


def _key(name: str) -> str:
    plain = anyascii(name).lower().replace("'", "").replace("&", " and ")
    return _NOT_A_LETTER.sub(" ", plain).strip()


def _spellings(code: str) -> list[str]:
    """Every name we know of a country: M49, ISO short, official and common, French, Spanish."""
    record = _RECORDS.get(code)
    names = [_NAMES[code], *_ALSO.get(code, "").split(";")]
    if record is not None:
        iso = [getattr(record, part, None) for part in ("name", "official_name", "common_name")]
        names += [name for name in iso if name]
    for language in ("fr", "es"):
        translate = _translations(language).gettext
        names += [translate(name) for name in list(names)]
    return names


@lru_cache(maxsize=4)
def _translations(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        "iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True
    )


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in ALL:
        for name in _spellings(code):
            if key := _key(name):
                found.setdefault(key, code)
    # A few keys must not be left to the order of the alphabet.
    found |= {_key(name): code for code in ALL for name in _ALSO.get(code, "").split(";") if name}
    return found


def _forms(name: str) -> list[str]:
    """The name, then less and less of it: without brackets, without what follows a comma."""
    bare = _BRACKETS.sub(" ", name)
    forms = [_key(name), _key(bare), _key(bare.split(",", 1)[0])]
    if "," in bare:  # "Tanzania, United Republic of"
        first, last = bare.split(",", 1)
        forms.insert(1, _key(f"{last} {first}"))
    return [*forms, *(_WORTH_LITTLE.sub("", form) for form in forms)]


@lru_cache(maxsize=2048)
def find_country(name: str) -> str | None:
    """The alpha-3 of a country named as lists name it, or None.

    Takes English, French and Spanish names, usual short and former names, in any case, with or
    without accents and bracketed remarks, and codes in capitals. "NA" is "not available" in
    lists, never Namibia.
    """
    if len(name) > 200:
        return None
    known = _by_name()
    for form in _forms(name):
        if form in known:
            return known[form]
    return None if name.strip() == "NA" else _BY_CODE.get(name.strip())
