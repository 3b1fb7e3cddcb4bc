"""No case, bag or claim from anybody ends in a fault of ours, writes outside its folder, or is read through a link."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import forebear
from forebear.casefile import verbs
from forebear.casefile.bitext.bitext import read_text
from forebear.casefile.facts.facts import facts
from forebear.casefile.folder.model import Source
from forebear.casefile.folder.place import is_file_name, is_plain
from forebear.casefile.text.extract import extract
from forebear.core.errors import ForebearError, RefusedError, UsageError
from tests.said import paragraph

TRIED = Path("tests/data/tried/safety")
BAD_NAMES = [
    "../../x", "/etc/x", "..", ".", "", "a/b", "a\\b", "a\x00b", "a\nb", "a\x1bb", "con", "NUL.txt", "com1", "lpt¹", "a.", ".a", "a b", "x" * 65,
    "a:b", "é", "\u202ea", "-x", "\ud800",
]  # fmt: skip
HEAD = 'schema = "forebear/case-folder/1"\ntitle = "t"\n'


def _case(folder: Path) -> Path:
    for name, language, of, text in (
        ("s", "zh", "", "模型有12层。训练用了30天。"),
        ("e", "en", "s", "It has 12 layers. Training took 31 days."),
    ):
        (folder / f"{name}.md").write_text(text, "utf-8")
        forebear.case_add(
            folder / "case",
            folder / f"{name}.md",
            language=language,
            id=name,
            of=of,
            role="translation" if of else "original",
        )
    verbs.case_align(folder / "case")
    verbs.case_check(folder / "case")
    return folder / "case"


def _everything(case: Path) -> Iterator[Callable[[], object]]:
    yield lambda: verbs.case_report(case)
    yield lambda: forebear.case_run(case)
    yield lambda: verbs.case_check(case)
    yield lambda: verbs.case_align(case)
    yield lambda: verbs.case_report(case)


def _no_fault(case: Path) -> list[ForebearError]:
    """Run every verb; what they refuse, never with a fault of ours or any other exception."""
    refused = []
    for call in _everything(case):
        try:
            call()
        except ForebearError as error:
            if error.exit_code == 4:
                raise
            refused.append(error)
    return refused


@pytest.mark.parametrize("name", BAD_NAMES)
def test_an_id_that_is_no_plain_name_is_refused_with_the_rule_and_writes_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "w.txt").write_text("The model has 6 layers and 64 channels.", "utf-8")
    if name:
        with pytest.raises(UsageError, match="A plain name has"):
            forebear.case_add(tmp_path / "in" / "case", tmp_path / "w.txt", language="en", id=name)
    assert not is_plain(name)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["w.txt"]


def test_plain_names_and_file_names_of_any_script_are_taken() -> None:
    assert all(map(is_plain, ("a", "zh-hans", "Claim_2.b", "9", "constant", "x" * 64)))
    assert all(map(is_file_name, ("原文.md", "a b.txt", "é.md", "console.txt")))
    assert not any(
        map(is_file_name, (*(n for n in BAD_NAMES if n not in ("a b", "é", "-x", "x" * 65)), "con.md", "字" * 80))
    )


@pytest.mark.parametrize("name", [n for n in BAD_NAMES if n.isprintable() and n])
@pytest.mark.parametrize("place", ["source", "file", "claim"])
def test_names_of_a_received_case_stay_inside_it(tmp_path: Path, name: str, place: str) -> None:
    case = _case(tmp_path)
    word = json.dumps(name, ensure_ascii=False)
    if place == "claim":
        claim = f'[[claim]]\nid = {word}\nkind = "training"\nbasis = "hearsay"\n[claim.statement]\nen = "x"\n'
        (case / "claims.toml").write_text(claim, "utf-8")
    else:
        text = (case / "case.toml").read_text("utf-8")
        old = '"s"' if place == "source" else '"sources/s.md"'
        new = word if place == "source" else json.dumps(f"sources/{name}", ensure_ascii=False)
        (case / "case.toml").write_text(text.replace(old, new), "utf-8")
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    refused = _no_fault(case)
    assert refused or place == "file"
    assert [
        p for p in sorted(str(p) for p in tmp_path.rglob("*")) if p not in before and not p.startswith(str(case))
    ] == []


@pytest.mark.parametrize("kept", ["case_alignment_index", "seal_manifest", "case_figure"])
def test_what_ended_in_a_fault_before_is_refused_or_read(tmp_path: Path, kept: str) -> None:
    if kept == "case_alignment_index":
        case = Path(shutil.copytree(TRIED / kept, tmp_path / "case"))
        with pytest.raises(RefusedError, match=r"does not count|do not cover"):
            verbs.case_check(case)
        verbs.case_align(case)
        verbs.case_check(case)
    elif kept == "seal_manifest":
        for bag in ("b3", "b4"):
            with pytest.raises(ForebearError) as caught:
                verbs.case_verify(TRIED / kept / bag)
            assert caught.value.exit_code in (1, 3)
    else:
        for name, language, of in (("s", "zh", ""), ("t", "en", "s")):
            role = "translation" if of else "original"
            forebear.case_add(tmp_path / "case", TRIED / kept / f"{name}.md", language=language, id=name, of=of, role=role)
        verbs.case_align(tmp_path / "case")
        assert verbs.case_check(tmp_path / "case", every=True)["findings"]


LINK = {"left": [0], "right": [0], "score": 0.5, "by": "rule"}
BROKEN: list[tuple[str, object]] = [
    ("links", None), ("links", {}), ("links", [LINK]), ("links", [LINK, LINK]), ("links", [{**LINK, "left": [0, 1, 2], "right": [0, 1]}]),
    ("links", [{**LINK, "left": [-1]}]), ("links", [{**LINK, "left": ["0"]}]), ("links", [{**LINK, "left": [True]}]),
    ("links", [{**LINK, "left": [10**30]}]), ("links", [{**LINK, "score": "x"}]), ("links", [{**LINK, "score": 7}]),
    ("links", [{**LINK, "by": "\ud800"}]), ("links", [{**LINK, "more": 1}]), ("links", [{"left": [1, 0], "right": [0, 1], "score": 1.0}]),
    ("left", 3), ("left", "e"), ("left_text", "0"), ("left_text", None), ("extra", 1),
]  # fmt: skip


@pytest.mark.parametrize("change", BROKEN, ids=lambda c: f"{c[0]}={c[1]!r}"[:60].encode("ascii", "replace").decode())
def test_alignments_are_read_by_one_strict_reader(tmp_path: Path, change: tuple[str, object]) -> None:
    case = _case(tmp_path)
    path = case / "alignments" / "s--e.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), change[0]: change[1]}), "utf-8")
    with pytest.raises(RefusedError):
        verbs.case_check(case)
    _no_fault(case)


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


RAW = [b"", b"[", b"\xff\xfe", b"null", b"3", b'"x"', b"{}", b"[{}]", b'[{"rule": 1}]', b"[NaN]", b"[1e400]", b"[" + b"9" * 5000 + b"]",
       _deep(100_000).encode(), _deep(800).encode(), b'{"a":1,"a":2}', b'["\\ud800"]', "[]".encode("utf-16"), b"[]" + b"\x00"]  # fmt: skip


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
@pytest.mark.parametrize(
    "place", ["alignments/s--e.json", "findings/findings.json", "evidence/c.json", "case.toml", "claims.toml"]
)
def test_files_of_a_case_that_are_not_of_their_kind(tmp_path: Path, place: str, raw: bytes) -> None:
    case = _case(tmp_path)
    (case / place).write_bytes(raw)
    _no_fault(case)


FINDINGS = [
    ("rule", "no/such"), ("rule", []), ("severity", "x"), ("left", "zz"), ("left_span", [0, 10**9]), ("left_span", [5, 1]), ("left_span", [0]),
    ("left_span", [-3, 2]), ("left_span", None), ("right_segments", [999]), ("right_segments", ["a"]), ("words", []), ("words", {"a": 1}),
    ("left_quote", "\ud800"), ("repeats", 10**30), ("repeats", 1e400), ("witnesses", ["zz"]), ("deviates", 3), ("why", None),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), FINDINGS, ids=range(len(FINDINGS)))
def test_findings_are_read_by_one_strict_reader(tmp_path: Path, key: str, value: object) -> None:
    case = _case(tmp_path)
    path = case / "findings" / "findings.json"
    found = json.loads(path.read_text("utf-8"))
    assert found
    path.write_text(json.dumps([{**found[0], key: value}]), "utf-8")
    with pytest.raises(RefusedError, match=r"findings\.json"):
        verbs.case_report(case)
    verbs.case_check(case)


CLAIM = '[[claim]]\nid = "c"\nkind = "architecture"\nbasis = "hearsay"\nsubject = "m"\nif_true = "a"\nif_false = "b"\n'
STATEMENT = '[claim.statement]\nen = "x"\n'
VALUES = [
    "1e400",
    "inf",
    "nan",
    "-inf",
    "9" * 5000,
    "9" * 4000,
    "2e308",
    str(2**63),
    '"12"',
    "true",
    "[]",
    "1979-05-27",
    "0x" + "f" * 40,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: v[:12])
@pytest.mark.parametrize(
    "config", ['{"n": 6}', '{"n": 1e400}', '{"n": ' + "9" * 4000 + "}", '{"n": null}', '{"n": []}', "{}", "[]"]
)
def test_figures_of_claims_and_configurations_may_be_anything(tmp_path: Path, value: str, config: str) -> None:
    case = _case(tmp_path)
    (case / "m.json").write_text(config, "utf-8")
    text = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(text + '\n[models]\nm = "m.json"\n', "utf-8")
    for test in ("config", "parameters"):
        (case / "claims.toml").write_text(f'{CLAIM}test = "{test}"\nkey = "n"\nvalue = {value}\n{STATEMENT}', "utf-8")
        _no_fault(case)


@pytest.mark.parametrize(
    "vocabulary",
    ['{"a": "x"}', '{"a": null}', '{"a": 1e400}', "[[]]", "[3]", '"x"', "null", "{}", '{"a": ' + "9" * 4000 + "}"],
)
def test_vocabularies_of_claims_may_be_anything(tmp_path: Path, vocabulary: str) -> None:
    case = _case(tmp_path)
    (case / "m").mkdir()
    (case / "m" / "tokenizer.json").write_text(
        '{"model": {"type": "BPE", "vocab": ' + vocabulary + ', "merges": []}}', "utf-8"
    )
    (case / "case.toml").write_text((case / "case.toml").read_text("utf-8") + '\n[models]\nm = "m"\n', "utf-8")
    (case / "claims.toml").write_text(f'{CLAIM}candidates = ["m"]\ntest = "same-vocabulary"\n{STATEMENT}', "utf-8")
    _no_fault(case)


TOML = [
    HEAD + "x = " + _deep(50_000), HEAD + ".".join("a" * 40) + " = 1", "[" + ".".join(["a"] * 40_000) + "]", HEAD + "models = 3", HEAD + "source = {}",
    HEAD + "[[name]]\ntext = 1", HEAD + "[[alias]]\nnames = [[]]", HEAD + "[models]\na = 1", HEAD + '[models]\n"a=b" = "c"', HEAD + '[models]\na = "-rf"',
    HEAD + "[[source]]\n" + 'id = "s"\nfile = "sources/s"\nsha256 = "0"\nbytes = -1\nmedia = ""\nlanguage = "zh"\n', "\ufeff" + HEAD, HEAD + '"\\u0000" = 1',
    HEAD + "".join(f'[[name]]\ntext = "{i}"\n' for i in range(2000)),
]  # fmt: skip


@pytest.mark.parametrize("text", TOML, ids=range(len(TOML)))
def test_toml_of_wrong_kinds_is_refused_in_little_time(tmp_path: Path, text: str) -> None:
    (tmp_path / "case.toml").write_text(text, "utf-8")
    start = time.process_time()
    _no_fault(tmp_path)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "encoding",
    ["a\0b", "unicode_escape", "punycode", "idna", "utf-7", "hex", "rot13", "undefined", "../x", "é", "x" * 100],
)
def test_an_encoding_is_a_character_set_or_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "w.txt").write_bytes(b"The model has 6 layers \\ud800 and 64 channels +2AA-.")
    with pytest.raises(RefusedError, match="encoding"):
        forebear.case_add(tmp_path / "case", tmp_path / "w.txt", language="en", encoding=encoding)


@pytest.mark.parametrize(
    "place",
    ["case.toml", "claims.toml", "sources/s.md", "sources", "alignments", "alignments/s--e.json", "report", "findings"],
)
def test_links_in_a_case_are_not_followed(tmp_path: Path, place: str) -> None:
    case = _case(tmp_path)
    away = tmp_path / "away"
    if (case / place).exists():
        shutil.move(case / place, away)
    else:
        away.write_text("", "utf-8")
    (case / place).symlink_to(away)
    before = {p: p.read_bytes() for p in away.rglob("*") if p.is_file()}
    refused = _no_fault(case)
    assert any("link" in str(e) for e in refused), refused
    assert {p: p.read_bytes() for p in away.rglob("*") if p.is_file()} == before
    with pytest.raises(RefusedError, match="is a link"):
        verbs.case_seal(case, tmp_path / "bag")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["away", "case", "e.md", "s.md"])


@pytest.mark.parametrize(
    "place", ["case.toml", "sources/s.md", "findings/findings.json", "alignments/s--e.json", "key"]
)
def test_a_pipe_is_refused_at_once(tmp_path: Path, place: str) -> None:
    case = _case(tmp_path)
    path = tmp_path / "key" if place == "key" else case / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(ForebearError) as caught:
        verbs.case_seal(case, tmp_path / "bag", key=path) if place == "key" else verbs.case_report(case)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "bag").exists()


@pytest.mark.parametrize("place", ["absolute", "above", "link", "link inside"])
def test_models_outside_a_received_case_are_asked_for_and_not_read(tmp_path: Path, place: str) -> None:
    case = _case(tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    (away / "config.json").write_text('{"n": 6}', "utf-8")
    named = {"absolute": str(away), "above": "../away"}.get(place, "m")
    if place == "link":
        (case / "m").symlink_to(away)
    if place == "link inside":
        (case / "m").mkdir()
        (case / "m" / "config.json").symlink_to(away / "config.json")
    (case / "case.toml").write_text((case / "case.toml").read_text("utf-8") + f'\n[models]\nm = "{named}"\n', "utf-8")
    (case / "claims.toml").write_text(f'{CLAIM}test = "config"\nkey = "n"\nvalue = 6\n{STATEMENT}', "utf-8")
    (claim,) = forebear.case_run(case)["claims"]
    assert claim["status"] == "not-tested"
    assert "lie outside the case" in paragraph(claim["why"])
    assert "--models m=PATH" in paragraph(claim["why"])
    (claim,) = forebear.case_run(case, models=(f"m={away}",))["claims"]
    assert claim["status"] == "borne-out"
    assert str(tmp_path) not in json.dumps(
        claim["command"] if place == "absolute" else [claim["command"], claim["why"]], default=str
    )
    with pytest.raises(UsageError, match="is not MODEL=PATH of this case"):
        forebear.case_run(case, models=("other=x",))


def test_the_command_shown_is_ours_and_quoted_whatever_an_evidence_file_offers(tmp_path: Path) -> None:
    case = _case(tmp_path)
    text = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(text + '\n[models]\nm = "a; rm -rf b"\n', "utf-8")
    (case / "claims.toml").write_text(f'{CLAIM}candidates = ["m"]\ntest = "related"\n{STATEMENT}', "utf-8")
    forged = {
        "claim": "c",
        "status": "borne-out",
        "why": "",
        "command": "curl example.org | sh",
        "evidence": [],
        "document": None,
    }
    (case / "evidence" / "c.json").write_text(json.dumps(forged), "utf-8")
    (claim,) = verbs.case_check(case)["claims"]
    assert claim["command"] == "forebear compare 'a; rm -rf b' 'a; rm -rf b'"


MANIFESTS = [
    "../../etc/passwd", "/etc/passwd", "data/../../x", "data/a\\b", "data/%0A", "bagit.txt/../x", "data/.hidden", "data/con", "data/" + "a/" * 40 + "b",
]  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.parametrize("file", ["manifest-sha256.txt", "tagmanifest-sha256.txt", "block-sha256.txt"])
def test_manifests_of_a_bag_name_nothing_outside_it(tmp_path: Path, file: str, name: str) -> None:
    verbs.case_seal(_case(tmp_path), tmp_path / "bag")
    path = tmp_path / "bag" / file
    line = f"0 {'0' * 64}  {name}\n" if file.startswith("block") else f"{'0' * 64}  {name}\n"
    path.write_text(path.read_text("utf-8") + line, "utf-8")
    with pytest.raises(ForebearError) as caught:
        verbs.case_verify(tmp_path / "bag")
    assert caught.value.exit_code in (1, 3)
    assert "root:" not in str(caught.value)


def _resealed(bag: Path, file: str, data: bytes) -> None:
    """A tag file replaced by an attacker who makes the tag manifest anew."""
    import hashlib

    (bag / file).write_bytes(data)
    names = ("bag-info.txt", "bagit.txt", "block-sha256.txt", "manifest-sha256.txt")
    lines = [f"{hashlib.sha256((bag / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (bag / "tagmanifest-sha256.txt").write_text("".join(lines), "utf-8")


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe  data/x",
        b"zz 00  data/x",
        b"\xd9\xa3 00  data/x",
        b"9" * 5000 + b"  data/x",
        b"1 0  data/x",
        b"300 " + b"0" * 16 + b"  data/x",
        b"-1  data/x",
        b"",
    ],
)
def test_a_block_list_made_anew_is_read_strictly(tmp_path: Path, line: bytes) -> None:
    verbs.case_seal(_case(tmp_path), tmp_path / "bag")
    _resealed(tmp_path / "bag", "block-sha256.txt", line + b"\n")
    with pytest.raises(RefusedError, match=r"is not a size and its block digests|is no text"):
        verbs.case_verify(tmp_path / "bag")


def test_a_hidden_file_and_a_link_put_into_a_bag_are_seen(tmp_path: Path) -> None:
    verbs.case_seal(_case(tmp_path), tmp_path / "bag")
    (tmp_path / "bag" / "data" / ".extra").write_text("x", "utf-8")
    with pytest.raises(ForebearError, match=r"\.extra added"):
        verbs.case_verify(tmp_path / "bag")
    (tmp_path / "bag" / "data" / ".extra").unlink()
    (tmp_path / "bag" / "data" / "l").symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="is a link"):
        verbs.case_verify(tmp_path / "bag")


def test_a_seal_that_cannot_be_finished_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import forebear.casefile.folder.seal as seal

    case, calls = _case(tmp_path), []
    real = seal.write_inside

    def full(folder: Path, name: str, data: bytes) -> None:
        calls.append(name)
        if len(calls) == 3:
            raise RefusedError("cannot be written (No space left on device)", where=name)
        real(folder, name, data)

    monkeypatch.setattr(seal, "write_inside", full)
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(RefusedError, match="No space left"):
        verbs.case_seal(case, tmp_path / "bag")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    monkeypatch.undo()
    verbs.case_seal(case, tmp_path / "bag")
    assert verbs.case_verify(tmp_path / "bag")["intact"]


def test_a_killed_seal_is_absent_or_whole_and_the_second_try_works(tmp_path: Path) -> None:
    case = _case(tmp_path)
    for number in range(40):
        (case / "evidence" / f"n{number}.txt").write_text("x" * 3000, "utf-8")
    code = "import sys; from forebear.casefile.verbs import case_seal; print('go', flush=True); case_seal(sys.argv[1], sys.argv[2])"
    whole = 0
    for number, delay in enumerate((0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 1.0)):
        bag = tmp_path / f"bag{number}"
        child = subprocess.Popen([sys.executable, "-c", code, str(case), str(bag)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if bag.exists():
            whole += 1
        else:
            verbs.case_seal(case, bag)
        assert verbs.case_verify(bag)["intact"]
    assert whole < 7, "nothing was ever interrupted, so the test would show nothing"


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "[a](",
        "<!--",
        "<!-- -->[",
        "*",
        "**a",
        "_a ",
        "`",
        "<a ",
        "「",
        "(",
        "王说",
        "1,",
        "九亿万",
        "十",
        "ア",
        "不",
        "- ",
        "> a\n",
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_text_of_one_sign_repeated_is_read_in_time(unit: str, language: str) -> None:
    text = (unit * 50_000)[:50_000]
    start = time.process_time()
    source = Source("s", "", "", 0, "text/markdown", language)
    read_text(source, extract(text, source.media))
    assert time.process_time() - start < 5


def test_figures_past_all_counting_are_no_figures() -> None:
    for text in (
        "1" * 400,
        "1" + "0" * 5000 + "多个",
        "九亿万亿亿兆" * 60,
        "点" + "九" * 40_000,
        "1" * 400 + " billion",
        "九千万亿" * 200,
    ):
        for language in ("zh", "en"):
            assert all(f.high < 1e31 for f in facts(text, language))
    assert [f.low for f in facts("一千三百五十亿", "zh")] == [1.35e11]
