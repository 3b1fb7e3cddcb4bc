"""Index audit: each structure that would fool a test is caught, and honest axes are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.stats import audit, thresholds
from forebear.stats.audit_basis import channel_basis, first_channel, hadamard_rotated, orthogonal_channels
from forebear.stats.audit_positions import sinusoid_positions
from forebear.stats.deck import deck, nearest_other
from tests.said import text
from tests.stats import twins


def honest(rng: np.random.Generator, n: int = 256, k: int = 64) -> np.ndarray:
    """Units of unequal norm with a shared direction and heavy tails: ugly, and exchangeable."""
    units = rng.standard_t(4, (n, k)) * rng.lognormal(0, 0.5, (n, 1))
    units[:, 0] += 2
    return units.astype(np.float32)


def every_unit_look(units: np.ndarray) -> list[audit.AuditFinding]:
    return [
        audit.norm_against_index(units, looks=7),
        audit.neighbours(units, looks=7),
        *audit.cloned_units(units, looks=7),
    ]


def test_honest_units_are_not_withheld_in_a_thousand_looks(seed):
    draws = np.random.default_rng(seed)
    alarms = [f.name for _ in range(150) for f in every_unit_look(honest(draws)) if f.alarm]
    assert alarms == []


def test_every_look_keeps_its_promised_rate_of_false_alarms(seed, monkeypatch):
    monkeypatch.setattr(thresholds, "AUDIT_LOG10_P", -1.0)
    draws = np.random.default_rng(seed)
    rates = {"norm": 0, "neighbours": 0, "lag": 0, "signs": 0, "waves": 0}
    for _ in range(300):
        units = honest(draws, 96, 24)
        units *= draws.choice([-1, 1], (96, 1))
        rates["norm"] += audit.norm_against_index(units).alarm
        rates["neighbours"] += audit.neighbours(units).alarm
        rates["lag"] += any(f.alarm for f in audit.cloned_units(units))
        rates["signs"] += audit.sign_convention(units).alarm
        rates["waves"] += sinusoid_positions(draws.standard_normal((32, 48)).cumsum(axis=0)).alarm
    for name, count in rates.items():
        assert count <= 30 + 4 * np.sqrt(27), name
    assert rates["norm"] >= 10  # the level is used, not merely respected


def test_sorted_by_norm_fools_the_deck_and_is_caught_even_after_noise(rng):
    units = honest(rng)
    ordered = units[np.argsort(np.linalg.norm(units, axis=1))]
    assert audit.norm_against_index(ordered).alarm
    assert audit.norm_against_index(ordered[::-1]).alarm
    assert audit.neighbours(ordered).alarm
    trained = ordered + 0.5 * np.std(units) * rng.standard_normal(units.shape)
    found = audit.norm_against_index(trained.astype(np.float32))
    assert found.alarm
    assert "follow the index" in text(found.words)
    assert not audit.norm_against_index(rng.permutation(ordered)).alarm


def test_blocks_of_unequal_strength_are_seen_by_neighbours_unless_they_are_known_blocks(rng):
    heads = np.repeat(rng.lognormal(0, 1, 12), 32)[:, None]
    units = (heads * rng.standard_normal((384, 64))).astype(np.float32)
    assert audit.neighbours(units).alarm
    assert not audit.neighbours(units, block=32).alarm
    assert not audit.norm_against_index(units, block=32).alarm
    ramp = np.tile(np.linspace(1, 2, 32), 12)[:, None]
    assert audit.norm_against_index(units * ramp, block=32).alarm
    assert audit.norm_against_index(units * ramp, block=32).value > 0.3
    with pytest.raises(IncomparableError):
        audit.neighbours(units, block=0)


def test_a_channel_ramp_in_a_vector_is_caught(rng):
    assert audit.norm_against_index(np.linspace(-6, 1, 64) + 0.2 * rng.standard_normal(64)).alarm
    assert not audit.norm_against_index(rng.standard_normal(64)).alarm
    assert not audit.norm_against_index(np.ones(64)).alarm
    assert audit.norm_against_index(np.ones(64)).value == 0


def test_one_key_for_all_layers_is_caught_by_the_self_deck(rng):
    start = rng.standard_normal((176, 64))
    layers = [(start + 0.8 * rng.standard_normal((176, 64))).astype(np.float32) for _ in range(4)]
    found = audit.self_decks([deck(layers[0], layers[1]).matched], looks=6, what=message("term.neurons"))
    assert found.alarm
    assert found.value > 120
    assert "one key" in text(found.words)
    pairs = [deck(layers[i], layers[j]).matched for i in range(4) for j in range(i)]
    assert audit.self_decks(pairs).alarm
    strangers = [honest(rng, 176) for _ in range(6)]
    pairs = [deck(strangers[i], strangers[j]).matched for i in range(6) for j in range(i)]
    assert not audit.self_decks(pairs).alarm
    assert not audit.self_decks([]).alarm
    assert audit.self_decks([7]).threshold == 8  # 1/8! is below 1e-4, 1/7! is not
    assert audit.self_decks([8]).alarm
    assert not audit.self_decks([8], looks=100).alarm


def test_mismatched_layers_alarm_above_three_on_average():
    assert not audit.mismatched_decks([1, 0, 2, 1]).alarm
    assert audit.mismatched_decks([4, 3, 5, 2]).alarm
    assert not audit.mismatched_decks([]).alarm


def test_clones_that_training_never_parted_are_caught_though_all_are_equally_near(rng):
    """Four equal shards stay equal under training: no unit has one nearest other, yet the lag shows."""
    units = np.tile(rng.standard_normal((32, 64)), (4, 1)).astype(np.float32)
    names = {f.name for f in audit.cloned_units(units) if f.alarm}
    assert {"lag 64", "lag 32"} <= names
    assert not any(f.alarm for f in audit.cloned_units(units[rng.permutation(128)]))
    assert not any(f.alarm for f in audit.cloned_units(np.tile(units[:1], (128, 1))))  # a constant layer says nothing


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_shards_drawn_with_one_key_are_caught_whole_or_sampled(rng, parts):
    shard = rng.standard_normal((512 // parts, 64))
    units = (np.tile(shard, (parts, 1)) + 0.7 * rng.standard_normal((512, 64))).astype(np.float32)
    alarms = [f.name for f in audit.cloned_units(units, what=message("term.neurons")) if f.alarm]
    assert f"lag {512 // parts}" in alarms
    place = audit.lag_sample(512, 16)
    assert len(place) == 128
    sampled = audit.cloned_units(units[place], positions=place, size=512, what=message("term.neurons"))
    assert any(f.alarm for f in sampled)
    shuffled = units[rng.permutation(512)]
    assert not any(f.alarm for f in audit.cloned_units(shuffled))
    largest = audit.cloned_units(units)[-1]
    assert (largest.threshold, largest.alarm) == (None, False)
    assert largest.value > 0.6


def test_lag_counts_equal_a_plain_loop(rng):
    units = rng.standard_normal((48, 6)).astype(np.float32)
    nearest, top, many = nearest_other(units)
    assert many.tolist() == [1] * 48
    for i in range(48):
        others = [(abs(twins.cosine(units[i], units[j])), j) for j in range(48) if j != i]
        assert nearest[i] == max(others)[1]
        assert top[i] == pytest.approx(max(others)[0], abs=1e-6)
    for finding, lag in zip(audit.cloned_units(units)[:3], (24, 12, 6), strict=True):
        pairs = {frozenset((i, int(j))) for i, j in enumerate(nearest) if (j - i) % 48 in (lag, 48 - lag)}
        assert finding.value == len(pairs)
        assert finding.expected == pytest.approx((48 if lag == 24 else 96) / 47)
    copies = np.vstack([np.tile(units[:1], (10, 1)), units[1:3], 0 * units[:1]])
    found = nearest_other(copies)
    assert found[0].tolist()[:10] == [-1] * 10
    assert found[2].tolist() == [9] * 10 + [1 if found[0][10] >= 0 else 10, 1 if found[0][11] >= 0 else 10, 0]
    assert audit.lag_sample(30, 4).tolist() == list(range(30))
    with pytest.raises(IncomparableError):
        audit.cloned_units(units, positions=np.arange(5))


def test_one_key_for_gate_and_up_is_caught_and_what_training_couples_is_not(rng):
    gate = rng.standard_normal((200, 64)).astype(np.float32)
    one_key = (gate + 0.5 * rng.standard_normal((200, 64))).astype(np.float32)
    coupled = (0.2 * gate + rng.standard_normal((200, 64))).astype(
        np.float32
    )  # mean |cos| as real layers have, and more
    assert audit.gate_and_up(gate, one_key).alarm
    found = audit.gate_and_up(gate, coupled)
    assert not found.alarm
    assert found.value > found.expected
    with pytest.raises(IncomparableError):
        audit.gate_and_up(gate, coupled[:5])


def test_fixed_signs_are_caught_and_free_ones_are_not(rng):
    units = rng.standard_normal((300, 40))
    fixed = units * np.sign(units[np.arange(300), np.abs(units).argmax(axis=1)])[:, None]
    assert audit.sign_convention(fixed).alarm
    assert audit.sign_convention(fixed).consequence == "withhold the sign test"
    assert not audit.sign_convention(fixed * rng.choice([-1, 1], (300, 1))).alarm
    assert audit.sign_convention(np.abs(units)).alarm
    assert not audit.sign_convention(np.zeros((5, 4))).alarm


def trained_embedding(rng: np.random.Generator, tokens: int = 600, d: int = 48) -> np.ndarray:
    """Correlated channels with a mean, like a real embedding."""
    return rng.standard_normal((tokens, d)) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d))) + rng.standard_normal(d)


@pytest.mark.parametrize("centre", [False, True])
def test_rotating_both_to_their_svd_basis_makes_strangers_match_and_the_audit_withholds(rng, centre):
    rotated = []
    for _ in range(2):
        embedding = trained_embedding(rng)
        clean = channel_basis(embedding.T)
        assert not any(f.alarm for f in clean)
        basis = np.linalg.svd(embedding - embedding.mean(axis=0) * centre, full_matrices=False)[2]
        rotated.append(embedding @ basis.T)
    names = [
        {f.name if f.what is None else f"{f.name}, {text(f.what)}" for f in channel_basis(e.T) if f.alarm}
        for e in rotated
    ]
    for found in names:
        assert "orthogonal channels" in found
        assert "norm against index, centred channels" in found
    sample = channel_basis(rotated[0][rng.permutation(600)[:100]].T)  # a few tokens only: sortedness still shows
    assert any(f.alarm for f in sample)
    mixed = rotated[0][:, rng.permutation(48)]
    assert orthogonal_channels(mixed.T).alarm
    assert not audit.norm_against_index(mixed.T).alarm


def test_orthogonality_equals_its_definition(rng):
    columns = rng.standard_normal((7, 30))
    cosines = [
        twins.cosine(columns[i] - c * columns[i].mean(), columns[j] - c * columns[j].mean()) ** 2
        for c in (0, 1)
        for i in range(7)
        for j in range(7)
        if i != j
    ]
    expected = 30 * min(np.mean(cosines[:42]), np.mean(cosines[42:]))
    assert orthogonal_channels(columns).value == pytest.approx(expected)
    assert not orthogonal_channels(np.ones((5, 9))).alarm


def test_a_shared_hadamard_rotation_is_caught_and_costs_one_channel(rng):
    plain = trained_embedding(rng, 400, 64) * rng.lognormal(0, 1.0, 64)
    hadamard = np.array([[1.0]])
    while len(hadamard) < 64:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    rotated = plain @ hadamard / 8
    found = hadamard_rotated(rotated.T)
    assert found.alarm
    assert found.consequence == "drop the first unit"
    assert not hadamard_rotated(plain.T).alarm
    assert not hadamard_rotated(trained_embedding(rng, 400, 64).T).alarm
    assert not hadamard_rotated(trained_embedding(rng, 400, 48).T).alarm
    assert "no plain Hadamard" in text(hadamard_rotated(trained_embedding(rng, 400, 48).T).words)
    loud = trained_embedding(rng, 400, 64)
    loud[:, 0] *= 100
    assert first_channel(loud.T).alarm
    assert not first_channel(loud[:, ::-1].T).alarm


def sinusoids(layout: str, count: int = 256, d: int = 64, base: float = 10_000.0, offset: int = 0) -> np.ndarray:
    angles = (np.arange(count) + offset)[:, None] / base ** (np.arange(d // 2) / (d // 2))
    if layout == "halves":
        return np.hstack([np.sin(angles), np.cos(angles)])
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(count, d)


@pytest.mark.parametrize("layout", ["halves", "interleaved"])
def test_sinusoidal_positions_are_caught_after_training_on_some_rows_and_with_other_bases(rng, layout):
    table = sinusoids(layout)
    noisy = table + 0.5 * rng.standard_normal(table.shape)
    rows = np.sort(rng.permutation(256)[:64])
    assert sinusoid_positions(table).alarm
    assert sinusoid_positions(noisy).alarm
    assert sinusoid_positions(0.02 * noisy[rows], positions=rows).alarm
    assert sinusoid_positions(sinusoids(layout, base=500.0, offset=2)).alarm
    assert sinusoid_positions(sinusoids(layout, count=512, d=384)).alarm
    assert not sinusoid_positions(noisy[:, rng.permutation(64)]).alarm
    assert not sinusoid_positions(rng.standard_normal((256, 64))).alarm
    assert not sinusoid_positions(rng.standard_normal((256, 64)).cumsum(axis=0)).alarm  # smooth waves in random order
    assert not sinusoid_positions(np.zeros((256, 64))).alarm
    assert not sinusoid_positions(table[:4]).alarm
    with pytest.raises(IncomparableError):
        sinusoid_positions(table, positions=np.arange(3))


def test_sinusoidal_positions_do_fool_the_channel_deck(rng):
    """Why it is withheld: two strangers whose tables started as the same sinusoids keep every fast channel in place."""
    tables = [sinusoids("halves") + 0.3 * rng.standard_normal((256, 64)) for _ in range(2)]
    assert deck(tables[0].T, tables[1].T).matched > 20
