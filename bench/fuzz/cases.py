"""Case folders of others: sources, alignments, findings, evidence and the configurations that claims are tested on."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from bench.fuzz import mutate
from bench.fuzz.target import Files, Folder, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import (
    case_bitext,
    case_checker,
    case_claims,
    case_document,
    case_intake,
    case_model,
    case_pair,
    case_records,
    case_run,
    case_toml,
    case_verbs,
    documents,
    reports,
    strict,
)

ZH = "# 报告\n\n模型有6层，共1.2亿参数。数据来自3家公司。\n\n训练花了12天，李明说结果不好。\n"
EN = "# Report\n\nThe model has 6 layers and 120 million parameters. The data came from 3 companies.\n\nTraining took 12 days.\n"
JA = "# 報告\n\nモデルは6層である。データは3社から来た。\n\n学習に12日かかった。\n"
TWIN = "# Report\n\nThis model has 7 layers, not 6, and perhaps 120 million parameters. Three firms gave it.\n\nIt took 12 days.\n"
ODD_TEXTS = (
    "---\nauthor: x\n---\nA [link](http://x) and **bold** `code` <b>tag</b> <!-- c -->.\n\n```\nx = 1\n```\n\n> quote\n\n"
    "- item 3\n",
    "<h1>T</h1><p>The model has <b>6</b> layers.</p><script>x</script><table><tr><td>1</td></tr></table><p>&#x110000; &amp;</p>",
    "1e400 9" + "9" * 400 + " 3.5万亿 ½ ① ٣ ²% 1/0 2031-02-30 13月45日 三千五百万亿 -1 0x10 1,2,3 10^999\n",
)
_WORDS = (
    "9" * 400, "1e400", "3.5万亿", "十二", "½", "①", "٣", "²", "1/0", "2031-02-30", "13月45日", "about 6", "not", "不",
    "[^1]", "```", "> ", "# ", "**", "<b>", "&#x110000;", "<!--", "[1]", "第3章", "李明", "Mr. Li", "percent", "%", "亿",
    "million", "6" * 60, "between 3 and 2", "10^999", "〇", "零", "half", "dozen", "\u3000", "。", "......", "\r", "\x0b",
)  # fmt: skip
NAMES = {"s": "sources/s.md", "e": "sources/e.md", "j": "sources/j.md", "f": "sources/f.md"}
_LANGUAGES = {"s": ("zh", "Hans"), "e": ("en", "Latn"), "j": ("ja", "Jpan"), "f": ("en", "Latn")}
_BASE_TEXTS = {"s": ZH.encode(), "e": EN.encode(), "j": JA.encode(), "f": TWIN.encode()}
_CONFIG = {"num_hidden_layers": 6, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 100,
           "num_key_value_heads": 2, "num_experts": 2, "moe_intermediate_size": 32, "tie_word_embeddings": True}  # fmt: skip
_TOKENS = {"model": {"vocab": {"a": 0, "b": 1}}}
_CLAIM = {"kind": "architecture", "basis": "hearsay", "statement": {"en": "x"}, "subject": "m", "candidates": ["n"],
          "if_true": "t", "if_false": "f", "value": 6, "key": "num_hidden_layers", "tolerance": 0.02,
          "span": [{"source": "e", "exact": "6 layers"}]}  # fmt: skip
CLAIMS = [
    {**_CLAIM, "id": test, "test": test, **({"key": "layers"} if test == "growth" else {})}
    for test in ("config", "parameters", "layers-added", "same-vocabulary", "growth")
]
FINDING: dict[str, Any] = {
    "rule": "number/value", "left": "s", "right": "e", "left_span": [8, 12], "right_span": [10, 20], "left_quote": "6层",
    "right_quote": "6 layers", "deviates": "e", "why": "w", "severity": "major", "left_segments": [1], "right_segments": [1],
    "witnesses": ["j"], "context": "c", "words": {"left": "6", "right": "7"}, "ours": ["left"], "repeats": 0, "repeated": [],
}  # fmt: skip
OUTCOME: dict[str, Any] = {
    "claim": "config", "status": "borne-out", "why": "w", "command": "c",
    "evidence": [{"test": "config", "said": 6.0, "found": 6}], "document": {"verdict": {"relation": "related"}},
}  # fmt: skip


def case_of(texts: dict[str, bytes], **more: Any) -> Any:
    """The case whose digests fit these sources; more: other fields of every source but the first."""
    sources = []
    for name, data in texts.items():
        language, script = _LANGUAGES[name]
        fields = {"id": name, "file": NAMES[name], "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data),
                  "media": "text/markdown", "language": language, "script": script}  # fmt: skip
        sources.append(fields | ({"role": "translation", "of": "s"} | more if name != "s" else {}))
    table = {"schema": "forebear/case-folder/1", "title": "t", "source": sources, "models": {"m": "m.json", "n": "n.json"},
             "name": [{"text": "李明", "ruling": "private", "also": ["Li Ming"], "pseudonym": "Person 1"}]}  # fmt: skip
    return strict.read_table(case_model.CaseFile, table, "case.toml")


class _World:
    """A sound case: its folder, and everything read from it once."""

    def __init__(self) -> None:
        self.case = case_of(_BASE_TEXTS)
        base = {NAMES[n]: data for n, data in _BASE_TEXTS.items()}
        base |= {
            "m.json": json.dumps(_CONFIG).encode(),
            "n.json": json.dumps(_CONFIG | {"num_hidden_layers": 4}).encode(),
        }
        base["case.toml"] = case_toml.written(case_toml.as_table(self.case))
        self.folder = Folder(base)
        self.texts = case_document.read_texts(self.folder.path, self.case)
        self.known = case_pair.Knowledge(self.case.name, self.case.alias)
        self.pairs = case_document.pair_names(self.case, self.texts)
        self.links = {pair: case_bitext.align_texts(self.texts[pair[0]], self.texts[pair[1]]) for pair in self.pairs}
        for pair, links in self.links.items():
            case_records.save_alignment(self.folder.path, self.texts[pair[0]], self.texts[pair[1]], links)
        self.records = {f"alignments/{a}--{b}.json": (self.folder.path / f"alignments/{a}--{b}.json").read_bytes()
                        for a, b in self.pairs}  # fmt: skip
        self.folder.adopt(self.records)
        self.claims = tuple(strict.read_table(case_claims.Claim, claim, "claims.toml") for claim in CLAIMS)
        self.found = case_checker.check_case(self.texts, self.links, self.known)

    def document(self, **changed: Any) -> Any:
        """The case document over these parts, whole and as a report."""
        parts = {"case": self.case, "texts": self.texts, "links": self.links, "found": self.found, "claims": self.claims,
                 "outcomes": {}} | changed  # fmt: skip
        parts["found"] = [(finding, None) for finding in parts["found"]]
        return case_document.case_document(
            **parts, limits=[], seconds=0.0, reproduce="x", full=True, language="en", extra={}
        )


_WORLDS: list[_World] = []


def world() -> _World:
    """The sound case of this process."""
    if not _WORLDS:
        _WORLDS.append(_World())
    return _WORLDS[0]


def _never(subject: Path, candidates: list[str | Path]) -> Any:
    return {"verdict": {"relation": "no-evidence", "words": "w"}}


def _json(rng: random.Random, value: Any, words: tuple[str, ...]) -> bytes:
    sound = json.dumps(value)
    if rng.random() < 0.15:
        return mutate.raw(rng, [sound.encode()])
    return mutate.json_bytes(rng, mutate.tree(rng, json.loads(sound), words))


_FINDING_WORDS = (
    *mutate.words_of([FINDING, OUTCOME]),
    "omission/gap",
    "note/front-matter",
    "term/lost",
    "manner/free",
    "x",
)
_CONFIG_WORDS = mutate.words_of([_CONFIG, _TOKENS])


def make(rng: random.Random) -> Files:
    """Findings or evidence in four of ten, sources in two, configurations in the rest; one in 400 for the verbs themselves."""
    if rng.random() < mutate.LARGE:
        name = rng.choice(list(NAMES))
        return {NAMES[name]: mutate.stretched(rng, _BASE_TEXTS[name].decode(), _WORDS)}
    how = rng.random()
    if how < 0.25:
        entries = [json.loads(json.dumps(FINDING)) for _ in range(rng.randint(1, 2))]
        return {"findings/findings.json": _json(rng, entries, _FINDING_WORDS)}
    if how < 0.45:
        return {"evidence/config.json": _json(rng, OUTCOME, _FINDING_WORDS)}
    if how < 0.8:
        both = {"m.json": _json(rng, _TOKENS if rng.random() < 0.3 else _CONFIG, _CONFIG_WORDS)}
        if rng.random() < 0.3:
            both["n.json"] = _json(rng, _CONFIG, _CONFIG_WORDS)
        return both
    name = rng.choice(list(NAMES))
    texts = (_BASE_TEXTS[name].decode(), *ODD_TEXTS)
    text = rng.choice(texts)
    data = mutate.lines(rng, text, _WORDS) if rng.random() < 0.8 else mutate.raw(rng, [t.encode() for t in texts])
    files = {NAMES[name]: data}
    if rng.random() < 0.012:
        files["evidence/config.json"] = _json(rng, OUTCOME, _FINDING_WORDS)  # several files: the verbs read the folder
    return files


_MEDIA = ("text/markdown", "text/markdown", "text/html", "text/plain")
_ENCODINGS = (
    "utf-8",
    "utf-8",
    "utf-8",
    "",
    "gb18030",
    "utf-16",
    "shift_jis",
    "no-such",
    "idna",
    "punycode",
    "unicode_escape",
    "hex",
    "\0",
)


def run(files: Files) -> None:
    """What `case check`, `case run` and `case report` load and do with it, in memory but for the files themselves."""
    here = world()
    folder = here.folder.put(files)
    name = next(iter(files))
    if len(files) > 1 and name.startswith("sources/"):
        _whole(files)
    elif name.startswith("findings/"):
        found = case_records.load_findings(folder, here.case, here.texts)
        documents.canonical_json(here.document(found=found, links={}, claims=()))
    elif name.startswith("evidence/"):
        documents.canonical_json(here.document(outcomes=case_records.load_outcomes(folder), links={}, found=()))
    elif name.startswith("sources/"):
        _source(name, files[name])
    else:
        for claim in here.claims:
            outcome = case_run.run_claim(claim, case_run.Models(folder, here.case, {}), _never)
            documents.canonical_json({"why": outcome.why, "evidence": outcome.evidence})


def _source(name: str, data: bytes) -> None:
    """One source changed: read, cut into sentences, aligned with another and checked."""
    here = world()
    key = next(k for k, v in NAMES.items() if v == name)
    choice = int.from_bytes(hashlib.sha256(data).digest()[:2], "little")
    changed = case_of({"s": _BASE_TEXTS["s"], key: data} if key != "s" else {"s": data, "e": _BASE_TEXTS["e"]},
                      media=_MEDIA[choice % len(_MEDIA)], encoding=_ENCODINGS[choice // 7 % len(_ENCODINGS)])  # fmt: skip
    if choice % 8 == 0:
        text = case_intake.decode(data, name).text  # as `case add` does before it keeps a source
        case_intake.check_language(text, *_LANGUAGES[key], name)
    texts = case_document.read_texts(here.folder.path, changed)
    if choice % 3 or len(texts) < 2:
        return
    left, right = texts
    links = {(left, right): case_bitext.align_texts(texts[left], texts[right])}
    case_checker.check_case(texts, links, here.known)


def _whole(files: Files) -> None:
    """The verbs themselves on the folder, whose case.toml has the digests of what lies there."""
    here = world()
    texts = {key: files.get(name, _BASE_TEXTS[key]) for key, name in NAMES.items()}
    table = case_toml.written(case_toml.as_table(case_of(texts)))
    path = here.folder.put({**files, "case.toml": table})
    case_verbs.case_align(path)
    case_verbs.case_check(path)
    document = case_verbs.case_report(path)
    for form in ("json", "text", "html"):
        reports.rendered(document, form)


CASE = Target(
    name="case", make=make, run=run, outer=syntax_is_sound,
    plant=Plant(case_records, "load_findings", lambda found: len(found) == 1),
    measured=("forebear.casefile.document", "forebear.casefile.text.extract", "forebear.casefile.text.html",
              "forebear.casefile.folder.intake", "forebear.casefile.text.segments", "forebear.casefile.facts.facts",
              "forebear.casefile.claims.run", "forebear.casefile.claims.arithmetic", "forebear.casefile.text.notes"),
    reads="findings, evidence, sources (text, Markdown, HTML, several encodings) and configurations of a case folder, as `case "
          "check`, `run` and `report` load them; one in 400 those verbs on the whole folder",
)  # fmt: skip


def make_alignment(rng: random.Random) -> Files:
    """One alignment of a sound case, changed."""
    records = world().records
    name = rng.choice(list(records))
    data = records[name]
    how = rng.random()
    if how < 0.12:
        return {name: mutate.raw(rng, [data])}
    value = json.loads(data)
    if how < 0.75:
        part = rng.choice(value["links"])
        side = rng.choice(("left", "right"))
        part[side] = _indices(rng, part[side])
        if rng.random() < 0.6:
            return {name: mutate.json_bytes(rng, value)}
    return {
        name: mutate.json_bytes(rng, mutate.tree(rng, value, ("left", "right", "score", "by", "hand", "rule", "links")))
    }


def _indices(rng: random.Random, old: list[int]) -> Any:
    """Segment numbers that may not be there, doubled, turned round, or no numbers."""
    odd = (-1, -3, 0, 1, 2, 3, 4, 5, 99, 2**31, 2**64, True, 1.0, "1", None, [1])
    return rng.choice(
        ([*old, rng.choice(odd)], [rng.choice(odd)], [], old[::-1], old * 2, rng.choice(odd), [2, 0], [0, 4])
    )


def run_alignment(files: Files) -> None:
    """Load the alignments, check the case by them, put them into the document."""
    here = world()
    links = case_document.load_alignments(here.folder.put(files), here.case, here.texts)
    changed = {pair: found for pair, found in links.items() if found != here.links[pair]}
    if changed:
        found = case_checker.check_case(here.texts, changed, here.known)
        documents.canonical_json(here.document(links=changed, found=found, claims=()))


ALIGNMENTS = Target(
    name="alignments", make=make_alignment, run=run_alignment, outer=syntax_is_sound,
    plant=Plant(case_document, "load_alignments", lambda links: any(k.score in (0, 1) for f in links.values() for k in f)),
    measured=("forebear.casefile.document", "forebear.casefile.checks.checker", "forebear.casefile.checks.pair"),
    reads="alignments/LEFT--RIGHT.json as `case check` and `case report` load it, the checks over its links, the case document",
)  # fmt: skip
