"""Made-up partners by the million: names as they are in the field, in ten scripts, always the same.

``world(count)`` gives the same partners for the same count and seed. Every name is invented of
syllables and common words of the field; a likeness to a real body is chance. `spoil` writes a
partner as somebody else may have written it: the duplicates that matching must find.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

Pattern = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Partner:
    """A profile, with the columns that its keys are made of."""

    id: UUID
    number: int
    legal_name: str
    legal_name_native: str | None
    acronym: str | None
    aliases: list[str]
    former_names: list[str]
    partner_type: str
    country: str
    year_established: int
    website: str | None
    identifier: str
    latin: str | None = None
    """Its name in Latin letters, where the profile has it in its own script alone."""


@dataclass(frozen=True, slots=True)
class Land:
    """A country: syllables of its proper names, its patterns, and letters of its script."""

    code: str
    share: int
    syllables: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    letters: dict[str, str] = field(default_factory=dict)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EN = (
    ("{} Relief Trust", None), ("{} Development Organization", None), ("{} Foundation", None),
    ("{} Women's Network", None), ("{} Community Health Initiative", None),
    ("Association for {} Rural Development", None), ("{} Youth Empowerment Group", None),
    ("{} {} Peace and Development Agency", None), ("Hope for {} Children", None),
    ("{} Water and Sanitation Society Ltd", None), ("Ministry of Health, {} County", None),
    ("{} Christian Relief and Development Association", None),
    ("{} Farmers Cooperative Union", None),
    ("Save {} Education Project", None), ("{} Disability Rights Forum", None),
)  # fmt: skip
_FR = (
    ("Association {} pour le développement", None), ("Réseau des femmes {}", None),
    ("Fondation {}", None), ("Action {} pour la santé communautaire", None),
    ("Groupement des producteurs de {}", None), ("Union {} {} pour la paix", None),
    ("ONG {} Solidarité", None), ("Secours {} ASBL", None),
)  # fmt: skip
_ES = (
    ("Fundación {}", None), ("Corporación {} para el Desarrollo", None),
    ("Asociación {} de Mujeres", None), ("Red {} por la Paz", None), ("Comité {} {}", None),
    ("Cooperativa {} Ltda", None),
)  # fmt: skip
_AR = (
    ("{} Charitable Society", "جمعية {} الخيرية"),
    ("{} Organization for Relief and Development", "منظمة {} للإغاثة والتنمية"),
    ("{} Humanitarian Foundation", "مؤسسة {} الإنسانية"),
    ("{} Women's Association", "جمعية {} النسائية"), ("Muassasat {}", "مؤسسة {}"),
)  # fmt: skip
_UK = (
    ("Public Organization {}", "Громадська організація «{}»"),
    ("Charitable Foundation {}", "Благодійний фонд «{}»"),
    ("Blahodiinyi fond {} {}", "Благодійний фонд {} {}"),
    ("Women's Union {}", "Жіноча спілка «{}»"),
)  # fmt: skip
_AM = (
    ("{} Development Association", "{} የልማት ማህበር"),
    ("{} Charity Organization", "{} የበጎ አድራጎት ድርጅት"),
    ("{} {} Mahber", "{} {} ማህበር"),
)  # fmt: skip
_MY = (
    ("{} Development Association", "{} ဖွံ့ဖြိုးရေးအသင်း"), ("{} Relief Network", "{} ကူညီရေးကွန်ရက်"),
    ("{} Foundation", "{} ဖောင်ဒေးရှင်း"),
)  # fmt: skip
_BN = (
    ("{} Unnayan Sangstha", "{} উন্নয়ন সংস্থা"), ("{} Mohila Samity", "{} মহিলা সমিতি"),
    ("{} Foundation", "{} ফাউন্ডেশন"),
)  # fmt: skip
_NE = (("{} Samaj Sewa Kendra", "{} समाज सेवा केन्द्र"), ("{} Mahila Samuha", "{} महिला समूह"))
_ZH = (("{} Jijinhui", "{}基金会"), ("{} Xiehui", "{}协会"), ("{} Cishanhui", "{}慈善会"))
_TH = (("Munlanithi {}", "มูลนิธิ {}"), ("Samakhom {}", "สมาคม {}"))

_BANTU = _words(
    "ama ni tu mai ni za wa di u ju mbe ki li ma nja ro mu ka ngo me sa fi ri ndo wi la ba ha ri "
    "ta nu ru sha ge lo ko bu mwe nga zi pe te si mo ye do lu"
)
_SAHEL = _words(
    "kou lou bou ba dji dou ga ma na sou ri ta ra mé fa so ndé di lé nou sa té ko la né wa to si "
    "gou ya bé mi lo dé kan tin far go"
)
_LATIN = _words(
    "cla ro luz se mi lla an du na ca mi no ver de sol ri vi da nue va es pe ran za tie rra flo "
    "res mon te cam po al ba co ra zon ma dre pa lo ma"
)
_ARAB = {
    "na": "نا", "sa": "سا", "ri": "ري", "mu": "مو", "ba": "با", "li": "لي", "za": "زا", "hu": "هو",
    "da": "دا", "ra": "را", "ma": "ما", "ni": "ني", "fa": "فا", "ta": "تا", "ya": "يا", "su": "سو",
    "ki": "كي", "lu": "لو", "sha": "شا", "bi": "بي", "ru": "رو", "mi": "مي", "nu": "نو", "di": "دي",
    "ja": "جا", "fi": "في", "si": "سي", "du": "دو",
}  # fmt: skip
_CYRL = {
    "zo": "зо", "re": "ре", "sla": "сла", "va": "ва", "ka": "ка", "ly": "ли", "na": "на",
    "vil": "віл", "po": "по", "dar": "дар", "mo": "мо", "svit": "світ", "ro": "ро", "da": "да",
    "dob": "доб", "ra": "ра", "na ": "на", "tur": "тур", "bo": "бо", "ta": "та", "mi": "мі",
    "lo": "ло", "ser": "сер", "de": "де", "ne": "не", "bez": "без", "pe": "пе", "ku": "ку",
}  # fmt: skip
_ETHI = {
    "ta": "ታ", "ri": "ሪ", "ku": "ኩ", "me": "መ", "la": "ላ", "su": "ሱ", "ba": "ባ", "na": "ና",
    "se": "ሰ", "mi": "ሚ", "fa": "ፋ", "ru": "ሩ", "ka": "ካ", "te": "ተ", "lu": "ሉ", "ma": "ማ",
    "ni": "ኒ", "ra": "ራ", "bi": "ቢ", "re": "ረ", "ti": "ቲ", "li": "ሊ",
}  # fmt: skip
_MYMR = {
    "ka": "က", "ma": "မ", "ta": "တ", "na": "န", "pa": "ပ", "la": "လ", "sa": "စ", "ba": "ဗ",
    "ki": "ကီ", "mi": "မီ", "ti": "တီ", "ni": "နီ", "pu": "ပူ", "lu": "လူ", "mu": "မူ", "tu": "တူ",
}  # fmt: skip
_BENG = {
    "ka": "কা", "ma": "মা", "ta": "তা", "na": "না", "pa": "পা", "la": "লা", "sa": "সা", "ba": "বা",
    "ri": "রি", "mi": "মি", "ti": "তি", "ni": "নি", "pu": "পু", "lu": "লু", "mu": "মু", "ru": "রু",
    "di": "দি", "go": "গো", "ro": "রো", "do": "দো",
}  # fmt: skip
_DEVA = {
    "ka": "का", "ma": "मा", "ta": "ता", "na": "ना", "pa": "पा", "la": "ला", "sa": "सा", "ba": "बा",
    "ri": "रि", "mi": "मि", "ti": "ति", "ni": "नि", "pu": "पु", "lu": "लु", "mu": "मु", "ru": "रु",
    "di": "दि", "go": "गो", "ro": "रो", "do": "दो",
}  # fmt: skip
_HANI = {
    "zhong": "中", "guo": "国", "ai": "爱", "xin": "心", "he": "和", "ping": "平", "yun": "云",
    "nan": "南", "fu": "福", "jia": "家", "ming": "明", "hua": "华", "tian": "天", "shan": "山",
    "hai": "海", "qing": "青", "nian": "年", "guang": "光", "ren": "仁", "de": "德", "xing": "兴",
    "an": "安", "chun": "春", "lin": "林", "long": "龙", "hong": "红", "bei": "北", "jing": "京",
}  # fmt: skip
_THAI = {
    "ma": "มา", "na": "นา", "ta": "ตา", "ka": "กา", "ra": "รา", "pa": "ปา", "sa": "สา", "ni": "นี",
    "mi": "มี", "ti": "ตี", "ki": "กี", "ri": "รี", "nu": "นู", "mu": "มู", "tu": "ตู", "ru": "รู",
}  # fmt: skip


def _land(code: str, share: int, letters: dict[str, str], patterns: tuple[Pattern, ...]) -> Land:
    return Land(code, share, tuple(letters), patterns, letters)


LANDS = (
    *(Land(c, 8, _BANTU, _EN) for c in ("KEN", "UGA", "TZA", "ZWE", "MWI", "ZMB", "RWA")),
    *(Land(c, 8, _BANTU, _EN) for c in ("NGA", "GHA")),
    *(Land(c, 7, _BANTU, _FR) for c in ("COD", "BDI", "CMR")),
    *(Land(c, 6, _SAHEL, _FR) for c in ("MLI", "NER", "BFA", "TCD", "SEN")),
    *(Land(c, 6, _LATIN, _ES) for c in ("COL", "GTM", "PER")),
    *(_land(c, 6, _ARAB, _AR) for c in ("SYR", "YEM", "LBN", "SDN", "JOR", "IRQ")),
    _land("UKR", 8, _CYRL, _UK), _land("ETH", 8, _ETHI, _AM), _land("MMR", 6, _MYMR, _MY),
    _land("BGD", 8, _BENG, _BN), _land("NPL", 5, _DEVA, _NE), _land("CHN", 4, _HANI, _ZH),
    _land("THA", 4, _THAI, _TH),
)  # fmt: skip
_AS_HEARD = frozenset(
    {"Muassasat {}", "Blahodiinyi fond {} {}", "{} {} Mahber", "{} Mohila Samity", "Samakhom {}",
     "{} Samaj Sewa Kendra", "{} Mahila Samuha", "{} Jijinhui", "{} Xiehui", "Munlanithi {}"}
)  # fmt: skip
"""Patterns whose own-script form is the Latin one as it is heard."""
_COMMON = frozenset(w for land in LANDS for p, _ in land.patterns for w in p.split()) - {"{}"}
_TYPES = ("NGO_NATIONAL", "NGO_NATIONAL", "NGO_LOCAL", "CBO", "CBO", "NGO_INTL")
_SMALL = frozenset(_words("for and of the de des pour le la el por para"))
_PLACES = _words("North South East West Central Rural Urban Upper Lower")


def _proper(land: Land, rng: random.Random, hanzi: bool) -> tuple[str, str]:
    """A proper name in Latin letters and in the land's own."""
    count = rng.choice((2, 2, 3, 4)) if hanzi else rng.choice((2, 3, 3, 4, 4))
    parts = [rng.choice(land.syllables) for _ in range(count)]
    latin = "".join(part.strip() for part in parts).capitalize()
    return latin, "".join(land.letters.get(part, part) for part in parts)


def _acronym(name: str) -> str:
    words = [w for w in name.replace(",", " ").split() if w.lower() not in _SMALL]
    return "".join(w[0] for w in words).upper()


def world(count: int, seed: int = 1) -> Iterator[Partner]:
    """``count`` partners. Ids rise with their number, as those of profiles made one by one do."""
    rng = random.Random(seed)
    lands, weights = LANDS, [land.share for land in LANDS]
    chosen = rng.choices(lands, weights, k=min(count, 100_000))
    for n in range(count):
        land = chosen[n % len(chosen)]
        pattern, native = rng.choice(land.patterns)
        holes = pattern.count("{}")
        proper = [_proper(land, rng, land.code == "CHN") for _ in range(holes)]
        name = pattern.format(*(latin for latin, _ in proper))
        own = native.format(*(letters for _, letters in proper)) if native else None
        if rng.random() < 0.15:
            name = f"{name} {rng.choice(_PLACES)} {rng.choice(land.syllables).strip().capitalize()}"
        former = [f"{_proper(land, rng, False)[0]} {proper[0][0]} Group"] if n % 10 == 3 else []
        alias = [f"{proper[0][0]} {land.code}"] if n % 4 else []
        # Some profiles are known in their own script only; those whose words of the field are
        # written as they sound can be met by their Latin name.
        unseen = own is not None and pattern in _AS_HEARD and n % 5 == 2
        site = f"https://www.{proper[0][0].lower()}{n}.example" if n % 3 == 0 else None
        yield Partner(
            id=UUID(int=(0x0190_0000_0000 + n) << 80 | 7 << 76 | 2 << 62 | rng.getrandbits(60)),
            number=n + 1,
            legal_name=own if unseen and own else name,
            legal_name_native=None if unseen else own,
            acronym=_acronym(name) if n % 2 and not unseen else None,
            aliases=[] if unseen else alias,
            former_names=former,
            partner_type=rng.choice(_TYPES),
            country=land.code,
            year_established=rng.randint(1950, 2024),
            website=site,
            identifier=f"XX-MADE-{n:09d}",
            latin=name if unseen else None,
        )


_FOREIGN = _words("quo xel thre plo vex gru sni dwe oxa ulf yrg pse tzo kvi bzu flu hja grolt")
"""Syllables of no land here."""


def strangers(count: int, seed: int = 99) -> Iterator[tuple[str, str]]:
    """Name and country of organisations that are none of the world's: their proper names are made
    of other syllables, so that a profile which is alike is alike by the words of the field alone.
    """
    rng = random.Random(seed)
    for _ in range(count):
        land = rng.choice(LANDS)
        pattern, _ = rng.choice(land.patterns)
        proper = ["".join(rng.choices(_FOREIGN, k=3)).capitalize() for _ in range(2)]
        yield pattern.format(*proper[: pattern.count("{}")]), land.code


# ------------------------------------------------------------------- written by somebody else


def _typo(name: str, rng: random.Random) -> str:
    places = [at for at, char in enumerate(name) if char.isalpha() and 0 < at < len(name) - 1]
    at = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at] + name[at:]
    if kind == 2:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + rng.choice("aeinorst") + name[at + 1 :]


def _reordered(name: str, rng: random.Random) -> str:
    words = name.replace(",", "").split()
    return " ".join([*words[1:], words[0]] if len(words) > 1 else words)


_FORMS = ("Ltd", "ASBL", "e.V.", "Inc.", "S.A.R.L.", "Ltda", "GmbH", "Limited", "(Pvt) Ltd", "LLC")
_HEARD = (("sh", "ch"), ("k", "q"), ("ou", "u"), ("i", "ee"), ("j", "dj"), ("w", "ou"), ("z", "s"),
          ("u", "oo"), ("ph", "f"), ("c", "k"), ("e", "i"), ("o", "u"))  # fmt: skip


def _transliterated(name: str, rng: random.Random) -> str:
    lower = name.lower()
    fitting = [pair for pair in _HEARD if pair[0] in lower]
    for old, new in rng.sample(fitting, min(2, len(fitting))):
        lower = lower.replace(old, new, 1)
    return lower.title()


def _dropped(name: str, rng: random.Random) -> str:
    """Without one of the words that the field has in common, never without the proper name."""
    words = name.split()
    common = [at for at, word in enumerate(words) if word in _COMMON]
    if len(words) > 2 and common:
        del words[rng.choice(common)]
    return " ".join(words)


def _added(name: str, rng: random.Random) -> str:
    return f"{name} {rng.choice(('International', 'Initiative', 'Programme', 'Kenya', 'Network'))}"


def _spaced(name: str, rng: random.Random) -> str:
    words = name.split()
    long = [at for at, word in enumerate(words) if len(word) > 5]
    if long and rng.random() < 0.5:
        at = rng.choice(long)
        words[at] = words[at][:3] + "-" + words[at][3:]
        return " ".join(words)
    return "".join(words[:2]) + " " + " ".join(words[2:]) if len(words) > 1 else name


_CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "typos": _typo,
    "word order": _reordered,
    "legal form": lambda name, rng: f"{name} {rng.choice(_FORMS)}",
    "transliteration": _transliterated,
    "dropped word": _dropped,
    "added word": _added,
    "spacing": _spaced,
}
CATEGORIES = (*_CHANGES, "two typos", "former name", "acronym", "native name", "native vs Latin")


def spoil(partner: Partner, category: str, rng: random.Random) -> dict[str, object] | None:
    """The search somebody would make who means this partner; None where it has no such name."""
    asked: dict[str, object] = {"country": partner.country}
    if category in _CHANGES and not partner.legal_name.isascii():
        return None
    if category in _CHANGES:
        return asked | {"legal_name": _CHANGES[category](partner.legal_name, rng)}
    if category == "two typos":
        return asked | {"legal_name": _typo(_typo(partner.legal_name, rng), rng)}
    if category == "former name" and partner.former_names:
        return asked | {"legal_name": partner.former_names[0]}
    if category == "acronym" and partner.acronym and len(partner.acronym) >= 3:
        return asked | {"acronym": partner.acronym, "website": partner.website}
    if category == "native name" and partner.legal_name_native:
        return asked | {"legal_name": partner.legal_name_native}
    if category == "native vs Latin" and partner.latin:
        return asked | {"legal_name": partner.latin}
    return None
