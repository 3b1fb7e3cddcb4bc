"""Empty, constant, NaN, Inf and huge arrays: a figure that claims nothing, or a refusal; never a warning or a crash."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from forebear.core.errors import ForebearError
from forebear.stats import alignment, audit, deck, describe, effect, gains, shared_start, sign, trace
from forebear.stats.audit_basis import channel_basis
from forebear.stats.audit_positions import sinusoid_positions

SHAPES = [(0, 0), (0, 5), (5, 0), (1, 1), (1, 5), (2, 3), (20, 4), (16, 1), (13, 13)]
FILLS = {"zero": 0.0, "one": 1.0, "nan": np.nan, "inf": np.inf, "huge": 3e38, "tiny": 1e-45}

CLAIMS: dict[str, Callable[[np.ndarray], bool]] = {  # True where something would be claimed
    "deck": lambda a: deck.deck(a, a).log10_p < -1,
    "mutual": lambda a: len(deck.mutual_best(a, a)[0]) > 3,
    "nearest": lambda a: int((deck.nearest_other(a)[0] >= 0).sum()) > 3,
    "trace": lambda a: trace.trace_test(trace.similarity(a, a)).log10_p < -1,
    "shuffles": lambda a: trace.shuffle_p(trace.similarity(a, a), "test/hostile", shuffles=19)[0] < 0.5,
    "gains": lambda a: gains.gains_test(a.ravel(), a.ravel(), "test/hostile", shuffles=19).applicable,
    "norms": lambda a: audit.norm_against_index(a).alarm,
    "neighbours": lambda a: audit.neighbours(a).alarm,
    "clones": lambda a: any(f.alarm for f in audit.cloned_units(a)),
    "basis": lambda a: any(f.alarm for f in channel_basis(a)),
    "waves": lambda a: sinusoid_positions(a).alarm,
}
CALLS: dict[str, Callable[[np.ndarray], object]] = {  # run for their manners only
    "sign": lambda a: sign.sign_z(sign.unit_products(a, a, centred=True)),
    "pooled": lambda a: sign.sign_z(sign.pooled([a.ravel(), a.ravel()])),
    "gate": lambda a: audit.gate_and_up(a, a),
    "signs": lambda a: audit.sign_convention(a),
    "dimension": lambda a: effect.effective_dimension(a, a),
    "rows": lambda a: effect.row_cosines(a, a),
    "describe": lambda a: describe.describe([a]),
    "layers": lambda a: alignment.align_layers(a),
    "assign": lambda a: alignment.assign(a),
    "start": lambda a: shared_start.shared_start(True, [1.0], a.ravel(), np.arange(float(a.size))),
}


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_degenerate_arrays_claim_nothing_and_warn_of_nothing(shape, fill):
    array = np.full(shape, FILLS[fill], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, claim in CLAIMS.items():
            try:
                claimed = claim(array)
            except ForebearError:
                continue
            assert not claimed, name
        for call in CALLS.values():
            with contextlib.suppress(ForebearError):
                call(array)


def test_the_same_calls_do_claim_where_there_is_something(rng):
    ramp = np.linspace(1, 9, 128)[:, None]
    copy = (ramp * rng.standard_normal((128, 32))).astype(np.float32)
    said = {name for name, claim in CLAIMS.items() if claim(copy)}
    assert {"deck", "mutual", "nearest", "trace", "shuffles", "gains", "norms", "neighbours"} <= said
    assert not {"clones", "waves"} & said
