"""Chains and commitments from strangers: bounded, refused with a reason; recording survives a kill."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from forebear.attest.chain import append, read_chain
from forebear.attest.commitment import read_commitment
from forebear.attest.rates import Step, read_log, read_once, restarts, span_of
from forebear.core.errors import RefusedError, UsageError
from tests.attest.runs import CONFIG, PAST, ROUND, VALUE, Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    found = Kept(tmp_path)
    found.save(0, found.start)
    return found


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "no record"),
        (b"{}\n", "no record of a chain"),
        (b"[1]\n", "no record of a chain"),
        (b"\xff\xfe\n", "JSON|UTF-8"),
        (b'{"form": "forebear/chain-record/1"}\n', "no record of a chain"),
        (b"[" * 5000 + b"\n", "nested|levels|values"),
        (b"[" + b"1," * 30_000 + b"1]\n", "values"),
        (b"x" * 100 + b"\n", "JSON"),
        (b"{}\n" * 20_001, "records"),
    ],
)
def test_what_is_no_chain_is_refused(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "chain.jsonl"
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=word):
        forebear.attest_verify(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", -1), ("step", True), ("step", "3"), ("number", None), ("previous", 5), ("content", []),
        ("content", {"root": "short", "screen": []}), ("content", {"root": "0" * 64, "screen": [1e9]}),
        ("content", {"root": "0" * 64, "screen": [0] * 5000}), ("span", {"first": 0}), ("span", [1]),
        ("commitment", {"schema": "forebear/commitment/1"}),
    ],
)  # fmt: skip
def test_a_record_with_a_part_of_another_kind_is_refused(kept: Kept, key: str, value: object) -> None:
    path = kept.run / "chain.jsonl"
    record = json.loads(path.read_bytes())
    record[key] = value
    path.write_bytes(json.dumps(record).encode() + b"\n")
    with pytest.raises(RefusedError):
        forebear.attest_verify(path)


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        (("configuration", "keys"), {**{k: CONFIG[k] for k in ("model_type", "hidden_size")}, "vocab_size": 7}, "does not follow"),
        (("seed", "seed"), 1, "does not follow"),
        (("seed", "value"), "00" * 32, "does not follow"),
        (("seed_source", "round"), 5, "does not follow"),
        (("seed_source",), {"kind": "beacon", "beacon": "mine"}, "no commitment"),
        (("announced",), "yesterday", "does not follow"),
        (("schema",), "forebear/commitment/9", "no commitment"),
    ],
)
def test_a_commitment_that_was_changed_is_refused(kept: Kept, part: tuple[str, ...], value: object, word: str) -> None:
    assert kept.commitment is not None
    raw = json.loads(kept.commitment.read_bytes())
    inner = raw
    for key in part[:-1]:
        inner = inner[key]
    inner[part[-1]] = value
    kept.commitment.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(RefusedError, match=word):
        read_commitment(kept.commitment)


def test_a_commitment_to_a_start_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"vocab_size": 2**36}), "utf-8")
    with pytest.raises(RefusedError, match=r"numbers|size"):
        forebear.attest_commit(tmp_path, seed_from=PAST, value=VALUE)


def test_an_unknown_beacon_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    with pytest.raises(UsageError, match="no beacon"):
        forebear.attest_commit(tmp_path, seed_from="dice:5")
    with pytest.raises(UsageError, match="no round"):
        forebear.attest_commit(tmp_path, seed_from="drand:0")
    with pytest.raises(RefusedError):
        forebear.attest_commit(tmp_path, seed_from=str(tmp_path / "absent"))


def test_a_file_as_source_gives_its_seed_at_once_and_says_that_it_could_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    (tmp_path / "news.txt").write_text("of the day", "utf-8")
    document = forebear.attest_commit(tmp_path, seed_from=str(tmp_path / "news.txt"))
    assert document["seed"]["seed"] >= 0
    assert "attest.limit_file" in [limit["key"] for limit in document["limits"]]


def test_a_round_that_is_past_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    said = [limit["key"] for limit in forebear.attest_commit(tmp_path, seed_from="drand:5")["limits"]]
    assert "attest.limit_past" in said
    assert "attest.limit_past" not in [m["key"] for m in forebear.attest_commit(tmp_path, seed_from=ROUND)["limits"]]


def test_a_line_that_is_torn_says_how_many_lines_stand(kept: Kept) -> None:
    path = kept.run / "chain.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 3].rstrip(b"\n") + b"\n")
    count = whole.count(b"\n")
    with pytest.raises(RefusedError, match=rf"line {count + 1}: is no whole record.* The {count} lines? before it can stand"):
        read_chain(kept.run)


def test_a_line_cut_short_is_left_out_and_replaced(kept: Kept) -> None:
    path = kept.run / "chain.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    assert len(read_chain(path)) == 1
    kept.save(3, kept.start)
    assert [record["number"] for record in read_chain(path)] == [0, 1]
    assert path.read_bytes().startswith(whole)


def test_a_recorder_that_is_killed_leaves_a_whole_chain(kept: Kept) -> None:
    code = (
        "import os, signal, forebear.core.output as o\n"
        "real = os.replace\n"
        "o.os.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"import forebear; forebear.attest_record({str(kept.run)!r}, 5, {str(kept.shown[0])!r})\n"
    )
    before = (kept.run / "chain.jsonl").read_bytes()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (kept.run / "chain.jsonl").read_bytes() == before
    kept.save(5, kept.start)
    assert len(read_chain(kept.run)) == 2


def test_only_the_first_record_names_a_commitment(kept: Kept) -> None:
    with pytest.raises(UsageError, match="first record"):
        forebear.attest_record(kept.run, 3, kept.shown[0], commitment=kept.commitment)


def test_a_run_that_is_no_folder_is_refused(kept: Kept) -> None:
    with pytest.raises(RefusedError, match="no folder"):
        forebear.attest_record(kept.run / "chain.jsonl", 3, kept.shown[0])
    append(kept.run / "other.jsonl", {"a": 1})
    with pytest.raises(RefusedError):
        read_chain(kept.run / "other.jsonl")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("step,lr\n1,x\n", "line 2"), ("step,lr\n-1,0.1\n", "line 2"), ("step,lr\n1,inf\n", "line 2"), ("lr\n0.1\n", "line 2"),
        ('{"step": 1}\n', "line 1"), ('{"step": 1, "lr": 0.1}\n[]\n', "line 2"), ("step,lr,weight_decay\n1,0.1,-2\n", "line 2"),
        ("step,lr\n1.5,0.1\n", "line 2"), ("step,lr\n1e300,0.1\n", "line 2"),
    ],
)  # fmt: skip
def test_a_log_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "log").write_text(text, "utf-8")
    with pytest.raises(RefusedError, match=word):
        read_log(tmp_path / "log")


def test_logs_as_json_lines_and_as_csv_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("step,lr,weight_decay\n0,0.1,0.5\n1,0.05,0.5\n", "utf-8")
    (tmp_path / "b").write_text('{"step": 0, "lr": 0.1, "weight_decay": 0.5}\n\n{"step": 1, "lr": 0.05, "weight_decay": 0.5}\n', "utf-8")
    assert read_log(tmp_path / "a")[0] == read_log(tmp_path / "b")[0] == [Step(0, 0.1, 0.5), Step(1, 0.05, 0.5)]


@pytest.mark.parametrize("text", [
    "step,lr\n" + "".join(f"{i},0.1{i}\n" for i in range(9)), "\n\n" + "".join(f'{{"step": {i}, "lr": 0.1}}\r\n\n' for i in range(9)),
    'step,lr,note\n0,0.1,"a,b"\n1,0.2,c\n2,0.3,d',
])  # fmt: skip
def test_a_log_that_is_read_once_gives_every_beginning_as_it_stood(tmp_path: Path, text: str) -> None:
    data = text.encode()
    path = tmp_path / "log"
    path.write_bytes(data)
    read = read_once(path, range(len(data) + 1))
    whole = 0
    for size in range(len(data) + 1):
        assert read.prefixes[size] == hashlib.sha256(data[:size]).hexdigest()
        if size not in read.torn and (size == 0 or data[size - 1 : size] in b"\r\n" or data[size : size + 1] in b"\r\n"):
            path.write_bytes(data[:size])
            try:
                then = read_log(path).lines
            except RefusedError:
                continue  # half of a quoted field
            assert list(read.beginning(size, None).lines) == list(then)
            whole += 1
    assert whole > 4
    path.write_bytes(data)
    kept = {"log_bytes": len(data) // 2, "log_sha256": hashlib.sha256(data[: len(data) // 2]).hexdigest()}
    assert read_log(path, kept).known == sum(end <= len(data) // 2 for end in read.ends)
    assert read_log(path, {**kept, "log_sha256": ""}).known == 0


def test_a_span_sums_the_steps_between_two_records() -> None:
    lines = [Step(s, 0.1, 2.0) for s in (0, 1, 2, 3, 1, 2, 3)]
    span = span_of(lines, 1, 5)
    assert (span.taken, span.missing, round(span.rate_sum, 9), round(span.decay_sum, 9)) == (3, 1, 0.3, 0.6)


def test_a_rollback_in_a_log_is_no_restart_and_a_restart_is_one() -> None:
    down = [Step(s, 1 / (s + 1), 0.0) for s in range(10)]
    assert restarts(down) == []
    assert restarts([*down, *down[4:]]) == []
    assert restarts([*down, Step(10, 0.5, 0.0), Step(11, 0.4, 0.0)]) == [10]
    warm = [Step(s, r, 0.0) for s, r in enumerate([0.1, 0.5, 1.0, 0.6, 0.3])]
    assert restarts(warm) == []


def test_a_folder_without_a_chain_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="a folder without a chain"):
        read_chain(tmp_path)
    with pytest.raises(RefusedError, match="no such file"):
        read_chain(tmp_path / "nowhere")
