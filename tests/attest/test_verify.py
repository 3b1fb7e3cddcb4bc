"""What a chain proves, on runs with a known answer; and each attack that a line is there for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import forebear
from forebear.attest import starts
from forebear.attest.chain import read_chain
from forebear.attest.commitment import canonical
from forebear.attest.initialiser import initial_weights
from forebear.cli.application import app
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.recipes.steps.model import write_safetensors
from forebear.reports.catalogue import catalogue
from tests.attest.runs import CONFIG, PAST, ROUND, VALUE, Kept, Weights, adam, announced, honest, plain, states

FOREIGN = 424242


def foreign() -> Weights:
    return adam(initial_weights(CONFIG, FOREIGN), [(1e-3, 0.0)] * 4, 5)


def test_an_honest_run_with_a_commitment_is_proven(tmp_path: Path) -> None:
    document = honest(tmp_path).verify()
    assert document["conclusion"]["outcome"] == "start-proven"
    assert document["conclusion"]["log10_p"] <= -9
    found = states(document)
    for line in ("seed", "final", "chain", "start-direct", "start-by-chain", "neighbours", "share", "steps", "pace"):
        assert found[line] == "proven", line
    assert found["rest"] == found["time"] == found["source"] == "not-proven"
    assert [row["is_start"] for row in document["chain"]] == [True, False, False, False]


def test_a_start_whose_record_is_shown_is_not_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = honest(tmp_path)
    before = kept.verify()
    held = starts.held
    monkeypatch.setattr(starts, "held", lambda *_: pytest.fail("drawn whole"))
    after = kept.verify()
    assert {k: after[k] for k in ("conclusion", "chain", "proves")} == {k: before[k] for k in ("conclusion", "chain", "proves")}
    monkeypatch.setattr(starts, "held", held)
    unseen = forebear.attest_verify(kept.run, kept.shown[-1], checkpoints=kept.shown[1:-1])
    assert unseen["conclusion"]["outcome"] == "start-proven"


def test_a_rollback_is_named_and_contradicts_nothing(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    back = _loaded(kept.shown[1])
    kept.save(6, back)
    kept.log += [(6 + k, 1e-4, 0.1) for k in range(6)]
    kept.save(12, adam(back, [(1e-4, 0.1)] * 6, 900))
    document = kept.verify()
    assert [(e["key"], e["values"]["record"], e["values"]["to"]) for e in document["events"]] == [("attest.rollback", 4, 1)]
    assert document["conclusion"]["outcome"] == "start-proven"
    assert document["chain"][5]["before"] == 4


@pytest.mark.parametrize(("step", "rate"), [(9, 1e-4), (12, 1e-4), (12, 1e-3)])
def test_a_rollback_whose_first_record_is_already_trained_contradicts_nothing(tmp_path: Path, step: int, rate: float) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    kept.log = [(k, 1e-4, 0.1) for k in range(6)]
    first = adam(kept.start, [(1e-4, 0.1)] * 6, 1)
    kept.save(6, first)
    kept.log += [(6 + k, 1e-4, 0.1) for k in range(6)]
    kept.save(12, adam(first, [(1e-4, 0.1)] * 6, 2))
    kept.log += [(k, rate, 0.1) for k in range(6, step)]
    kept.save(step, adam(first, [(rate, 0.1)] * (step - 6), 3))
    document = kept.verify()
    assert [e["key"] for e in document["events"]] == ["attest.rollback_other"]
    assert document["conclusion"]["outcome"] == "start-proven"
    assert document["chain"][3]["before"] == 1


def test_a_log_whose_steps_are_counted_from_1_misses_none(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    weights = kept.start
    kept.save(0, weights)
    for number in range(2):
        kept.log += [(6 * number + k + 1, 1e-4, 0.1) for k in range(6)]
        weights = adam(weights, [(1e-4, 0.1)] * 6, number)
        kept.save(6 * number + 6, weights)
    assert kept.verify()["conclusion"]["outcome"] == "start-proven"


@pytest.mark.parametrize("first", [0, 1])
def test_the_log_of_a_finished_run_serves_every_record(tmp_path: Path, first: int) -> None:
    kept = Kept(tmp_path)
    kept.log = [(k + first, 1e-4 * (1 + k), 0.1) for k in range(12)]
    weights = kept.start
    kept.save(0, weights)
    for number in range(2):
        rates = [(1e-4 * (1 + k), 0.1) for k in range(6 * number, 6 * number + 6)]
        weights = adam(weights, rates, number)
        kept.save(6 * number + 6, weights)
    document = kept.verify()
    assert document["conclusion"]["outcome"] == "start-proven"
    assert [record["span"]["rate_sum"] for record in read_chain(kept.run / "chain.jsonl")[1:]] == pytest.approx([2.1e-3, 5.7e-3])


@pytest.mark.parametrize(("first", "last", "steps", "said"), [
    (1, 12, (6, 12), "attest.log_stated"), (1, 11, (6, 12), "attest_open.log_gaps"), (1, 12, (6,), "attest_counted.untold"),
    (0, 11, (6, 12), "attest.log_stated"), (1, 12, (6, 12, 13), "attest_counted.untold"),
])  # fmt: skip
def test_a_log_that_lacks_its_first_step_is_told_from_one_that_counts_from_1_by_the_record_at_its_end(tmp_path, first, last, steps, said):
    kept = Kept(tmp_path)
    kept.log = [(k, 1e-4, 0.1) for k in range(first, last + 1)]
    weights, done = kept.start, 0
    kept.save(0, weights)
    for number, step in enumerate(steps):
        weights = adam(weights, [(1e-4, 0.1)] * (step - done), number)
        kept.save(step, weights)
        done = step
    line = next(ln for ln in kept.verify()["does_not_prove"] if ln["line"] == "log")
    assert line["said"]["key"] == said


def test_a_gap_of_the_log_is_said_when_the_record_is_made(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    place = kept.save(0, kept.start)
    log = tmp_path / "gaps.csv"
    log.write_text("step,lr\n" + "".join(f"{k},1e-4\n" for k in range(6) if k != 3))
    said = forebear.attest_record(kept.run, 6, place, log=log)
    gap = next(limit for limit in said["limits"] if limit["key"] == "attest_record.log_gaps")
    assert gap["values"] == {"missing": 1, "first": 0, "last": 6}


def test_a_warm_restart_is_named(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    rates = [1e-4, 1e-4, 5e-5, 2e-5, 1e-4, 1e-4]
    kept.log = [(k, r, 0.1) for k, r in enumerate(rates)]
    kept.save(6, adam(kept.start, [(r, 0.1) for r in rates], 3))
    assert [(e["key"], e["values"]["step"]) for e in kept.verify()["events"]] == [("attest.restart", 4)]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_model_that_was_swapped_in_is_named(tmp_path: Path, at: int) -> None:
    other = foreign()
    kept = honest(tmp_path, change=lambda number, weights: other if number == at else weights)
    document = kept.verify()
    found = states(document)
    assert document["conclusion"]["outcome"] == "unexplained"
    assert found["neighbours"] == found["share"] == "unexplained"
    assert found["start-by-chain"] == "not-proven"
    jump = next(ln for ln in document["does_not_prove"] if ln["line"] == "neighbours")
    assert at in jump["said"]["values"]["records"]


def test_a_grafted_layer_is_named(tmp_path: Path) -> None:
    other = foreign()

    def graft(number: int, weights: Weights) -> Weights:
        return {n: other[n] if number == 2 and ".layers.1." in n else w for n, w in weights.items()}

    document = honest(tmp_path, change=graft).verify()
    torn = next(ln for ln in document["does_not_prove"] if ln["line"] == "neighbours")
    assert torn["state"] == "unexplained"
    assert torn["said"]["values"]["places"][0]["values"] == {"record": 2, "layers": (1,)}


def test_another_start_than_the_committed_one_is_unexplained(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(0, foreign())
    kept.save(6, adam(foreign(), [(1e-4, 0.1)] * 6, 4))
    found = states(kept.verify())
    assert found["seed"] == "unexplained"
    assert "start-by-chain" not in found


def test_a_path_straight_to_another_model_is_a_hint_and_its_shares_are_unexplained(tmp_path: Path) -> None:
    kept, other = Kept(tmp_path), foreign()
    for number in range(5):
        share = number / 4
        kept.log += [(6 * number - 6 + k, 1e-2, 0.1) for k in range(6)] if number else []
        kept.save(6 * number, {n: ((1 - share) * a + share * other[n]).astype(np.float32) for n, a in kept.start.items()})
    found = states(kept.verify())
    assert found["share"] == "unexplained"
    assert found["path"] == "not-proven"
    assert found["neighbours"] == "proven"  # each is near the one before: this line alone does not catch it


def test_a_log_with_smaller_rates_does_not_explain_the_weights(tmp_path: Path) -> None:
    kept = honest(tmp_path, rate=1e-3)
    assert states(kept.verify())["pace"] == "proven"
    forged = Kept(tmp_path / "forged")
    for number, place in enumerate(kept.shown):
        forged.log = [(s, r / 50, d) for s, r, d in kept.log[: 6 * number]]
        forged.save(6 * number, _loaded(place))
    found = states(forged.verify())
    assert found["steps"] == found["pace"] == "unexplained"


def test_steps_that_the_log_leaves_out_are_counted(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    again = Kept(tmp_path / "again")
    for number, place in enumerate(kept.shown):
        again.log = [line for line in kept.log[: 6 * number] if line[0] not in (7, 8)]
        again.save(6 * number, _loaded(place))
    gap = next(ln for ln in again.verify()["does_not_prove"] if ln["line"] == "log")
    assert (gap["state"], gap["said"]["values"]["steps"], gap["said"]["values"]["records"]) == ("not-proven", 2, (2,))


def test_a_run_that_logs_every_second_step_contradicts_nothing(tmp_path: Path) -> None:
    kept, sparse = honest(tmp_path), Kept(tmp_path / "sparse")
    sparse.commitment = kept.commitment
    for number, place in enumerate(kept.shown):
        sparse.log = [line for line in kept.log[: 6 * number] if line[0] % 2]
        sparse.save(6 * number, _loaded(place))
    document = sparse.verify()
    assert document["conclusion"]["outcome"] == "start-proven"
    said = next(ln["said"] for ln in document["does_not_prove"] if ln["line"] == "log")
    assert "seen by no line" in catalogue("en").text(said)
    assert {"steps", "pace", "share"}.isdisjoint({ln["line"] for ln in document["proves"]})


def test_a_chain_backwards_is_named(tmp_path: Path) -> None:
    kept, back = honest(tmp_path), Kept(tmp_path / "back")
    back.commitment = kept.commitment  # one made in another second has another seed
    for number, place in enumerate(kept.shown[::-1]):
        back.log = kept.log[: 6 * number]
        back.save(6 * number, _loaded(place))
    found = states(back.verify())
    assert found["seed"] == found["start-by-chain"] == "unexplained"


def test_lines_moved_or_taken_out_break_the_chain(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    path = kept.run / "chain.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    broken = next(ln for ln in kept.verify()["does_not_prove"] if ln["line"] == "chain")
    assert broken["said"]["values"]["records"] == (1,), "the place where one is missing, and no later one"


def _again(path: Path, change: Callable[[int, dict[str, Any]], None]) -> None:
    """Write a chain anew with changed records, each naming the line before it as it stands now."""
    before, lines = "", []
    for at, line in enumerate(path.read_bytes().splitlines()):
        record = json.loads(line)
        change(at, record)
        lines.append(canonical(record | {"previous": before}))
        before = hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def _of_log(document: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    lines = [ln for ln in (*document["proves"], *document["does_not_prove"]) if ln["line"] == "log-file"]
    return [(ln["state"], ln["said"]["key"], tuple(ln["said"]["values"].get("records", ()))) for ln in lines]


def test_the_log_of_a_run_is_known_again_by_every_record(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    document = kept.verify(log=[tmp_path / "log.csv"])
    assert _of_log(document) == [("proven", "attest_log.same", (0, 1, 2, 3))]
    assert all(f"attest_line.{ln['line']}" in catalogue().words for ln in (*document["proves"], *document["does_not_prove"]))
    assert document["conclusion"]["outcome"] == kept.verify()["conclusion"]["outcome"]
    assert _of_log(kept.verify()) == []


@pytest.mark.parametrize(("line", "other"), [(0, (1, 2, 3)), (7, (2, 3)), (17, (3,))])
def test_a_line_of_the_log_that_was_changed_later_is_named_by_the_records_it_stood_in(
    tmp_path: Path, line: int, other: tuple[int, ...]
) -> None:
    kept = honest(tmp_path)
    log = tmp_path / "log.csv"
    rows = log.read_text().splitlines()
    rows[1 + line] = rows[1 + line].replace("0.1", "0.2")
    log.write_text("\n".join(rows) + "\n")
    document = kept.verify(log=[log])
    same = tuple(at for at in range(4) if at not in other)
    assert _of_log(document) == [("proven", "attest_log.same", same), ("unexplained", "attest_log.other", other)]
    assert document["conclusion"]["outcome"] == "unexplained"


def test_a_log_that_is_none_is_refused_whatever_the_records_hold(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)))
    with pytest.raises(RefusedError, match=r"noise\.bin"):
        kept.verify(log=[noise])


def test_sums_that_do_not_follow_from_their_log_are_named(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    _again(kept.run / "chain.jsonl", lambda at, record: record["span"].update(rate_sum=1.0) if at == 2 else None)
    document = kept.verify(log=[tmp_path / "log.csv"])
    assert _of_log(document) == [("proven", "attest_log.same", (0, 1, 3)), ("unexplained", "attest_log.apart", (2,))]


def test_logs_in_several_files_are_each_known_by_their_records(tmp_path: Path) -> None:
    kept, logs = honest(tmp_path / "a"), []
    other = Kept(tmp_path / "b")
    other.commitment = kept.commitment
    for number, place in enumerate(kept.shown):
        other.log = kept.log[6 * (number - 1) : 6 * number] if number else []
        other.save(6 * number, _loaded(place))
        logs.append((tmp_path / "b" / "log.csv").rename(tmp_path / f"log-{number}.csv"))
    assert _of_log(other.verify(log=logs)) == [("proven", "attest_log.same", (0, 1, 2, 3))]
    assert _of_log(other.verify(log=logs[:2])) == [
        ("proven", "attest_log.same", (0, 1)), ("unexplained", "attest_log.other", (2, 3)),
    ]  # fmt: skip


def test_without_checkpoints_a_chain_proves_only_itself(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    document = forebear.attest_verify(kept.run)
    assert [ln["line"] for ln in document["proves"]] == ["seed", "chain"]
    found = states(document)
    assert found["final"] == found["neighbours"] == found["start-by-chain"] == "not-proven"
    assert all(row["screen"] is not None for row in document["chain"][1:])


def test_an_earlier_record_may_be_the_final_model_and_is_what_the_start_is_proven_of(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    document = forebear.attest_verify(kept.run, kept.shown[1], checkpoints=[kept.shown[0]])
    final = next(ln["said"] for ln in document["proves"] if ln["line"] == "final")
    assert (final["key"], dict(final["values"])) == ("attest_open.final_earlier", {"record": 1, "last": 3})
    assert document["conclusion"]["outcome"] == "start-proven"
    assert states(document)["start-by-chain"] == "proven"


def test_of_a_final_model_that_is_no_record_nothing_is_proven(tmp_path: Path) -> None:
    kept, stray = honest(tmp_path), Kept(tmp_path / "stray")
    stray.save(0, foreign())
    document = forebear.attest_verify(kept.run, stray.shown[0], checkpoints=kept.shown)
    assert states(document)["final"] == "not-proven"
    assert states(document)["start-by-chain"] == "proven"
    assert (document["conclusion"]["outcome"], document["conclusion"]["log10_p"]) == ("start-not-proven", None)


def test_a_checkpoint_that_is_no_record_is_named_and_accuses_nobody(tmp_path: Path) -> None:
    kept, stray = honest(tmp_path), Kept(tmp_path / "stray")
    stray.save(0, foreign())
    document = forebear.attest_verify(kept.run, kept.shown[-1], checkpoints=[*kept.shown[:-1], stray.shown[0]])
    assert states(document)["shown"] == "not-proven"
    assert document["conclusion"]["outcome"] == "start-proven"


def test_a_first_record_of_a_later_step_contradicts_no_commitment(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    weights = adam(kept.start, [(1e-4, 0.1)] * 6, 4)
    kept.save(6, weights)
    kept.log = [(6 + k, 1e-4, 0.1) for k in range(6)]
    kept.save(12, adam(weights, [(1e-4, 0.1)] * 6, 5))
    document = kept.verify()
    assert states(document)["seed"] == "not-proven"
    assert document["conclusion"]["outcome"] == "start-proven"


def _foreign_with_a_share(kept: Kept) -> Weights:
    other = foreign()
    return {n: (0.5 * a + other[n]).astype(np.float32) for n, a in kept.start.items()}


@pytest.mark.parametrize("fitted", [False, True], ids=["no log", "a log made to fit"])
def test_another_model_that_took_a_share_of_the_start_shows_knowledge_and_no_more(tmp_path: Path, fitted: bool) -> None:
    """Without a log, or with rates so high and a decay so chosen that every line on the log agrees."""
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    last = _foreign_with_a_share(kept)
    if fitted:
        matrices = [n for n, a in kept.start.items() if a.ndim == 2]
        inner = sum(float(np.vdot(kept.start[n], last[n])) for n in matrices)
        left = inner / sum(float(np.vdot(kept.start[n], kept.start[n])) for n in matrices)
        kept.log = [(k, 1.0, -np.log(left) / 24) for k in range(24)]
    kept.save(24, last)
    document = kept.verify()
    assert states(document)["start-direct"] == "proven"
    assert (document["conclusion"]["outcome"], document["conclusion"]["open_links"]) == ("start-known", (1,))
    assert document["conclusion"]["unexplained"] == ()
    with pytest.raises(ExpectationError, match="start-known"):
        kept.verify(expect="start-proven")
    kept.verify(expect="explained")


@pytest.mark.parametrize("layers", [("1",), ("0", "1", "2")], ids=["one", "all"])
def test_layers_put_in_without_a_log_leave_the_start_known_and_not_proven(tmp_path: Path, layers: tuple[str, ...]) -> None:
    other = foreign()

    def graft(number: int, weights: Weights) -> Weights:
        return {n: other[n] if number == 3 and n.split(".")[2:3] and n.split(".")[2] in layers else w for n, w in weights.items()}

    kept = Kept(tmp_path)
    weights = kept.start
    kept.save(0, weights)
    for number in range(1, 4):
        weights = graft(number, adam(weights, [(1e-4, 0.1)] * 6, 100 + number))
        kept.save(6 * number, weights)
    document = kept.verify()
    assert states(document)["start-by-chain"] == "proven"
    assert (document["conclusion"]["outcome"], document["conclusion"]["open_links"]) == ("start-known", (3,))


def test_a_chain_whose_ends_of_lines_a_copy_has_changed_is_whole(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    chain = kept.run / "chain.jsonl"
    chain.write_bytes(chain.read_bytes().replace(b"\n", b"\r\n"))
    assert states(kept.verify())["chain"] == "proven"
    kept.save(18, kept.start)
    assert states(kept.verify())["chain"] == "proven"


def test_records_too_rare_for_their_decay_are_not_called_a_jump(tmp_path: Path) -> None:
    """Nothing of the start is left at the second record, as the log says: an honest run that records twice."""
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    kept.log = [(k, 1e-2, 100.0) for k in range(24)]
    kept.save(24, adam(kept.start, [(1e-2, 100.0)] * 24, 6))
    document = kept.verify()
    line = next(ln for ln in document["does_not_prove"] if ln["line"] == "neighbours")
    assert (line["state"], line["said"]["key"]) == ("not-proven", "attest_open.jumps")
    assert document["conclusion"]["outcome"] == "start-not-proven"


@pytest.mark.parametrize("newly", [False, True])
def test_a_rollback_without_a_record_is_read_from_the_log(tmp_path: Path, newly: bool) -> None:
    """Trained on from record 12 to step 14, gone back to record 6, and recorded at step 18. newly: with a log that begins there."""
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    kept.log = [(k, 1e-5, 0.1) for k in range(6)]
    first = adam(kept.start, [(1e-5, 0.1)] * 6, 1)
    kept.save(6, first)
    kept.log += [(6 + k, 1e-2, 0.1) for k in range(6)]
    kept.save(12, adam(first, [(1e-2, 0.1)] * 6, 2))
    after = [(6 + k, 1e-5, 0.1) for k in range(12)]
    kept.log = after if newly else [*kept.log, (12, 1e-5, 0.1), (13, 1e-5, 0.1), *after]
    kept.save(18, adam(first, [(1e-5, 0.1)] * 12, 3))
    document = kept.verify()
    assert document["chain"][3]["before"] == 1
    assert [(e["key"], e["values"]["to"]) for e in document["events"]] == [("attest_open.rollback_unrecorded", 1)]
    assert document["conclusion"]["outcome"] == "start-proven"


def test_a_team_that_committed_nothing_is_told_which_seed_starts_its_chain(tmp_path: Path) -> None:
    known = honest(tmp_path / "known", committed=False, seed=42).verify()
    assert known["seed"] == {"seed": 42, "initialiser": "transformers-llama", "how": "well-known"}
    assert states(known)["seed"] == "proven"
    assert states(known)["commitment"] == "not-proven"
    assert known["conclusion"]["outcome"] == "start-proven"
    unknown = honest(tmp_path / "unknown", committed=False, seed=90210).verify()
    assert unknown["seed"] is None
    assert states(unknown)["seed"] == "not-proven"
    assert states(unknown)["neighbours"] == "proven"
    assert unknown["conclusion"]["outcome"] == "start-not-proven"


def test_models_by_name_are_compared_with_the_final_one(tmp_path: Path) -> None:
    kept, other = honest(tmp_path), Kept(tmp_path / "other")
    other.save(0, foreign())
    document = kept.verify(against=[other.shown[0], kept.shown[2]])
    said = [(ln["said"]["key"], ln["state"]) for ln in document["does_not_prove"] if ln["line"] == "against"]
    assert said == [("attest.against_none", "not-proven"), ("attest_open.against_related", "not-proven")]


def test_what_others_made_of_the_final_model_contradicts_nothing(tmp_path: Path) -> None:
    kept, theirs = honest(tmp_path), Kept(tmp_path / "theirs")
    theirs.save(0, adam(_loaded(kept.shown[-1]), [(1e-4, 0.0)] * 6, 77))
    document = kept.verify(against=[theirs.shown[0]])
    line = next(ln for ln in document["does_not_prove"] if ln["line"] == "against")
    assert (line["state"], line["said"]["key"]) == ("not-proven", "attest_open.against_related")
    assert line["log10_p"] < -9
    assert document["conclusion"]["outcome"] == "start-proven"


def test_a_commitment_without_its_value_proves_no_start_until_the_value_comes(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.commitment is not None
    announced(tmp_path)
    later = forebear.attest_commit(tmp_path, seed_from=PAST, value=VALUE, commitment=kept.commitment)
    (tmp_path / "later.json").write_bytes(plain(later))
    kept.save(0, initial_weights(CONFIG, later["seed"]["seed"]))
    assert states(kept.verify())["seed"] == "not-proven"
    assert states(kept.verify(commitment=tmp_path / "later.json"))["seed"] == "proven"
    other = forebear.attest_commit(tmp_path, seed_from="drand:19999999", value=VALUE)
    (tmp_path / "other.json").write_bytes(plain(other))
    with pytest.raises(RefusedError, match="not the commitment"):
        kept.verify(commitment=tmp_path / "other.json")
    with pytest.raises(RefusedError, match="announced another"):
        forebear.attest_commit(tmp_path, seed_from="drand:19999999", value=VALUE, commitment=kept.commitment)
    with pytest.raises(UsageError, match="not known yet"):
        forebear.attest_commit(tmp_path, seed_from=ROUND, weights=tmp_path / "start.safetensors")


def test_no_document_holds_a_path(tmp_path: Path) -> None:
    kept = honest(tmp_path)
    assert kept.commitment is not None
    texts = [kept.commitment.read_text("utf-8"), (kept.run / "chain.jsonl").read_text("utf-8"), plain(kept.verify()).decode()]
    texts.append(plain(forebear.attest_record(kept.run, 30, kept.shown[-1])).decode())
    for text in texts:
        assert str(tmp_path) not in text
        assert "secret-project" not in text


@pytest.mark.parametrize("betas", ["1,2", "0.9", "x,y", "0.99,0.9", "nan,0.9"])
def test_betas_that_are_none_are_refused(tmp_path: Path, betas: str) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    with pytest.raises(UsageError, match="two numbers"):
        kept.verify(betas=betas)


def test_weights_that_are_written_are_the_start(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    target = tmp_path / "start" / "model.safetensors"
    target.parent.mkdir()
    document = forebear.attest_commit(tmp_path, seed_from=PAST, value=VALUE, commitment=kept.commitment, weights=target)
    (target.parent / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    record = forebear.attest_record(kept.run, 0, target.parent)["record"]
    assert record["content"]["root"] == document["start"]["root"]
    with pytest.raises(RefusedError, match="bytes in hexadecimal"):
        forebear.attest_commit(tmp_path, seed_from=PAST, value="abc")


def _loaded(place: Path) -> Weights:
    from forebear.files.sources import open_container

    container = open_container(place / "model.safetensors")
    try:
        return {name: container.read(name) for name in container.tensors}
    finally:
        container.close()


def test_a_record_after_one_step_is_no_jump(tmp_path: Path) -> None:
    """The first step of Adam moves every value by the whole learning rate."""
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    kept.log = [(0, 1e-3, 0.1)]
    kept.save(1, adam(kept.start, [(1e-3, 0.1)], 8))
    document = kept.verify()
    assert document["chain"][1]["pace"] > 0.95
    assert document["conclusion"]["outcome"] == "start-proven"


def test_a_start_stored_in_half_precision_is_recognised(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    place = tmp_path / "half"
    place.mkdir()
    write_safetensors(place / "model.safetensors", kept.start, dict.fromkeys(kept.start, "BF16"))
    (place / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    forebear.attest_record(kept.run, 0, place, commitment=kept.commitment)
    document = forebear.attest_verify(kept.run, place)
    said = next(ln["said"] for ln in document["proves"] if ln["line"] == "seed")
    assert said["values"]["stored"] == "BF16"


def test_a_family_without_proven_axes_is_not_said_to_jump(tmp_path: Path) -> None:
    """Names that nobody knows: no test can find that one goes on from the other, and none may say that it does not."""
    kept, shown = Kept(tmp_path, committed=False), []
    for number in range(2):
        place = tmp_path / f"unknown-{number}"
        place.mkdir()
        write_safetensors(place / "model.safetensors", {"a.weight": kept.start["lm_head.weight"] + np.float32(1e-3 * number)})
        forebear.attest_record(kept.run, number, place)
        shown.append(place)
    document = forebear.attest_verify(kept.run, shown[1], checkpoints=[shown[0]])
    line = next(ln for ln in document["does_not_prove"] if ln["line"] == "neighbours")
    assert (line["state"], line["said"]["key"]) == ("not-proven", "attest.neighbours_mute")


def test_a_model_by_name_that_is_missing_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    called = CliRunner().invoke(app, ["attest", "verify", str(kept.run), str(kept.shown[0]), "--against", str(tmp_path / "gone")])
    assert isinstance(called.exception, RefusedError)
    assert (called.exception.exit_code, called.exception.where, called.stdout) == (3, str(tmp_path / "gone"), "")
