"""Each defect of a safetensors file is refused with one line that says what, where and what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_DIMENSIONS, MAX_TENSORS
from forebear.files.formats.safetensors import SafetensorsContainer
from tests.files.make import encode, frame, write


def one(
    dtype: object = "U8", shape: object = (4,), offsets: object = (0, 4), data: bytes = b"abcd", **more: Any
) -> bytes:
    """A file of one tensor "w", each field as given, right or wrong."""
    entry = {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}
    return frame(json.dumps({"w": entry}).encode(), data)


def two(first: tuple[int, int], second: tuple[int, int], size: int) -> bytes:
    """Two byte tensors "a" and "b" at the given places in `size` bytes."""
    entries = {
        name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for name, (begin, end) in (("a", first), ("b", second))
    }
    return frame(json.dumps(entries).encode(), bytes(size))


GOOD = one()
W = b'"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'

DEFECTS: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "the file is empty"),
    "seven bytes": (b"\x02\0\0\0\0\0\0", "truncated: 7 bytes cannot hold a safetensors header"),
    "length alone": (b"\x02\0\0\0\0\0\0\0", "truncated: 8 bytes"),
    "header longer than the file": (frame(b"{}", length=3), "should be 3 bytes long, the file has 2 after the length"),
    "header of 2**64-1 bytes": (frame(b"{}", length=2**64 - 1), "should be 18,446,744,073,709,551,615 bytes long"),
    "header of 0 bytes": (frame(b"", b"{}"), "the header is not a JSON object"),
    "truncated data": (GOOD[:-1], "tensor 'w' ends at byte 72 of 71"),
    "trailing byte": (GOOD + b"x", "1 byte follows the last tensor"),
    "only trailing bytes": (frame(b"{}", b"xyz"), "3 bytes follow the last tensor"),
    "overlap": (two((0, 4), (2, 6), 6), "tensor 'b' overlaps tensor 'a'"),
    "same place twice": (two((0, 4), (0, 4), 4), "tensor 'b' overlaps tensor 'a'"),
    "hole": (two((0, 4), (5, 9), 9), "a hole of 1 byte before tensor 'b'"),
    "hole at the front": (one(offsets=(2, 6), data=bytes(6)), "a hole of 2 bytes before tensor 'w'"),
    "begin after end": (one(offsets=(4, 0)), "data_offsets must be a begin and an end, in that order"),
    "three offsets": (one(offsets=(0, 4, 8)), "data_offsets must be a begin and an end"),
    "offsets that do not fit the shape": (one(shape=(5,)), "data_offsets span 4 bytes, dtype and shape need 5"),
    "offsets that do not fit the dtype": (one(dtype="F32"), "data_offsets span 4 bytes, dtype and shape need 16"),
    "sub-byte values that fill no byte": (one(dtype="F4", shape=(7,)), "F4 of 7 values does not fill whole bytes"),
    "F6 values that fill no byte": (one(dtype="F6_E2M3", shape=(5,)), "F6_E2M3 of 5 values does not fill whole bytes"),
    "overflowing shape": (one(shape=(2**32, 2**32, 4)), "the shape overflows"),
    "overflowing shape that wraps to the right size": (one(shape=(2**62, 4, 4)), "the shape overflows"),
    "overflowing shape with a zero": (one(shape=(0, 2**62, 2**62), offsets=(0, 0), data=b""), "the shape overflows"),
    "size of 2**63": (one(shape=(2**63,)), "a number too large to be a size"),
    "size of 2**64+4": (one(shape=(2**64 + 4,)), "a number too large to be a size"),
    "offset of five thousand digits": (
        frame(b'{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,' + b"9" * 5000 + b"]}}", b"abcd"),
        "a number too large to be a size",
    ),
    "negative size": (one(shape=(-4,)), "shape is not a list of whole numbers from 0 up"),
    "negative offset": (one(offsets=(-4, 0)), "data_offsets is not a list of whole numbers from 0 up"),
    "fraction as size": (one(shape=(4.0,)), "shape is not a list of whole numbers from 0 up"),
    "power as size": (frame(b'{"w":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}', b"abcd"), "whole numbers"),
    "true as size": (one(shape=(True,)), "shape is not a list of whole numbers from 0 up"),
    "text as shape": (one(shape="4"), "shape is not a list of whole numbers from 0 up"),
    "null as shape": (one(shape=None), "shape is not a list of whole numbers from 0 up"),
    "list in a shape": (one(shape=[[4]]), "shape is not a list of whole numbers from 0 up"),
    "nine dimensions": (one(shape=(1,) * 8 + (4,)), f"has 9 dimensions; at most {MAX_DIMENSIONS} are read"),
    "unknown dtype": (one(dtype="I3"), "tensor 'w' has the unknown dtype 'I3'"),
    "dtype in lower case": (one(dtype="f32"), "unknown dtype 'f32'"),
    "number as dtype": (one(dtype=4), "dtype is not text"),
    "missing dtype": (frame(b'{"w":{"shape":[4],"data_offsets":[0,4]}}', b"abcd"), "tensor 'w' lacks dtype"),
    "empty entry": (frame(b'{"w":{}}'), "tensor 'w' lacks dtype and shape and data_offsets"),
    "a value of an unknown key that is none": (
        frame(b'{"w":{"dtype":"U8","note":nul,"shape":[4],"data_offsets":[0,4]}}', b"abcd"),
        "unknown key 'note' has no JSON value",
    ),
    "a value of an unknown key that never ends": (
        frame(b'{"w":{"note":"' + b"x" * 70_000 + b'"' + W[5:] + b"}", b"abcd"),
        "no JSON value of at most 65,536 bytes",
    ),
    "an unknown key without a value": (
        frame(b'{"w":{"note":,' + W[5:] + b"}", b"abcd"),
        "unknown key 'note' has no JSON value",
    ),
    "a number that is none under an unknown key": (
        frame(b'{"w":{"much":Infinity,' + W[5:] + b"}", b"abcd"),
        "unknown key 'much' has no JSON value",
    ),
    "an unknown key of lists without end": (
        frame(b'{"w":{"lists":' + b"[" * 60_000 + b"}}", b"abcd"),
        "unknown key 'lists' has no JSON value",
    ),
    "a known key twice beside an unknown one": (
        frame(b'{"w":{"dtype":"U8","note":1,' + W[5:] + b"}", b"abcd"),
        "duplicate key 'dtype'",
    ),
    "duplicate tensor": (frame(b"{" + W + b"," + W + b"}", b"abcd"), "duplicate key: tensor 'w' is declared twice"),
    "duplicate tensor, spelt otherwise": (
        frame(b"{" + W + b"," + W.replace(b'"w"', b'"\\u0077"') + b"}", b"abcd"),
        "duplicate key: tensor 'w' is declared twice",
    ),
    "duplicate field": (
        frame(b'{"w":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', b"abcd"),
        "tensor 'w': duplicate key 'dtype'",
    ),
    "duplicate metadata": (frame(b'{"__metadata__":{"a":"1","a":"2"}}'), "duplicate key 'a' in __metadata__"),
    "metadata twice": (frame(b'{"__metadata__":{},"__metadata__":{}}'), "duplicate key __metadata__"),
    "number in metadata": (encode({}, {"format": 1}), "__metadata__ must map text to text"),
    "nested metadata": (encode({}, {"format": {"a": "b"}}), "__metadata__ must map text to text"),
    "metadata nul": (frame(b'{"__metadata__":nul}'), "__metadata__ is not an object"),
    "metadata null and more": (frame(b'{"__metadata__":nullx}'), "a comma or a closing brace should stand here"),
    "metadata null twice": (frame(b'{"__metadata__":null,"__metadata__":null}'), "duplicate key __metadata__"),
    "metadata list": (frame(b'{"__metadata__":[]}'), "__metadata__ is not an object"),
    "array as header": (frame(b"[]"), "the header is not a JSON object"),
    "number as header": (frame(b"12"), "the header is not a JSON object"),
    "space before the header": (frame(b" {}"), "the header is not a JSON object"),
    "byte order mark": (frame(b"\xef\xbb\xbf{}"), "the header is not a JSON object"),
    "number as tensor": (frame(b'{"w":1}'), "tensor 'w' is not an object"),
    "list as tensor": (frame(b'{"w":[]}'), "tensor 'w' is not an object"),
    "no closing brace": (frame(b"{" + W, b"abcd"), "a comma or a closing brace should stand here"),
    "comma at the end": (frame(b"{" + W + b",}", b"abcd"), "a name in quotes and a colon should stand here"),
    "two objects": (frame(b"{}{}"), "something follows the header's closing brace"),
    "zero bytes after the header": (frame(b"{}\0\0"), "something follows the header's closing brace"),
    "single quotes": (frame(b"{'w':{}}"), "a name in quotes and a colon should stand here"),
    "bare NaN": (frame(b'{"w":NaN}'), "tensor 'w' is not an object"),
    "comment": (frame(b"{/* */}"), "a name in quotes"),
    "control character in a name": (frame(b'{"a\nb":{}}'), "a name in quotes"),
    "bad escape": (frame(b'{"a\\x41":{}}'), "a name in quotes"),
    "not UTF-8": (frame(b'{"\xff\xfe":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "text that is not UTF-8"),
    "overlong UTF-8": (frame(b'{"\xc0\xaf":{}}'), "text that is not UTF-8"),
    "half a surrogate pair": (frame(b'{"\\ud800":{}}'), "text that is not UTF-8"),
    "deep nesting": (frame(b'{"w":' * 100_000 + b"1" + b"}" * 100_000), "unknown key 'w'"),
    "deep lists": (frame(b'{"w":' + b"[" * 1_000_000), "tensor 'w' is not an object"),
    "deep lists as shape": (frame(b'{"w":{"shape":' + b"[" * 1_000_000), "shape is not a list of whole numbers"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_refused_in_one_line(tmp_path: Path, defect: str) -> None:
    content, said = DEFECTS[defect]
    path = write(tmp_path / "model.safetensors", content)
    with pytest.raises(RefusedError) as caught:
        SafetensorsContainer(path)
    message = str(caught.value)
    assert said in message
    assert caught.value.where == str(path)
    assert caught.value.todo
    assert message.isprintable()
    assert len(message) < 1000


def test_the_file_the_defects_were_made_from_is_read(tmp_path: Path) -> None:
    container = SafetensorsContainer(write(tmp_path / "model.safetensors", GOOD))
    assert container.read("w").tolist() == [97.0, 98.0, 99.0, 100.0]


LENIENT = {
    "no metadata written as null": (frame(b'{"__metadata__":null,' + W + b"}", b"abcd"), ["odd.null_metadata"]),
    "metadata null behind the tensors": (frame(b"{" + W + b',"__metadata__": null }', b"abcd"), ["odd.null_metadata"]),
    "a field of text": (one(note="of a tool"), ["odd.fields"]),
    "fields of every kind": (one(a=None, b=[1, [2.5e9]], c={"d": {"e": True}}, f="\u3042\n", g=-3), ["odd.fields"]),
    "a field before the others": (frame(b'{"w":{"stride": [ 1 ] , ' + W[5:] + b"}", b"abcd"), ["odd.fields"]),
    "the same field twice": (frame(b'{"w":{"x":1,"x":2,' + W[5:] + b"}", b"abcd"), ["odd.fields"]),
    "a number of five thousand digits": (
        frame(b'{"w":{"x":' + b"9" * 5000 + b"," + W[5:] + b"}", b"abcd"),
        ["odd.fields"],
    ),
    "both": (frame(b'{"__metadata__":null,"w":{"x":1,' + W[5:] + b"}", b"abcd"), ["odd.null_metadata", "odd.fields"]),
}


@pytest.mark.parametrize("case", LENIENT)
def test_what_the_reference_reads_is_read_and_listed_as_odd(tmp_path: Path, case: str) -> None:
    content, odd = LENIENT[case]
    container = SafetensorsContainer(write(tmp_path / "model.safetensors", content))
    assert container.read("w").tolist() == [97.0, 98.0, 99.0, 100.0]
    assert [one.key for one in container.odd] == odd
    if "digits" not in case:  # the reference reads numbers of 64 bits
        assert load(content)["w"].tolist() == [97, 98, 99, 100]


def test_a_hundred_thousand_unknown_fields_cost_little(tmp_path: Path) -> None:
    fields = b",".join(b'"f%d":"%s"' % (i, b"x" * 300) for i in range(100_000))
    path = write(tmp_path / "m", frame(b'{"w":{' + fields + b"," + W[5:] + b"}", b"abcd"))
    begin = time.process_time()
    container = SafetensorsContainer(path, max_header=2**26)
    assert time.process_time() - begin < 5
    assert container.odd[0].values["count"] == 100_000


def test_a_header_above_the_cap_is_refused_and_the_cap_can_be_lifted(tmp_path: Path) -> None:
    content = encode({"w": ("U8", (1,), b"x")}, {"note": "n" * 26 * 2**20})
    path = write(tmp_path / "model.safetensors", content)
    with pytest.raises(RefusedError, match=r"lift the cap with --max-header \d+"):
        SafetensorsContainer(path)
    assert len(SafetensorsContainer(path, max_header=64 * 2**20).metadata["note"]) == 26 * 2**20


@pytest.mark.parametrize(
    "name",
    ["\x1b[31mred\x1b[0m", "a\nb\rc", "\u202egnp.exe", "<script>x</script>", "[bold]x[/bold]", "${x}$$", "é😀", "", "\0", "../x"],
)  # fmt: skip
def test_strange_names_are_read_as_they_are_and_printable_in_errors(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "m.safetensors", encode({name: ("U8", (2,), b"ab")}))
    container = SafetensorsContainer(path)
    assert list(container.tensors) == [name]
    assert container.read(name).tolist() == [97.0, 98.0]
    assert bool(container.odd) == (not name or not name.isprintable())
    with pytest.raises(RefusedError) as caught:
        container.take(name, [5])
    assert str(caught.value).isprintable()


def test_a_very_long_name_does_not_hide_what_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", encode({"n" * 100_000: ("I3", (2,), b"ab")}))
    with pytest.raises(RefusedError, match="unknown dtype 'I3'"):
        SafetensorsContainer(path)


def test_not_a_number_and_infinite_values_are_values(tmp_path: Path) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0], dtype="<f4")
    container = SafetensorsContainer(write(tmp_path / "m.safetensors", encode({"w": ("F32", (4,), values.tobytes())})))
    np.testing.assert_array_equal(container.read("w"), values)


def test_zero_sizes_anywhere_are_accepted(tmp_path: Path) -> None:
    tensors = {f"z{i}": ("F32", shape, b"") for i, shape in enumerate([(0,), (0, 7), (3, 0, 2), (0, 0)])}
    container = SafetensorsContainer(write(tmp_path / "m.safetensors", encode({**tensors, "w": ("U8", (2,), b"ab")})))
    assert [container.read(f"z{i}").shape for i in range(4)] == [(0,), (0, 7), (3, 0, 2), (0, 0)]
    assert container.read("w").tolist() == [97.0, 98.0]


def test_as_many_tensors_as_allowed_are_read_and_one_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forebear.files.formats.header.MAX_TENSORS", 5)
    for count, slow in ((5, False), (6, False), (6, True)):
        content = encode({str(i): ("U8", (1,), b"x") for i in range(count)})
        if slow:  # the count before parsing does not see this spelling
            content = content.replace(b'"data_offsets"', b'"data\\u005foffsets"')
            content = (len(content) - 8 - count).to_bytes(8, "little") + content[8:]
        path = write(tmp_path / "m.safetensors", content)
        if count == 5:
            assert len(SafetensorsContainer(path).tensors) == 5
        else:
            with pytest.raises(RefusedError, match="at most 5 are read"):
                SafetensorsContainer(path)
    assert MAX_TENSORS == 200_000


def test_a_read_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    size = 2**40
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    path = write(tmp_path / "m.safetensors", frame(header))
    with path.open("r+b") as file:
        file.truncate(8 + len(header) + size)  # sparse: takes no space
    container = SafetensorsContainer(path)
    with pytest.raises(RefusedError, match="too many at once"):
        container.read("w")
    assert container.rows("w", size - 2).tolist() == [0.0, 0.0]


def reference_reads(content: bytes) -> bool:
    try:
        load(content)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError):
        return False
    return True


def mutations(base: bytes) -> st.SearchStrategy[bytes]:
    """Small damage to a good file: a byte changed, cut, doubled, or a piece moved."""
    place = st.integers(0, len(base) - 1)

    def change(at: int, value: int) -> bytes:
        return base[:at] + bytes([value]) + base[at + 1 :]

    def double(at: int, length: int) -> bytes:
        return base[: at + length] + base[at:]

    return st.one_of(
        st.builds(change, place, st.integers(0, 255)),
        st.builds(lambda at: base[:at], place),
        st.builds(double, place, st.integers(1, 20)),
        st.builds(lambda at, length: base[:at] + base[at + length :], place, st.integers(1, 20)),
    )


BASE = encode({"a": ("F32", (2, 1), bytes(8)), "b": ("I64", (), bytes(8)), "c": ("F16", (0,), b"")}, {"k": "v"})


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations(BASE))
def test_damage_is_refused_or_harmless_and_never_more_trusting_than_the_reference(
    tmp_path: Path, content: bytes
) -> None:
    path = write(tmp_path / "m.safetensors", content)
    try:
        container = SafetensorsContainer(path)
    except RefusedError:
        return
    assert reference_reads(content)
    for name in container.tensors:
        assert container.read(name).shape == container.tensors[name].shape


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a million tensors": lambda: b"{" + b",".join(
        b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(1_000_000)
    ) + b"}",
    "too many tensors, spelt otherwise": lambda: b"{" + b",".join(
        b'"%d":{"dtype":"U8","shape":[0],"data\\u005foffsets":[0,0]}' % i for i in range(220_000)
    ) + b"}",
    "eight million lists": lambda: b'{"w":[' + b"[]," * 8_000_000 + b"[]]}",
    "twelve million sizes": lambda: b'{"w":{"dtype":"U8","shape":[' + b"0," * 12_000_000 + b'0],"data_offsets":[0,0]}}',
    "300,000 entries of metadata": lambda: b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(300_000)) + b"}}",
    "four million escapes": lambda: b'{"' + b"\\u0041" * 4_000_000 + b'":1}',
    "one number of 24 MB": lambda: b'{"w":{"dtype":"U8","shape":[' + b"9" * 24_000_000 + b'],"data_offsets":[0,0]}}',
    "24 MB of space": lambda: b"{" + b" " * 24_000_000,
    "24 MB of quotes": lambda: b"{" + b'"' * 24_000_000,
    "24 MB of backslashes": lambda: b'{"' + b"\\" * 24_000_000,
    "24 MB of braces": lambda: b"{" * 24_000_000,
}  # fmt: skip


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_header_costs_little_time_and_little_memory(tmp_path: Path, attack: str, watched: Any) -> None:
    path = write(tmp_path / "m.safetensors", frame(HOSTILE[attack]()))
    outcome = watched(path, max_header=100 * 2**20)
    assert outcome.refused
    assert (
        outcome.seconds < 15
    )  # of a processor of known speed; a second or two, and four for two hundred thousand escapes
    assert outcome.megabytes < 3 * path.stat().st_size / 2**20 + 200
