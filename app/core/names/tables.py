"""What the matcher knows about words: legal forms, particles, titles, generic words, spellings.

Everything is written the way `fold` leaves it: lower-case ASCII, no punctuation.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Legal forms at the end of an organisation's name. "Foundation", "Trust", "Association" and the
# like say what a body is and tell bodies apart: they are not legal forms.
LEGAL_FORMS: frozenset[tuple[str, ...]] = frozenset(
    tuple(line.split())
    for line in """
ltd; limited; pvt; private limited; pvt ltd; pte; pte ltd; co ltd; co limited; co llc; pty; pty ltd
llc; l l c; llp; lp; plc; inc; incorporated; corp; corporation; co inc; cic; co
gmbh; mbh; ggmbh; gmbh co kg; gmbh und co kg; gmbh and co kg; ag; kg; ohg; ug; ev; e v; se; kgaa
sarl; sarlu; sarlau; sarl au; sas; sasu; sa; s a; snc; scs; sca; sprl; bvba; scrl; eurl; sal; gie
asbl
srl; spa; s p a; srls; sapa; sl; slu; sac; saa; sa de cv; s de rl de cv; de cv; ltda; limitada
eirl; cia ltda; sociedad anonima; sociedad limitada; lda; eireli; me
bv; nv; vof; ab; as; asa; aps; a s; oy; oyj; hf; ehf; ou; sia; uab
kft; zrt; nyrt; bt; sp z o o; spzoo; sp zoo; sro; s r o; spol s r o; doo; d o o; dd; d d; dooel
ad; eood; ood; ead
ooo; oao; zao; pao; ao; tov; too; jsc; ojsc; cjsc; pjsc; ojs; aoe; epe; ae
as ve ticaret; ltd sti; limited sirketi; anonim sirketi; sti; san tic ltd sti
fze; fzco; fzc; fz llc; fzllc; wll; bsc; ksc; kscc; saog; saoc; psc; pjs; est; dmcc
tbk; sdn bhd; bhd; kk; gk; jv
you xian gong si; you xian ze ren gong si; gu fen you xian gong si; zhu shi hui she
you xian hui she; ju sig hoe sa; yu han hoe sa; dhmm; dh m m
""".replace("\n", ";").split(";")
    if line.strip()
)
# Forms that stand in front.
LEADING_FORMS: frozenset[tuple[str, ...]] = frozenset(
    tuple(line.split())
    for line in [
        "pt",
        " cv",
        " ooo",
        " oao",
        " zao",
        " pao",
        " ao",
        " tov",
        " too",
        " ou",
        " uab",
        " sia",
        " zhu shi hui she",
        " ju sig hoe sa",
        " gie",
        " snc",
    ]
)
LONGEST_FORM = max(len(form) for form in LEGAL_FORMS)

PARTICLES = _words(
    "al el ul ad as ar an at ash az bin bint ben ibn binti ould walad uld ouled wa ud ur us e i "
    "de da do dos das del della di du la le les las los van von der den ten ter zu zur st san y d"
)
TITLES = _words(
    "mr mrs ms miss dr prof professor sir haji hajji hadji haj hajj sheikh shaykh sheik shaikh "
    "mullah mulla maulavi mawlawi maulawi mawlana maulana qari hafiz ustad alhaj alhaji sayyid "
    "general gen colonel col major maj captain capt lieutenant lt brigadier commander admiral "
    "brig sergeant sgt minister engineer eng ing jr sr ii iii"
)
# Given names so common that sharing one says little.
COMMON_NAMES = _words(
    "muhammad ahmad ali hasan husayn abd abu allah khan umar ibrahim mahmud yusuf abdullah omar "
    "hussein hussain hassan kim john jose juan maria ivan singh kumar nguyen"
)
STOP_WORDS = _words(
    "of the and for in on at to a an de la le les des du d l et pour en y e el los las del und fur "
    "der die das von i o da do dos das di il per al and und ve wa fi li"
)
# Words that half the organisations of the world carry.
GENERIC_WORDS = _words(
    "company group international national general global world worldwide trading trade commercial "
    "import export enterprise enterprises industries industrial industry services service "
    "holding holdings bank center organisation foundation fund association society union "
    "committee council network trust charity charitable humanitarian relief aid development "
    "support welfare institute agency ministry department office bureau federation movement "
    "islamic community people construction engineering investment investments shipping transport "
    "petroleum oil gas energy technology technologies partners solutions initiative programme "
    "project rights health women children youth education action assistance cooperation "
    "sharikat sharkh shrkh muassasat mussh jamiyat jmyh gong si "
    "societe compagnie organizacion organizacao fundacion fondation asociacion obshchestvo fond"
)
# Spellings folded to one: words of organisations, then names of persons.
ORG_VARIANTS = {
    variant: word
    for word, variants in {
        "company": "co comp cie compagnie",
        "international": "intl internat internationale internacional internazionale",
        "organisation": "organization org organisations organizations",
        "center": "centre centro centres centers",
        "programme": "program programmes programs",
        "foundation": "fdn foundations",
        "association": "assn assoc associations",
        "corporation": "corp",
        "brothers": "bros",
        "limited": "ltd",
        "department": "dept",
        "and": "und et",
        "manufacturing": "mfg",
        "defence": "defense",
        "labour": "labor",
        "enterprise": "entreprise empresa",
    }.items()
    for variant in variants.split()
}
PERSON_VARIANTS = {
    variant: word
    for word, variants in {
        "muhammad": "mohammed mohamed mohammad mohamad muhammed muhamad muhamed mohamud mohd md "
        "mohamet mehmed mohammod muhammet mahomed magomed",
        "abd": "abdul abdel abdal abdur abdol",
        "abu": "abou abo aboo",
        "bin": "ibn ben bn",
        "hasan": "hassan hassen hasen",
        "husayn": "hussein hussain husain husein hossein hosein hossain hussayn houssein housein",
        "ahmad": "ahmed ahmet achmad akhmad akhmed ahamed",
        "umar": "omar omer oumar",
        "uthman": "othman osman usman ousmane",
        "yusuf": "youssef yousef yousuf yusef yousif youssouf yusif",
        "usama": "osama oussama",
        "abdullah": "abdallah abdulla abdalla",
        "said": "saeed saed sayeed saeid",
        "sayyid": "syed sayed sayyed saiyid seyed sayid seyyed",
    }.items()
    for variant in variants.split()
}
# Frequent names in Arabic letters, which leave the vowels out.
ARABIC_NAMES = {
    "محمد": "muhammad", "احمد": "ahmad", "علي": "ali", "على": "ali", "حسن": "hasan",
    "حسين": "husayn", "عبد": "abd", "ابو": "abu", "ابي": "abu", "ابن": "bin", "بن": "bin",
    "الله": "allah", "عبدالله": "abdullah", "عمر": "umar", "عثمان": "uthman", "خالد": "khalid",
    "يوسف": "yusuf", "ابراهيم": "ibrahim", "محمود": "mahmud", "مصطفى": "mustafa",
    "سعيد": "said", "صالح": "salih", "سليمان": "sulayman", "اسماعيل": "ismail",
    "عبدالرحمن": "abdrahman", "فاطمة": "fatima", "مريم": "maryam", "كريم": "karim",
    "جمال": "jamal", "ناصر": "nasir", "طارق": "tariq", "سالم": "salim", "عادل": "adil",
    "حمزة": "hamza", "بلال": "bilal", "زيد": "zayd", "ولد": "walad", "خان": "khan",
    "اسامة": "usama", "شركة": "company", "مؤسسة": "foundation", "جمعية": "association",
    "منظمة": "organisation", "بنك": "bank", "تجارة": "trading", "خيرية": "charitable",
    "اغاثة": "relief",
}  # fmt: skip
