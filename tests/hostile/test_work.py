"""Work grows with size and with nothing else: each kind of input that once cost more than its bytes account for.

Calls are counted where the work is in Python; processor time, with a wide margin, where it is inside one call (a regular
expression, a copy). Every size is such that the quadratic way took at least ten times what is allowed.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.core.limits import ENCODING_STEPS_FREE, PICKLE_STEPS_FREE
from forebear.files.sources import open_container
from forebear.inspection.residue import find_residue
from forebear.models.adapter_patterns import ByModule
from forebear.models.architecture.registry import select
from forebear.tokens.audit import audit_vocabulary
from forebear.tokens.encoders import CannotEncodeError, encoder_of
from forebear.tokens.normalizing import normaliser_of
from forebear.tokens.readers import read_vocabulary_bytes
from forebear.tokens.splitting import names, split
from forebear.tokens.vocabulary import Vocabulary
from tests.said import said


def calls(work: Callable[[], Any]) -> int:
    """Calls of Python and C functions that some work takes."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def tokenizer(**model: Any) -> dict[str, Any]:
    return {"model": model}


def read(found: Any, name: str = "tokenizer.json") -> Vocabulary:
    return read_vocabulary_bytes(json.dumps(found).encode(), Path(name), full=True)


BERT = {"pre_tokenizer": {"type": "BertPreTokenizer"}, "normalizer": {"type": "BertNormalizer"}}
REPEATING = {
    "unigram": lambda n: read(tokenizer(type="Unigram", unk_id=0, vocab=[["a" * k, -0.1] for k in range(1, n)])),
    "pieces": lambda n: read([{"piece": "a" * k, "score": -1.0} for k in range(1, n)], "pieces.json"),
    "wordpiece": lambda n: read(
        {**tokenizer(type="WordPiece", max_input_chars_per_word=2**60, unk_token="[UNK]",
                     vocab={"[UNK]": 0, **{"##" + "a" * k: k for k in range(2, n)}, "b" + "a" * n: n}), **BERT}),
    "trie": lambda n: read_vocabulary_bytes(
        "\n".join(f"{k} '{'a' * k}b' {k + 1}" for k in range(1, n)).encode(), Path("v.txt"), full=True),
    "ranks": lambda n: read_vocabulary_bytes(
        b"\n".join(base64.b64encode(b"a" * k) + b" %d" % (k - 1) for k in range(1, n)) + b"\n", Path("v.tiktoken"), full=True),
    "merges": lambda n: read(
        {**tokenizer(type="BPE", vocab={"a" * k: k for k in range(1, n)}, merges=["a" * k + " a" for k in range(1, n - 1)]),
         "pre_tokenizer": {"type": "ByteLevel"}}),
    "added": lambda n: read(
        {**tokenizer(type="BPE", vocab={"x": 0, **{"a" * 30 + f"b{k}": k for k in range(1, 4 * n)}}, merges=[]),
         "pre_tokenizer": {"type": "ByteLevel"},
         "added_tokens": [{"id": 4 * n + k, "content": "a" * 20 + str(k), "special": False} for k in range(4 * n)]}),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPEATING)
def test_an_audit_of_tokens_that_repeat_each_other_costs_what_their_bytes_account_for(kind):
    small, large = REPEATING[kind](60), REPEATING[kind](240)
    sizes = [sum(len(t or b"") + 60 for t in v.tokens) for v in (small, large)]
    counts = [calls(lambda v=v: audit_vocabulary(v, None, digest="0" * 64)) for v in (small, large)]
    assert counts[1] < 3 * counts[0] * sizes[1] / sizes[0] + 10_000


def test_an_audit_that_would_cost_too_much_says_what_was_not_looked_for():
    found = audit_vocabulary(REPEATING["unigram"](1500), None, digest="0" * 64)
    assert found["unreachable"] is None
    assert any("pieces repeat each other" in sentence for sentence in said(found["limits"]))


def test_the_file_that_was_unfinished_after_100_seconds_is_audited(tmp_path):
    vocab = [["a" * k, -0.1] for k in range(1, 3000)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer(type="Unigram", unk_id=0, vocab=vocab)))
    assert seconds(lambda: forebear.inspect(tmp_path / "tokenizer.json", full=True)) < 15


def test_text_is_encoded_within_its_allowance_or_not_at_all():
    vocabulary = REPEATING["unigram"](1000)
    encoder = encoder_of(vocabulary)
    assert encoder.encode("a" * 50)
    with pytest.raises(CannotEncodeError, match="more work than text of this size may cost"):
        encoder.encode("a" * (ENCODING_STEPS_FREE // 100))


def test_a_vocabulary_as_published_ones_are_keeps_its_whole_audit():
    runs = [[" " * k, -2.0] for k in range(1, 129)]  # the longest runs of spaces that published vocabularies have
    words = [[f"▁word{k}", -8.0] for k in range(3000)] + [[chr(97 + k), -9.0] for k in range(26)]
    found = audit_vocabulary(read(tokenizer(type="Unigram", unk_id=0, vocab=[["<unk>", 0.0], *runs, *words])), None)
    assert found["unreachable"] is not None


HARD = (
    "\n",
    " ",
    " x",
    "\n x",
    "'",
    "'s",
    "a",
    "A",
    "aA",
    "1",
    "1a",
    "!",
    " !",
    "!\n",
    "é",
    "中",
    "́",
    "中A",
    "\u2019",
    "\r\n ",
)


@pytest.mark.parametrize("name", names())
def test_a_known_way_of_cutting_is_linear_in_any_text(name):
    for piece in HARD:
        for end in ("", "x", "\n", "!"):
            text = piece * (20_000 // len(piece)) + end  # 20,000 signs take milliseconds, and seconds where it is quadratic
            assert seconds(lambda text=text: split(text, name)) < 0.5, (name, piece, end)
            assert "".join(split(text[:2000], name)) == text[:2000]


@pytest.mark.parametrize(
    "steps",
    [
        [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}] * 30,
        [{"type": "Replace", "pattern": {"String": ""}, "content": "b" * 10**6}],
        [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "b" * 10**6}],
        [{"type": "Prepend", "prepend": "a" * 10**6}],
        [{"type": "Prepend", "prepend": "a" * 60}] * 30,
        [{"type": "Sequence", "normalizers": [{"type": "NFC"}] * 10**5}],
    ],
)
def test_normalisation_that_makes_texts_grow_without_end_is_refused(steps):
    with pytest.raises(CannotEncodeError, match=r"times as long|more than 32 steps|not run"):
        normaliser_of({"type": "Sequence", "normalizers": steps})("a  a")


def test_normalisation_as_published_files_ask_for_it_is_not_refused():
    steps = [
        {"type": "NFKC"},
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    assert normaliser_of({"type": "Sequence", "normalizers": steps})("\ufdfa" * 1000).startswith(" ")


def test_a_sequence_of_a_hundred_thousand_cuts_is_not_run():
    inner = [{"type": "Digits"}] * 10**5
    vocabulary = read({**tokenizer(type="BPE", vocab={"a": 0}, merges=[]),
                       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*inner, {"type": "ByteLevel"}]}})  # fmt: skip
    with pytest.raises(CannotEncodeError, match="steps"):
        encoder_of(vocabulary)


def refusal(path: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        open_container(path)
    return str(caught.value)


def torch_file(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("m/data.pkl", pickled)
    return path


def doubling(levels: int, opening: bytes, closing: bytes) -> bytes:
    """A pickle each of whose values holds the one before it twice over."""
    level = b"".join(b"q%c0(h%ch%c" % (i, i, i) + closing for i in range(levels))
    return b"\x80\x02" + opening + level + b"."


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"]", b"l"), (b")", b"t"), (b"}", b"t")], ids=["lists", "tuples", "dictionary"]
)
def test_a_pickle_whose_tree_doubles_at_every_level_is_refused_after_a_stated_number_of_steps(
    opening, closing, tmp_path
):
    place = torch_file(tmp_path / "m.pt", doubling(60, opening, closing))
    assert "far more branches than the pickle has opcodes" in refusal(place)
    assert calls(lambda: refusal(place)) < 40 * PICKLE_STEPS_FREE


def test_a_callee_that_is_a_tuple_without_end_is_never_written_out(tmp_path):
    body = doubling(60, b")", b"t")[:-1] + b")R."  # the tuple, called with nothing
    with pytest.raises(RefusedError, match="no tensor"):
        open_container(torch_file(tmp_path / "m.pt", body))


def test_keys_that_grow_from_level_to_level_do_not_make_names_without_end(tmp_path):
    key = b"X" + struct.pack("<I", 3000) + b"k" * 3000
    body = b"\x80\x02}" + b"".join(b"q%c0}%sh%cs" % (i, key, i) for i in range(40)) + b"."
    with pytest.raises(RefusedError, match="too deep"):
        open_container(torch_file(tmp_path / "m.pt", body))


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def part(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: bytes, dims: list[int], raw: bytes, kind: int) -> bytes:
    sizes = b"".join(varint(1 << 3) + varint(size) for size in dims)
    return part(5, sizes + varint(2 << 3) + varint(kind) + part(8, name) + part(9, raw))


def node(inputs: list[bytes], outputs: list[bytes], op: bytes, name: bytes = b"") -> bytes:
    return part(
        1, b"".join(part(1, i) for i in inputs) + b"".join(part(2, o) for o in outputs) + part(3, name) + part(4, op)
    )


def graph_of_quantised(n: int) -> bytes:
    parts = [tensor(b"s", [1], b"\0" * 4, 1)]
    for i in range(n):
        parts += [tensor(b"onnx::%d" % i, [1, 4], b"\0" * 4, 3), node([b"onnx::%d" % i, b"s"], [b"q%d" % i], b"DequantizeLinear"),
                  node([b"x", b"none%d" % i], [b"z"], b"MatMulInteger"),
                  node([b"x", b"onnx::%d" % i], [b"v"], b"MatMul", b"/a/l.%d/MatMul" % i), node([b"v", b"b"], [b"y"], b"Add")]  # fmt: skip
    return varint(1 << 3) + varint(8) + part(7, b"".join(parts))


def graph_of_one_list(n: int) -> bytes:
    numbers = b"".join(varint(7 << 3) + b"\1" for _ in range(n))
    return (
        varint(1 << 3)
        + varint(8)
        + part(7, part(5, varint(1 << 3) + varint(n) + varint(2 << 3) + varint(7) + numbers + part(8, b"a")))
    )


@pytest.mark.parametrize(("make", "n"), [(graph_of_quantised, 400), (graph_of_one_list, 4000)])
def test_an_onnx_graph_costs_what_its_nodes_account_for(make, n, tmp_path):
    counts = []
    for size in (n, 4 * n):
        (tmp_path / f"{size}.onnx").write_bytes(make(size))
        counts.append(calls(lambda size=size: open_container(tmp_path / f"{size}.onnx").close()))
    assert counts[1] < 6 * counts[0]


def test_numbers_of_one_onnx_tensor_stored_one_by_one_are_joined_once(tmp_path):
    (tmp_path / "m.onnx").write_bytes(graph_of_one_list(100_000))
    assert seconds(lambda: open_container(tmp_path / "m.onnx").close()) < 10


def gguf(tensors: int) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, 2)
    text = [
        (b"general.architecture", struct.pack("<IQ", 8, 5) + b"llama"),
        (b"llama.expert_count", struct.pack("<II", 4, 8)),
    ]
    head += b"".join(struct.pack("<Q", len(key)) + key + value for key, value in text)
    for i in range(tensors):
        name = b"blk.%d.ffn_up_exps.weight" % i
        head += struct.pack("<Q", len(name)) + name + struct.pack("<I3Q", 3, 1, 0, 4096) + struct.pack("<IQ", 0, 0)
    return head + b"\0" * 64


def test_empty_stacks_of_experts_make_no_names(tmp_path):
    (tmp_path / "m.gguf").write_bytes(gguf(200))
    found = []
    count = calls(lambda: found.append(forebear.inspect(tmp_path / "m.gguf")))
    assert len(found[0]["tensors"]) == 200
    assert count < 2_000_000  # 200 times 4,096 names took 20 million


def test_alpha_patterns_of_an_adapter_are_met_once_for_each_ending_of_a_module():
    stated = {f"layers.{k}.q": k for k in range(20_000)} | {"q": 1, "a.layers.7.q": 2.5}
    patterns = ByModule(stated, "here", "alpha_pattern")
    assert patterns.number("model.layers.19999.q") == 19999  # the first that fits counts, as when all were tried in turn
    assert patterns.number("a.layers.7.q") == 7
    assert patterns.number("q") == 1
    assert patterns.number("model.layers.1.k") is None
    assert calls(lambda: [patterns.number(f"m.layers.{k}.q") for k in range(1000)]) < 100_000


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "((a+)+)+b", "(.*)*(.*)*(.*)*b", "(?:a{1,64}){1,64}b", "(a?){64}a{64}b"])
def test_an_expression_that_backtracks_for_ever_elsewhere_ends_here(pattern):
    patterns = ByModule({pattern: 1}, "here", "alpha_pattern")

    def compare():
        with suppress(RefusedError):
            assert [patterns.number("a" * 300 + "." + "a" * 300 + "c") for _ in range(20)] == [None] * 20

    assert calls(compare) < 20_000_000


def test_families_are_recognised_by_a_few_cuts_a_name():
    count = [calls(lambda n=n: select({}, [f"t{k}.a.b" for k in range(n)])) for n in (2000, 8000)]
    assert count[1] < 6 * count[0]
    assert count[1] < 60 * 8000


@pytest.mark.parametrize(
    "text", [b"\n", b" ", b"class ", b"/a/b", b"\n\t", b"import\n", b"-\n", b"model\n", b"copyright "]
)
def test_traces_in_small_files_are_looked_for_in_linear_time(text, tmp_path):
    for name in ("a.py", "mergekit_config.yml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((text * (2**20 // len(text)))[: 2**20])
    assert seconds(lambda: find_residue(tmp_path)) < 20


def test_traces_are_still_found(tmp_path):
    (tmp_path / "a.py").write_text("import x\n\nfrom transformers.qwen2 import a\nclass  LlamaModel(x):\n    pass\n")
    (tmp_path / "mergekit.yml").write_text("models:\n  - model : some/llama\n")
    found, _ = find_residue(tmp_path)
    assert [(t["kind"], t["text"], t["line"]) for t in found] == [
        ("class name", "LlamaModel", 4), ("import", "transformers.qwen2", 3), ("merge", "model: some/llama", 2)
    ]  # fmt: skip


def test_headers_of_ten_thousand_links_to_one_file_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr("forebear.files.assembling.MAX_SHARD_HEADERS", 2**20)
    header = b"{}" + b" " * 2**18
    (tmp_path / "blob").write_bytes(struct.pack("<Q", len(header)) + header)
    for k in range(1, 9):
        (tmp_path / f"model-{k:05d}-of-00008.safetensors").symlink_to("blob")
    with pytest.raises(RefusedError, match="set of shard headers has more than"):
        open_container(tmp_path)


def test_deflated_members_are_read_as_far_as_their_headers(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,), }"
        head += b" " * (-(len(head) + 11) % 64) + b"\n"
        for k in range(40):
            archive.writestr(f"a{k}.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + b"\0" * 4_000_000)
    (tmp_path / "m.npz").write_bytes(out.getvalue())
    assert seconds(lambda: open_container(tmp_path / "m.npz").close()) < 5
