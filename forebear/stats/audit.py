"""Index audit of one file by itself (METHODS §8): does the order of its units carry content? Then order proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log, log10, sqrt
from typing import NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.stats import thresholds
from forebear.stats.arrays import F32, F64, I32, I64, LN10, Floats, as_float64, unit_rows
from forebear.stats.deck import TIE_GAP, deck_log10_p, nearest_other
from forebear.stats.normal import normal_z
from forebear.stats.ranks import centred_ranks, rising_ranks


class AuditFinding(NamedTuple):
    """One look at one axis of one file.

    name:        the check; what: the units it looked at.
    value:       what was measured; expected: what chance gives under exchangeability.
    threshold:   where it alarms; None for figures that only describe.
    alarm:       the axis is withheld: tests on it are reported and do not decide.
    words:       what it says to the reader.
    consequence: "withhold" the axis (or the sign test), or "drop the first unit".
    """

    name: str
    value: float
    expected: float
    threshold: float | None
    alarm: bool
    words: Message
    consequence: str = "withhold"
    what: Message | None = None


UNITS, LAYERS = message("term.units"), message("term.layers")


def row_norms(units: Floats) -> F64:
    """Euclidean norm of every row in float64; NaN where a row holds NaN or Inf. Shapes: (n, k) -> (n,)."""
    with np.errstate(all="ignore"):
        norms: F64 = np.sqrt(np.einsum("ij,ij->i", units, units, dtype=np.float64))
    norms[~np.isfinite(norms)] = np.nan
    return norms


def norm_against_index(
    values: Floats, *, block: int | None = None, looks: float = 1, what: Message = UNITS
) -> AuditFinding:
    """Do norms rise or fall along the axis? Catches sorting by norm, singular value or importance, and channel ramps.

    Shapes:  (n,) norms (or any one number per unit), or (n, k) units whose norms are taken.
    block:   size of known blocks (value dimensions of one head); order is then judged inside blocks only, as heads differ.
    looks:   audit looks this one belongs to; the level is `thresholds.AUDIT_LOG10_P`, two-sided.
    Null:    under exchangeability Spearman's rho sqrt(n - 1) is normal in the middle and lighter in the tail.
    Source:  METHODS §8.
    """
    numbers = row_norms(values) if values.ndim == 2 else as_float64(values)
    z, scale = _index_z(numbers, block)
    return _order_finding("norm against index", "audit.follow_index", z, scale, looks, what)


def neighbours(values: Floats, *, block: int | None = None, looks: float = 1, what: Message = UNITS) -> AuditFinding:
    """Are the norms of neighbours alike? Catches blocks, waves and partial sorting that have no overall slope.

    Shapes, block, looks: as `norm_against_index`. Neighbours never straddle two blocks.
    Source:  METHODS §8.
    """
    numbers = row_norms(values) if values.ndim == 2 else as_float64(values)
    z, scale = _neighbour_z(numbers, block)
    return _order_finding("neighbours", "audit.neighbours_alike", z, scale, looks, what)


def self_decks(matched: Sequence[int], *, looks: float | None = None, what: Message = LAYERS) -> AuditFinding:
    """The largest of several self-decks of one file (`deck(...).matched` of pairs of its own layers).

    looks: at least the number of pairs, the default.
    """
    most = max(matched, default=0)
    count = max(float(len(matched)), looks or 1.0)
    needed = 1
    while deck_log10_p(needed, count) > thresholds.AUDIT_LOG10_P:
        needed += 1
    alarm = most >= needed
    words = message(_key("audit.one_key", alarm), what=what, count=most)
    return AuditFinding("self-deck", float(most), 1.0, float(needed), alarm, words, what=what)


def mismatched_decks(matched: Sequence[int], *, what: Message = LAYERS) -> AuditFinding:
    """Mean matches of layers of A with layers of B that do not belong together; above 3 the index carries content.

    matched: at least one count. Source: METHODS §8, §9.
    """
    mean = float(np.mean(matched)) if len(matched) else 0.0
    alarm = mean > thresholds.MISMATCHED_MEAN
    words = message("audit.mismatched", what=what, mean=mean)
    return AuditFinding("mismatched deck", mean, 1.0, thresholds.MISMATCHED_MEAN, alarm, words, what=what)


def lag_sample(size: int, each: int) -> I64:
    """Positions to read for `cloned_units` without reading a layer whole: some of one eighth, and their seven images.

    size: units in the layer; each: at most this many per eighth. All positions where eight does not divide the size.
    """
    if size % 8 or size < 16:
        return np.arange(size, dtype=np.int64)
    eighth = size // 8
    base = evenly(eighth, each).astype(np.int64)
    return (base[None, :] + eighth * np.arange(8)[:, None]).ravel()


def cloned_units(
    units: Floats, *, positions: I64 | None = None, size: int | None = None, looks: float = 1, what: Message = UNITS
) -> tuple[AuditFinding, ...]:
    """Nearest neighbours at half, a quarter and an eighth of the layer (shards drawn with one key), and the largest |cos|.

    Shapes:    (n, k). positions: (n,) where these rows sit in a layer of `size` units; default all of them, in order.
    Null:      a unit's nearest other sits at a given lag with chance (partners at that lag) / (n - 1); the count of pairs is
               compared with a Poisson of that mean. Exact copies are all nearest, and raise the mean accordingly.
    Returns:   one finding per lag, and one that only describes.
    Source:    METHODS §8.
    """
    place = np.arange(len(units), dtype=np.int64) if positions is None else positions
    total = int(size if size is not None else len(units))
    if len(place) != len(units):
        raise incomparable(message("arrays.positions", units=len(units), count=len(place)))
    _, top, many = nearest_other(units)
    layer = _Layer(place, total, unit_rows(units)[0], top, many)
    found = []
    for share in (2, 4, 8):
        if total % share == 0 and total // share > 1 and len(units) > 2:
            found.append(_lag_finding(layer, total // share, looks * 3, what))
    most = float(top.max(initial=0.0))
    words = message("audit.nearest", what=what, cosine=most)
    found.append(AuditFinding("largest cosine", most, 0.0, None, False, words, what=what))
    return tuple(found)


def gate_and_up(gate: Floats, up: Floats) -> AuditFinding:
    """Mean |cos(g_i, u_i)|: gate and up drawn with one key make every neuron its own twin.

    Shapes:   (f, d), (f, d). expected is measured out of place; training by itself couples the two a little, so the
              threshold is far above chance.
    Raises:   IncomparableError if shapes differ.
    Source:   METHODS §8, §9.
    """
    if gate.shape != up.shape or gate.ndim != 2:
        raise incomparable(message("arrays.gate_up", a=str(gate.shape), b=str(up.shape)))
    (g, usable_g), (u, usable_u) = unit_rows(gate), unit_rows(up)
    both = usable_g & usable_u
    value = float(np.abs(np.einsum("ij,ij->i", g, u))[both].mean()) if both.any() else 0.0
    away = float(np.abs(np.einsum("ij,ij->i", g, np.roll(u, 1, axis=0))).mean()) if len(g) > 1 else 0.0
    alarm = value >= thresholds.GATE_UP_COSINE
    words = message("audit.gate_and_up", cosine=value, away=away)
    return AuditFinding("gate and up", value, away, thresholds.GATE_UP_COSINE, alarm, words)


def sign_convention(units: Floats, *, looks: float = 1, what: Message = UNITS) -> AuditFinding:
    """Do units point one way? Forms with fixed signs (an SVD's largest entry made positive) void the sign test.

    Shapes:  (n, k). Only for axes whose signs METHODS §5 calls free.
    Null:    signs of the largest entry, and of the sum, are fair coins; Hoeffding, two-sided, two looks.
    Source:  METHODS §5, §8.
    """
    safe, usable = unit_rows(units)
    safe = safe[usable]
    n = len(safe)
    if not n:
        return AuditFinding("sign convention", 0.0, 0.0, 0.0, False, message("audit.unusable", what=what), what=what)
    largest = safe[np.arange(n), np.abs(safe).argmax(axis=1)]
    sums = safe.sum(axis=1, dtype=np.float64)
    z = max(abs(float(np.sign(signs).sum())) / sqrt(n) for signs in (largest, sums))
    level = sqrt(2 * (log(4 * max(looks, 1)) - thresholds.AUDIT_LOG10_P * LN10))
    alarm = z > level
    words = message(_key("audit.sign_convention", alarm), what=what, z=z, level=level)
    return AuditFinding("sign convention", z, 0.0, level, alarm, words, "withhold the sign test", what)


class _Layer(NamedTuple):
    """Units of one layer, where they sit, how near their nearest other is and how many are that near."""

    place: I64
    size: int
    unit: F32
    top: F32
    many: I32


def _index_z(values: F64, block: int | None) -> tuple[float, float]:
    """Pooled z of Spearman with the index inside blocks, and the factor that turns z into a correlation."""
    parts = _blocks(values, block)
    zs = []
    for part in parts:
        index = np.flatnonzero(np.isfinite(part))
        x, y = centred_ranks(part[index]), rising_ranks(len(index))
        if x is not None and y is not None:
            zs.append(float(x @ y) * sqrt(len(index) - 1))
    if not zs:
        return 0.0, 1.0
    return sum(zs) / sqrt(len(zs)), 1.0 / sqrt(max(1, len(values) - len(zs)))


def _neighbour_z(values: F64, block: int | None) -> tuple[float, float]:
    """Pooled z of the rank correlation of each unit with the next of its block."""
    zs = []
    for part in _blocks(values, block):
        ranks = centred_ranks(part[np.isfinite(part)])
        if ranks is not None and len(ranks) > 3:
            n = len(ranks)
            # sum of neighbours' products under shuffles: mean -1/n, variance close to 1/n
            zs.append((float(ranks[:-1] @ ranks[1:]) + 1 / n) * sqrt(n))
    if not zs:
        return 0.0, 1.0
    return sum(zs) / sqrt(len(zs)), 1.0 / sqrt(max(1, len(values)))


def _blocks(values: F64, block: int | None) -> list[F64]:
    if block is None or block >= len(values):
        return [values]
    if block < 1:
        raise incomparable(message("arrays.block", count=block))
    return [values[start : start + block] for start in range(0, len(values), block)]


def _key(key: str, alarm: bool) -> str:
    """The key of what a look says: its own when it alarms, that of its opposite otherwise."""
    return key if alarm else f"{key}_not"


def _order_finding(name: str, key: str, z: float, scale: float, looks: float, what: Message) -> AuditFinding:
    level = normal_z(thresholds.AUDIT_LOG10_P - log10(2 * max(looks, 1)))
    alarm = abs(z) > level
    words = message(_key(key, alarm), what=what, rho=z * scale, z=z, level=level)
    return AuditFinding(name, z * scale, 0.0, level * scale, alarm, words, what=what)


def _lag_finding(layer: _Layer, lag: int, looks: float, what: Message) -> AuditFinding:
    order = np.argsort(layer.place)
    ordered = layer.place[order]
    pairs: set[tuple[int, int]] = set()
    mean = 0.0
    for shift in {lag, layer.size - lag}:
        wanted = (layer.place + shift) % layer.size
        at = np.clip(np.searchsorted(ordered, wanted), 0, len(ordered) - 1)
        here = np.flatnonzero(ordered[at] == wanted)
        there = order[at[here]]
        mean += float(layer.many[here].sum()) / (len(layer.place) - 1)
        cosines = np.abs(np.einsum("ij,ij->i", layer.unit[here], layer.unit[there]))
        hits = (layer.many[here] > 0) & (cosines >= layer.top[here] - TIE_GAP)
        pairs |= {(min(i, k), max(i, k)) for i, k in zip(here[hits].tolist(), there[hits].tolist(), strict=True)}
    needed = _poisson_threshold(mean, thresholds.AUDIT_LOG10_P - log10(max(looks, 1)))
    alarm = len(pairs) >= needed
    words = message(_key("audit.lag", alarm), count=len(pairs), what=what, lag=lag, mean=mean)
    return AuditFinding(f"lag {lag}", float(len(pairs)), mean, float(needed), alarm, words, what=what)


def _poisson_threshold(mean: float, log10_level: float) -> int:
    """Smallest k that a Poisson variable reaches with at most this chance."""
    level = 10.0**log10_level
    k, below = 0, 0.0
    while 1.0 - below > level and k < 10_000:
        below += exp(k * log(mean) - mean - lgamma(k + 1)) if mean > 0 else float(k == 0)
        k += 1
    return max(k, 1)
