"""Costs are counts of text that comes back, with intervals that cover; a page made of them carries no foreign markup."""

from __future__ import annotations

import base64
import html
import json
import re
import tracemalloc
import unicodedata
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest

from forebear.core.documents import canonical_json, problems_of
from forebear.core.errors import RefusedError, UsageError
from forebear.reports.catalogue import catalogue
from forebear.reports.page import visible
from forebear.reports.tokenizers.page import cost_page, lineage_page
from forebear.reports.tokenizers.text import cost_lines, lineage_lines
from forebear.tokens import sample
from forebear.tokens.audit import audit
from forebear.tokens.cost import cost
from forebear.tokens.intervals import quantile, ratio
from forebear.tokens.lineage import lineage
from forebear.tokens.measures import efficiency, renyi
from forebear.tokens.scripts import word_count
from tests.real import real_path
from tests.said import said


def ranks(path: Path, extra: list[bytes], *, missing: int = -1) -> Path:
    tokens = [*(bytes([byte]) for byte in range(256) if byte != missing), *extra]
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % at for at, t in enumerate(tokens)))
    return path


ENGLISH = [b" t", b"he", b" the", b"in", b" a", b"re", b"er", b"nd", b" and", b"on", b"ht", b"ts", b"ig", b" right"]


def test_a_ratio_and_its_interval_are_the_plain_jackknife(rng: np.random.Generator) -> None:
    a, b = rng.integers(20, 90, 30), rng.integers(20, 90, 30)
    found = ratio(a, b)
    assert found is not None
    logs = [log((a.sum() - x) / (b.sum() - y)) for x, y in zip(a, b, strict=True)]
    middle = sum(logs) / 30
    deviation = sqrt(29 / 30 * sum((v - middle) ** 2 for v in logs))
    assert found.value == pytest.approx(a.sum() / b.sum())
    assert found.deviation == pytest.approx(deviation)
    assert found.high == pytest.approx(exp(log(found.value) + 2.04523 * deviation), rel=1e-4)


@pytest.mark.parametrize(
    ("level", "freedom", "table"), [(0.05, 29, 2.0452), (0.01, 29, 2.7564), (0.001, 29, 3.6594), (0.05, 10, 2.2281)]
)
def test_the_quantile_is_that_of_the_tables(level: float, freedom: int, table: float) -> None:
    assert quantile(level, freedom) == pytest.approx(table, rel=2e-3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(404)
    covered = 0
    for _ in range(400):
        size = rng.gamma(4.0, 20.0, 30)
        found = ratio(size * 1.3 * rng.gamma(25.0, 1 / 25.0, 30), size * rng.gamma(25.0, 1 / 25.0, 30))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 1.3 <= found.high
    assert 365 <= covered <= 395


def test_equal_costs_show_no_difference_and_too_few_blocks_no_judgement() -> None:
    same = ratio([5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 9, 10])
    assert same is not None
    assert same.differs() is False
    few = ratio([5, 6], [7, 8])
    assert few is not None
    assert few.differs() is None
    assert ratio([0, 0], [1, 1]) is None


CODES = {"cmn": "cmn_hans", "zh": "cmn_hans", "ZH-tw": "cmn_hant", "zho_Hant": "cmn_hant", "ja": "jpn", "DEU": "deu_1996", "pt-BR": "por_BR", "ell": "ell_monotonic"}


def test_a_language_is_known_by_each_of_its_codes() -> None:
    known = [passage.name for passage in sample.languages()]
    assert {name: sample.code_of(name, known) for name in CODES} == CODES
    assert set(sample.aliases()) == set(known)
    others = [other.lower() for codes in sample.aliases().values() for other in codes]
    assert len(others) == len(set(others)), "one code for two languages"
    assert sample.code_of("tlh", known) == "tlh"
    assert sample.code_of("zh", ["zh", "cmn_hans"]) == "zh", "a name that is there goes first"
    assert sample.code_of("ja", ["eng", "jpn"]) == sample.code_of("jpn", ["ja", "eng"]).replace("ja", "jpn") == "jpn"


def test_the_default_text_is_parallel_in_more_than_twenty_languages() -> None:
    passages = sample.languages()
    assert len(passages) >= 20
    assert {"cmn_hans", "cmn_hant", "yue", "jpn", "eng"} <= {p.name for p in passages}
    assert {len(p.blocks) for p in passages} == {30}
    assert all(block.strip() for p in passages for block in p.blocks)
    assert {p.name for p in sample.domains()} == {"digits", "spaces", "symbols", "code", "mathematics", "emoji"}


def test_a_vocabulary_with_words_of_a_language_needs_fewer_tokens_there_and_says_so(tmp_path: Path) -> None:
    plain, better = ranks(tmp_path / "plain.tiktoken", []), ranks(tmp_path / "better.tiktoken", ENGLISH)
    document = cost([plain, better, plain.rename(tmp_path / "p.tiktoken")][1:], price=2.0)
    assert problems_of(json.loads(canonical_json(document))) == []
    rows = {(r["tokenizer"], r["language"]): r for r in document["rows"]}
    assert rows["p", "eng"]["tokens"] == rows["p", "eng"]["bytes"]
    assert rows["better", "eng"]["tokens"] < rows["p", "eng"]["tokens"]
    assert rows["p", "eng"]["money_per_1000_characters"] == pytest.approx(
        rows["p", "eng"]["per_1000_characters"] * 2e-6, rel=1e-3
    )
    premium = rows["p", "jpn"]
    assert premium["low"] < premium["premium"] < premium["high"]
    outcome = {(c["language"]): c["outcome"] for c in document["comparisons"]}
    assert outcome["eng"] == "a-fewer"
    assert outcome["tha"] == "no-clear-difference"


def test_a_byte_that_is_missing_shows_as_text_that_does_not_come_back(tmp_path: Path) -> None:
    document = cost([ranks(tmp_path / "holed.tiktoken", [], missing=ord("h")), ranks(tmp_path / "whole.tiktoken", [])])
    holed, whole = document["tokenizers"]
    assert whole["lossless"]
    assert not holed["lossless"]
    assert holed["failed_blocks"] > 20
    assert "h" in holed["failures"][0]["given"]
    assert any("do not come back" in limit for limit in said(document["limits"]))
    assert "NOT come back" in "\n".join(line.text for line in cost_lines(document))


def test_the_reference_scheme_stands_beside_real_tokenizers(tmp_path: Path) -> None:
    document = cost([ranks(tmp_path / "a.tiktoken", []), "builtin:one-each"])
    rows = {(r["tokenizer"], r["language"]): r for r in document["rows"]}
    han = rows["builtin:one-each", "cmn_hans"]
    assert han["tokens"] == pytest.approx(han["characters"], rel=0.01)
    assert rows["a", "cmn_hans"]["tokens"] == rows["a", "cmn_hans"]["bytes"]


def test_a_text_of_ones_own_is_read_in_bounded_memory(tmp_path: Path) -> None:
    text = tmp_path / "long.txt"
    line = "x" * 60 + "\n"
    with text.open("w") as file:
        for _ in range(400_000):  # 24 MB
            file.write(line)
    tracemalloc.start()
    total = sum(len(block) for block in sample.stream(text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 400_000 * 61
    assert peak < 12 * 2**20


def test_a_text_of_ones_own_is_counted_whole(tmp_path: Path) -> None:
    text = tmp_path / "t.txt"
    text.write_bytes("héllo wörld\n".encode() * 3000)
    document = cost([ranks(tmp_path / "a.tiktoken", [])], text=text)
    (row,) = document["rows"]
    assert row["language"] == "t.txt"
    assert row["characters"] == 12 * 3000
    assert row["words"] == 2 * 3000
    assert row["premium"] is None
    assert row["forms"] is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"abc\n" * 10 + b"\xff\xfe", "byte 40"),
        ("h\u00e9".encode("latin-1"), "byte 1"),
        ("text".encode("utf-16"), "UTF-16"),
        ("\u00e9".encode() * 700_000 + b"\xc3", "byte 1,400,000"),
        (b"x" * ((1 << 20) - 1) + b"\xe6\xbc" + b"y", f"byte {(1 << 20) - 1:,}"),
    ],
)
def test_text_that_is_not_utf_8_is_refused_and_not_replaced(data: bytes, reason: str, tmp_path: Path) -> None:
    text = tmp_path / "t.txt"
    text.write_bytes(data)
    with pytest.raises(RefusedError, match=reason):
        cost([ranks(tmp_path / "a.tiktoken", [])], text=text)


def test_decomposed_text_is_composed_first_and_shown_both_ways(tmp_path: Path) -> None:
    path = ranks(tmp_path / "a.tiktoken", [])
    document = cost([path], languages="eng,vie")
    rows = {r["language"]: r for r in document["rows"]}
    assert rows["eng"]["forms"] is None
    forms = rows["vie"]["forms"]
    assert forms["composed"] == rows["vie"]["tokens"] < forms["as_given"]
    assert rows["vie"]["premium"] < forms["premium_as_given"]
    assert "composed / as given" in "\n".join(line.text for line in cost_lines(document))
    (tmp_path / "own.txt").write_text(unicodedata.normalize("NFD", "Việt Nam\n" * 9))
    (own,) = cost([path], text=tmp_path / "own.txt")["rows"]
    assert own["forms"]["as_given"] == own["tokens"] > own["forms"]["composed"]


@pytest.mark.real
def test_a_premium_of_3_4_of_decomposed_vietnamese_was_1_46() -> None:
    """Llama 3.1 on the shipped Declaration, whose Vietnamese is decomposed: 3.41 of English as given, 1.46 composed."""
    document = cost([real_path("llama3_1") / "tokenizer.json"], languages="eng,vie")
    (row,) = (row for row in document["rows"] if row["language"] == "vie")
    assert row["premium"] == pytest.approx(1.4557, abs=1e-4)
    assert row["forms"]["premium_as_given"] == pytest.approx(3.4125, abs=1e-4)
    assert "1.46 / 3.41" in "\n".join(line.text for line in cost_lines(document))


def wordpiece(folder: Path) -> Path:
    folder.mkdir()
    vocab = {"[UNK]": 0, **{c: k for k, c in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}, **{f"##{c}": k for k, c in enumerate("abcdefghijklmnopqrstuvwxyz", 40)}}  # fmt: skip
    made = {"model": {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]"}, "normalizer": {"type": "BertNormalizer"},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "added_tokens": [{"id": 0, "content": "[UNK]", "special": True}]}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(made))
    return folder


def test_a_lossy_tokenizer_is_marked_in_every_table_and_wins_nothing(tmp_path: Path) -> None:
    document = cost([wordpiece(tmp_path / "words"), ranks(tmp_path / "bytes.tiktoken", [])])
    lossy = next(t for t in document["tokenizers"] if t["name"] == "words")
    assert not lossy["lossless"]
    assert lossy["unknown"] > 100
    for row in document["comparisons"]:
        assert row["outcome"] != "a-fewer"
        assert list(row["lossy"]) == ["a"]
    assert any(row["ratio"] < 0.5 for row in document["comparisons"])
    lines = [line.text for line in cost_lines(document)]
    headers = [line for line in lines if "words" in line and "bytes" in line and not line.startswith("Again")]
    assert len(headers) >= 4
    assert all("words!" in line for line in headers)
    page = cost_page(document).decode()
    assert page.count("words!") >= 5


def test_the_first_sentence_says_which_needs_the_fewest_tokens_for_which_text_and_none_that_loses_some(tmp_path: Path) -> None:
    plain, english = ranks(tmp_path / "plain.tiktoken", []), ranks(tmp_path / "english.tiktoken", ENGLISH)
    lossy = ranks(tmp_path / "lossy.tiktoken", [*ENGLISH, "権".encode(), b" rights", b" human"], missing=ord("T"))
    document = cost([plain, english, lossy, "builtin:one-each"], languages="eng,jpn", cut="gpt2")
    assert [(row["language"], row["tokenizer"], row["level"]) for row in document["cheapest"]] == [
        ("eng", "english", ()), ("jpn", "plain", ("english", "lossy"))]  # fmt: skip
    assert problems_of(document) == []
    text = " ".join(line.text.strip() for line in cost_lines(document))
    assert text.startswith("English: english needs the fewest tokens, ")
    assert "not clearly more: english, lossy." in text
    assert "English: english needs the fewest tokens" in html.unescape(cost_page(document).decode())


def test_a_text_that_every_tokenizer_loses_some_of_has_no_cheapest(tmp_path: Path) -> None:
    one, other = ranks(tmp_path / "one.tiktoken", [], missing=ord("T")), ranks(tmp_path / "other.tiktoken", ENGLISH, missing=ord("T"))
    document = cost([one, other], languages="eng", cut="gpt2")
    assert document["cheapest"] == ()
    assert "needs the fewest" not in " ".join(line.text.strip() for line in cost_lines(document))


def test_unknown_tokens_alone_make_a_tokenizer_lossy(tmp_path: Path) -> None:
    path = wordpiece(tmp_path / "words")
    (tmp_path / "t.txt").write_text("[UNK]")
    (tmp_path / "u.txt").write_text("abc")
    assert cost([path], text=tmp_path / "u.txt")["tokenizers"][0]["lossless"]
    found = cost([path], text=tmp_path / "t.txt")["tokenizers"][0]
    assert (found["lossless"], found["unknown"] > 0) == (False, True)


def word_list(path: Path) -> Path:
    path.write_text(json.dumps({"model": {"type": "WordLevel", "vocab": {"the": 0, "right": 1}, "unk_token": "the"}}))
    return path


@pytest.mark.parametrize("more", [[], ["builtin:one-each"]], ids=["alone", "beside-the-scheme"])
def test_where_no_file_can_be_weighed_that_is_a_refusal_with_the_reason_of_each(more: list[str], tmp_path: Path) -> None:
    both = [word_list(tmp_path / "one.json"), word_list(tmp_path / "other.json")]
    with pytest.raises(RefusedError, match=r"one.*: is a list of whole words.*; other.*: is a list of whole words") as raised:
        cost([*both, *more])
    assert raised.value.exit_code == 3
    assert raised.value.said is not None
    for language in ("ja", "zh-Hans", "zh-Hant"):
        told = catalogue(language).text(raised.value.message().document())
        assert "one" in told
        assert "is a list" not in told


def test_a_file_that_cannot_be_weighed_beside_one_that_can_is_a_limit(tmp_path: Path) -> None:
    document = cost([word_list(tmp_path / "list.json"), ranks(tmp_path / "gpt2.tiktoken", ENGLISH)], languages="eng")
    assert [t["name"] for t in document["tokenizers"]] == ["gpt2"]
    assert "cost.not_weighed" in [limit["key"] for limit in document["limits"]]


def test_a_guessed_cut_is_said_before_any_figure_and_a_stated_one_is_not(tmp_path: Path) -> None:
    plain = ranks(tmp_path / "mine.tiktoken", ENGLISH)
    document = cost([plain], languages="eng,fin")
    assert [m["key"] for m in document["first"]] == ["cost.guessed_cut"]
    lines = [line.text for line in cost_lines(document)]
    assert lines[1].strip().startswith("mine: nothing states how this file cuts text")
    assert document["tokenizers"][0]["cut"] == {"how": "assumed", "name": "cl100k"}
    named = ranks(tmp_path / "gpt2.tiktoken", ENGLISH)
    assert cost([named])["tokenizers"][0]["cut"] == {"how": "name", "name": "gpt2"}
    assert cost([named])["first"] == ()
    assert cost([plain], cut="qwen")["tokenizers"][0]["cut"] == {"how": "stated", "name": "qwen"}
    with pytest.raises(UsageError, match="no way of cutting"):
        cost([plain], cut="unheard")


PROGRAM = 'ranks = load_tiktoken_bpe("my.tiktoken")\npat_str = r"""(?i:\'s|\'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,2}|\\s+|[^\\s\\p{L}\\p{N}]+"""\n'
JOINED = 'import tiktoken\npat_str = "|".join([\n    r"""\\p{L}+""",\n    r"""\\p{N}{1,2}""",  # digits\n    r"""\\s+""", r"""[^\\s\\p{L}\\p{N}]+"""])\n'


@pytest.mark.parametrize("program", [PROGRAM, JOINED])
def test_the_program_next_to_a_rank_file_states_its_cut_and_is_only_read(program: str, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    path = ranks(tmp_path / "assets" / "my.tiktoken", [b"%d" % n for n in (12, 34, 56, 78, 90, 123, 456)])
    (tmp_path / "tokenizer.py").write_text(program + "raise SystemExit('run')\n")
    document = cost([path], languages="eng,fin")
    assert document["tokenizers"][0]["cut"]["how"] == "program"
    assert document["first"] == ()
    assert list(document["tokenizers"][0]["digits"]) == [2, 2, 2, 2, 2]
    (tmp_path / "other.py").write_text(program.replace("{1,2}", "{1,3}"))
    assert cost([path], languages="eng,fin")["tokenizers"][0]["cut"]["how"] == "assumed"  # two statements that differ


def test_a_parallel_text_of_ones_own_has_premiums_and_words_and_unequal_files_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "deu.txt").write_text("Hallo Welt\nwie geht es\n" * 10)
    (folder / "mine.txt").write_text("hello world\nhow are you\n" * 10)
    (folder / "jpn.txt").write_text("こんにちは世界\n元気ですか\n" * 10)
    path = ranks(tmp_path / "a.tiktoken", [])
    document = cost([path], corpus=folder)
    rows = {r["language"]: r for r in document["rows"]}
    assert (document["languages"], document["domains"], document["reference"]) == (("deu", "jpn", "mine"), (), "deu")
    assert rows["deu"]["words"] == 50
    assert rows["deu"]["tokens_per_word"] == pytest.approx(rows["deu"]["tokens"] / 50, abs=1e-4)
    assert rows["jpn"]["tokens_per_word"] is None
    assert cost([path], corpus=folder, reference="mine", languages="mine,jpn")["languages"] == ("mine", "jpn")
    assert "--corpus" in document["reproduce"]
    (folder / "deu.txt").rename(folder / "zho.txt")
    (folder / "jpn.txt").rename(folder / "ja.txt")
    told = "\n".join(line.text for line in cost_lines(cost([path], corpus=folder, reference="mine")))
    assert "Chinese (Simplified)" in told
    assert "Japanese" in told
    assert "zho" not in told.split("Again")[0]
    (folder / "zho.txt").rename(folder / "deu.txt")
    (folder / "ja.txt").rename(folder / "jpn.txt")
    with pytest.raises(UsageError, match="no text in eng"):
        cost([path], corpus=folder, languages="eng")
    with pytest.raises(UsageError, match="no reference text"):
        cost([path], corpus=folder, reference="fra")
    (folder / "jpn.txt").write_text("一\n")
    with pytest.raises(UsageError, match="numbers of lines: deu has 20, jpn has 1"):
        cost([path], corpus=folder)
    with pytest.raises(UsageError, match="a file a language"):
        cost([path], corpus=tmp_path / "none")
    with pytest.raises(UsageError, match="one text has no languages"):
        cost([path], corpus=folder, text=folder / "deu.txt")


@pytest.mark.parametrize(
    ("text", "words"),
    [("two words", 2), ("- a, b!", 2), ("漢字かな交じり文", None), ("สวัสดีชาวโลก", None), ("한국어 문장", 2), ("", 0), ("12 34", 2),
     ("English with 漢 once in a long line of letters", 10), ("የሰው፡ልጅ፡ሁሉ፡ሲወለድ", 4), ("ነው።፡ ፡የተፈጥሮ", 2)],
)  # fmt: skip
def test_words_are_counted_only_where_spaces_part_them(text: str, words: int | None) -> None:
    assert word_count(text) == words


def test_renyi_efficiency_is_the_published_formula() -> None:
    counts = [50, 30, 20]
    shares = [c / 100 for c in counts]
    entropy = log(sum(p**2.5 for p in shares)) / (1 - 2.5)
    assert efficiency(counts, 3) == pytest.approx(entropy / log(3), abs=1e-4)
    assert efficiency([7, 7, 7, 7], 4) == 1.0
    assert efficiency([9], 100) == 0.0
    assert efficiency([1, 2], 1) is None
    assert renyi(np.asarray(counts), 1) == pytest.approx(-sum(p * log(p) for p in shares))


TRIED = Path(__file__).resolve().parent.parent / "data" / "tried" / "tokenizers"


@pytest.mark.parametrize(("name", "count", "highest"), [("added_gap", 2005, 2528), ("holes_in_vocab", 2000, 2099)])
def test_gaps_between_ids_are_no_tokens(name: str, count: int, highest: int) -> None:
    (about,) = cost([TRIED / name], languages="eng,fin")["tokenizers"]
    assert (about["ids"], about["highest_id"]) == (count, highest)
    found = audit(TRIED / name)
    assert (found["ids"], found["highest_id"]) == (count, highest)


def test_words_that_mean_nothing_are_wrong_calls(tmp_path: Path) -> None:
    path = ranks(tmp_path / "a.tiktoken", [])
    with pytest.raises(UsageError, match="no tokenizer"):
        cost([])
    with pytest.raises(UsageError, match="no reference text"):
        cost([path], reference="tlh")
    with pytest.raises(UsageError, match="positive"):
        cost([path], width=0)


HOSTILE = "<script>alert(1)</script>$x$ {{7*7}} [bold]\x1b[31m"


def test_hostile_names_and_tokens_stay_text_on_the_pages(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE.replace("/", "_")
    folder.mkdir()
    subject = ranks(folder / "<img src=x onerror=y>.tiktoken", [b"<b>", "\u202e".encode(), b"</style>", *ENGLISH])
    other = ranks(tmp_path / "b.tiktoken", ENGLISH)
    pages = [cost_page(cost([subject, other])), lineage_page(lineage(subject, [other]))]
    for page in pages:
        text = page.decode()
        assert "<script" not in text
        assert "<img" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert text.count("</style>") == 1
        assert "{{7*7}}" in text or "$x$ 49" not in text
        assert re.search(r"<[^>]* style=", text) is None
        assert "default-src 'none'; style-src 'sha256-" in html.unescape(text)
        assert "http" not in re.sub(r"http-equiv=\"Content-Security-Policy\"|xmlns='http://www.w3.org/2000/svg'", "", text)
    lines = [*cost_lines(cost([subject, other])), *lineage_lines(lineage(subject, [other]))]
    assert all("\x1b" not in line.text and "\n" not in line.text for line in lines)


def test_a_page_shows_every_language_every_tokenizer_and_the_split(tmp_path: Path) -> None:
    document = cost([ranks(tmp_path / "one.tiktoken", []), ranks(tmp_path / "two.tiktoken", ENGLISH)])
    page = cost_page(document).decode()
    for word in ("Cantonese", "Chinese (Traditional)", "one", "two", "95 % intervals", "no clear difference"):
        assert word in page
    ranked = len(dict.fromkeys(row["language"] for row in document["rows"]))
    assert page.count("<svg") == 2 + min(ranked, 12)
    assert page.count('class="split"') == 2


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert visible("a b\n\x07\u202e") == "a␣b↵\n\\u0007\\u202e"


def test_a_document_read_back_draws_the_same_page(tmp_path: Path) -> None:
    document = lineage(ranks(tmp_path / "s.tiktoken", [b"aa", b"bb"]), [ranks(tmp_path / "c.tiktoken", [b"aa"])])
    assert lineage_page(json.loads(canonical_json(document))) == lineage_page(document)
    document = cost([tmp_path / "s.tiktoken", tmp_path / "c.tiktoken"])
    assert cost_page(json.loads(canonical_json(document))) == cost_page(document)
