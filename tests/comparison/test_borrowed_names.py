"""Anonymous and transposed linears take their names from the other side, by shape, content and place; gains with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from tests.comparison.variants import load

LINEAR = ("_proj.weight", "lm_head.weight")


def stored(folder, arrays):
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / "model.safetensors")
    return folder


def anonymous(arrays, *, turned, all_names=False):
    """The arrays as an ONNX export without biases holds them: linears nameless and (inputs, outputs), the rest named."""
    made = {}
    for at, (name, value) in enumerate(arrays.items()):
        linear = name.endswith(LINEAR)
        new = f"onnx::MatMul_{1000 + at}" if linear or all_names else name
        made[new] = value.T if linear and turned else value
    return made


def gains_compared(document):
    return next((e.get("norms") for e in document["evidence"] if e["test"] == "shared-start"), None)


@pytest.mark.parametrize("all_names", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_a_descendant_with_anonymous_linears_is_related_and_its_gains_are_compared(tmp_path, turned, all_names):
    folder = demo_folder()
    subject = stored(tmp_path / "m", anonymous(load(folder / "descendant"), turned=turned, all_names=all_names))
    document, plain = (forebear.compare(s, [folder / "base"]) for s in (subject, folder / "descendant"))
    assert document["verdict"]["relation"] == plain["verdict"]["relation"] == "related"
    if all_names:  # a gain beside a matrix that was given no name has no place
        assert 5 <= gains_compared(document) <= gains_compared(plain)
    else:
        assert gains_compared(document) == gains_compared(plain) == 9


@pytest.mark.parametrize("turned", [False, True])
def test_a_stranger_with_anonymous_linears_is_no_relation(tmp_path, turned):
    folder = demo_folder()
    subject = stored(tmp_path / "m", anonymous(load(folder / "independent"), turned=turned))
    assert forebear.compare(subject, [folder / "base"])["verdict"]["relation"] in ("no-evidence", "cannot-tell")


def test_gains_in_another_order_are_not_borrowed(tmp_path):
    folder = Path(demo_folder())
    arrays = load(folder / "descendant")
    order = sorted(arrays, key=lambda n: (arrays[n].ndim, n))  # all vectors first: their places say nothing
    subject = stored(tmp_path / "m", {f"onnx::MatMul_{1000 + i}": arrays[n] for i, n in enumerate(order)})
    document = forebear.compare(subject, [folder / "base"])
    assert document["verdict"]["relation"] == "related"
    assert not gains_compared(document)
