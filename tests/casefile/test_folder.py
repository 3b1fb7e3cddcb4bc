"""A case is plain files: nothing received is altered, nothing is half written, every fault is named."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forebear.casefile.folder.add import Addition, add_source, read_source
from forebear.casefile.folder.folder import load_case, save_case, source_bytes, unrecorded
from forebear.casefile.folder.intake import MAX_LINE_CHARACTERS
from forebear.casefile.folder.model import Name, Seen
from forebear.core.errors import RefusedError, UsageError
from tests.said import said, text

ZH = "我们在三月训练了一个模型。\n参数量是千亿级别的，数据没有公开。\n"
ZH_HANT = "我們在三月訓練了一個模型，說明書沒有寫這個數據從哪裡來，這樣對嗎？這裡還說過學習過程。"


def _file(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_the_bytes_are_kept_as_received_with_their_digest(tmp_path: Path) -> None:
    data = ("\ufeff" + ZH.replace("\n", "\r\n")).encode()
    case, source = add_source(tmp_path / "case", _file(tmp_path, "a.txt", data), Addition("zh", "Hans"))
    assert (tmp_path / "case" / source.file).read_bytes() == data
    assert source_bytes(tmp_path / "case", source) == data
    assert load_case(tmp_path / "case") == case
    assert "\r" not in read_source(tmp_path / "case", source).text


def test_adding_the_same_bytes_again_changes_nothing_and_other_bytes_are_refused(tmp_path: Path) -> None:
    first, _ = add_source(tmp_path / "c", _file(tmp_path, "a.txt", ZH), Addition("zh", "Hans", id="zh"))
    again, _ = add_source(tmp_path / "c", tmp_path / "a.txt", Addition("zh", "Hans", id="zh"))
    assert first == again
    with pytest.raises(RefusedError, match="taken by other bytes"):
        add_source(tmp_path / "c", _file(tmp_path, "b.txt", ZH + "又一行。"), Addition("zh", "Hans", id="zh"))


@pytest.mark.parametrize(
    ("data", "said", "message"),
    [
        (b"", Addition("zh"), "is empty"),
        (b" \n\t\n", Addition("zh"), "only white space"),
        (ZH.encode("gb18030"), Addition("zh"), r"is not utf-8: byte 0 \(line 1\).*would decode as gb18030"),
        (ZH.encode() + ZH.encode("gb18030"), Addition("zh"), r"mixed: 2 lines are UTF-8, 2 are not \(first line 3"),
        (ZH, Addition("ja"), "declared ja-?, but looks like zh|declared ja, but looks like zh"),
        (ZH_HANT, Addition("zh", "Hans"), "declared zh-Hans, but looks like zh-Hant"),
        ("This is plainly English text, not Chinese.", Addition("zh"), "declared zh, but looks like en"),
        ("字" * (MAX_LINE_CHARACTERS + 1), Addition("zh"), "one line has 1000001 characters"),
        ("a\x00b" * 20, Addition("en"), "NUL"),
        (ZH.encode(), Addition("zh", encoding="utf-9"), "unknown encoding"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_with_its_reason_and_nothing_is_stored(
    tmp_path: Path, data: bytes | str, said: Addition, message: str
) -> None:
    path = _file(tmp_path, "in.txt", data)
    before = path.read_bytes()
    with pytest.raises(RefusedError, match=message):
        add_source(tmp_path / "case", path, said)
    assert not (tmp_path / "case").exists()
    assert path.read_bytes() == before


def test_fifty_megabytes_on_one_line_are_refused_quickly_and_can_be_kept_as_bytes(tmp_path: Path) -> None:
    path = _file(tmp_path, "long.txt", "字".encode() * (50 * 2**20 // 3))
    start = time.monotonic()
    with pytest.raises(RefusedError, match="one line has 17476266 characters"):
        add_source(tmp_path / "case", path, Addition("zh"))
    assert time.monotonic() - start < 20
    _, source = add_source(tmp_path / "case", path, Addition("zh", as_bytes=True))
    assert source.bytes == path.stat().st_size
    assert "nothing of it is aligned" in text(source.seen[0].said())


def test_a_stated_encoding_is_used_and_a_trusted_language_is_taken(tmp_path: Path) -> None:
    _, source = add_source(
        tmp_path / "c", _file(tmp_path, "g.txt", ZH.encode("gb18030")), Addition("zh", encoding="gb18030")
    )
    assert read_source(tmp_path / "c", source).text == ZH
    _, other = add_source(tmp_path / "c", tmp_path / "g.txt", Addition("ja", encoding="gb18030", trust_language=True))
    assert other.language == "ja"


def test_bidirectional_and_invisible_characters_are_noted_with_their_place(tmp_path: Path) -> None:
    text = "The total was \u202e531\u202c billion parameters, they said.\u200b"
    _, source = add_source(tmp_path / "c", _file(tmp_path, "b.txt", text), Addition("en"))
    assert source.seen == (Seen("bidirectional", 2, "U+202E", (14, 18)), Seen("invisible", 1, "U+200B", (50,)))
    assert said(seen.said() for seen in load_case(tmp_path / "c").source[0].seen) == [
        "2 bidirectional control characters (first U+202E) at positions 14, 18",
        "1 invisible character (first U+200B) at positions 50",
    ]
    _, clean = add_source(tmp_path / "c", _file(tmp_path, "c.txt", "Plain words only, nothing odd."), Addition("en"))
    assert clean.seen == ()


def test_a_picture_is_kept_beside_its_transcript(tmp_path: Path) -> None:
    picture = _file(tmp_path, "shot.png", b"\x89PNG\r\n\x1a\nnot read")
    words = _file(tmp_path, "shot.txt", ZH)
    _, source = add_source(tmp_path / "c", picture, Addition("zh", transcript=words))
    assert source_bytes(tmp_path / "c", source) == picture.read_bytes()
    assert read_source(tmp_path / "c", source).text == ZH


def test_a_source_edited_after_it_was_added_is_named(tmp_path: Path) -> None:
    _, source = add_source(tmp_path / "c", _file(tmp_path, "a.txt", ZH), Addition("zh"))
    (tmp_path / "c" / source.file).write_text(ZH + "。", "utf-8")
    with pytest.raises(RefusedError, match="was edited after it was added"):
        read_source(tmp_path / "c", source)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('colour = "red"', "unknown key 'colour'"),
        ("title = 3", "int where str is wanted"),
        ("schema = [", "not valid TOML"),
        ('[[source]]\nid = "x"', "key 'file' is missing"),
        (
            '[[source]]\nid = "x"\nfile = "sources/../../p"\nsha256 = ""\nbytes = 1\nmedia = ""\nlanguage = "en"',
            "not a file of sources/",
        ),
        ('[[name]]\ntext = "N"\nruling = "maybe"', "ruling 'maybe' is none of"),
    ],
)
def test_case_toml_is_read_strictly(tmp_path: Path, line: str, message: str) -> None:
    head = "" if line.startswith(("title", "schema")) else 'title = "t"\n'
    schema = "" if line.startswith("schema") else 'schema = "forebear/case-folder/1"\n'
    _file(tmp_path, "case.toml", schema + head + line + "\n")
    with pytest.raises(RefusedError, match=message):
        load_case(tmp_path)


def test_words_that_do_not_fit_are_a_usage_error(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.txt", ZH)
    for words in (Addition("zh", role="rumour"), Addition("zh", role="translation"), Addition("zh", of="nobody")):
        with pytest.raises(UsageError):
            add_source(tmp_path / "c", path, words)


_WRITER = """
import sys
from pathlib import Path
from forebear.casefile.folder.add import Addition, add_source
folder, text = Path(sys.argv[1]), Path(sys.argv[2])
for n in range(int(sys.argv[3]), 100000):
    text.write_text(f"Version {n} of a statement that somebody made about a model.", "utf-8")
    add_source(folder, text, Addition("en", id=f"v{n}"))
    print(n, flush=True)
"""


def test_a_case_survives_kill_nine_at_any_moment(tmp_path: Path) -> None:
    folder, done = tmp_path / "case", 0
    for delay in (0.0, 0.013, 0.029, 0.041):
        child = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), str(tmp_path / "t.txt"), str(done)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        case = load_case(folder)
        assert len(case.source) > done, "nothing was added, so the test would show nothing"
        for source in case.source:
            assert source_bytes(folder, source)
        assert len(unrecorded(folder, case)) <= 1 + 4
        done = len(case.source)


def test_comments_that_a_person_wrote_into_case_toml_stay(tmp_path: Path) -> None:
    add_source(tmp_path / "c", _file(tmp_path, "a.txt", ZH), Addition("zh", "Hans", id="zh"))
    path = tmp_path / "c" / "case.toml"
    text = path.read_text("utf-8").replace('id = "zh"', 'id = "zh"  # as the lawyer sent it')
    ours = (
        '# names: ask before ruling\n[[name]]\ntext = "甲乙"\nruling = "private" # her wish\n\n[models]\nm = "m.json"\n'
    )
    path.write_text(f"# a case of mine\n{text}\n{ours}", "utf-8")
    add_source(tmp_path / "c", _file(tmp_path, "b.txt", ZH + "又。"), Addition("zh", "Hans", id="zh-2"))
    case = load_case(tmp_path / "c")
    save_case(
        tmp_path / "c",
        dataclasses.replace(
            case, name=(*(dataclasses.replace(n, pseudonym="Person 1") for n in case.name), Name("丙丁"))
        ),
    )
    made = path.read_text("utf-8")
    for kept in ("# a case of mine\n", "# as the lawyer sent it", "# names: ask before ruling", "# her wish"):
        assert made.count(kept) == 1
    again = load_case(tmp_path / "c")
    assert [s.id for s in again.source] == ["zh", "zh-2"]
    assert [(n.text, n.pseudonym) for n in again.name] == [("甲乙", "Person 1"), ("丙丁", "")]
    assert again.models == {"m": "m.json"}


def test_hostile_words_in_a_case_are_written_as_they_are(tmp_path: Path) -> None:
    words = ['"""', "\\u0000", "a\nb", "\x7f\x01", "[x]\n[y]", "'", "\u202e", "#", "", " "]
    add_source(tmp_path / "c", _file(tmp_path, "a.txt", ZH), Addition("zh", "Hans", id="zh", obtained_by=words[0]))
    case = dataclasses.replace(
        load_case(tmp_path / "c"), name=tuple(Name(w, also=(w, w)) for w in words), models={"k.'\"": "v"}
    )
    save_case(tmp_path / "c", case)
    assert load_case(tmp_path / "c") == case


def test_without_the_library_that_writes_it_a_case_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    with pytest.raises(RefusedError, match=r"pip install 'forebear\[cases\]'"):
        add_source(tmp_path / "c", _file(tmp_path, "a.txt", ZH), Addition("zh", "Hans"))
