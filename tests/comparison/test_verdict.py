"""The verdict's rules, one by one: what is needed for a relation, and what withholding one costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forebear.comparison.compare import meets
from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Sign
from forebear.comparison.findings.parts import Component
from forebear.comparison.findings.verdict import RELATIONS, findings_among, judge
from forebear.comparison.tests.strength import StrengthOutcome
from forebear.core.messages import message
from tests.said import paragraph

ORDER_PRIVATE = ("deck", Axis.NEURONS, "order", True)
SIGN_PRIVATE = ("sign", Axis.VALUES, "sign", True)
ORDER_SHARED = ("deck", Axis.CHANNELS, "order", False)
SIGN_SHARED = ("sign", Axis.CHANNELS, "sign", False)
ONLY_START = message("start.shared-start", found=[message("start.no_rows")])


def figure(what, log10_p=-30.0, decides=True):
    test, axis, symmetry, private = what
    return Evidence(
        test=test, axis=axis, kind="exact", log10_p=log10_p, decides=decides, symmetry=symmetry, private=private,
        matched=20, of=20, figures=Sign(9.0, 9.0) if test == "sign" else Deck(1),
    )  # fmt: skip


def relation(evidence, **changes):
    settings = {
        "identical": False,
        "shared_start": None,
        "training": None,
        "training_shared": True,
        "power": lambda: [message("power.blind")],
        "withheld": [],
        "strength": StrengthOutcome(True),
    }
    return judge(evidence, **(settings | changes))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([ORDER_PRIVATE, SIGN_PRIVATE], "related"),
        ([ORDER_SHARED, SIGN_PRIVATE], "related"),
        ([ORDER_PRIVATE, SIGN_SHARED], "related"),
        ([ORDER_SHARED, SIGN_SHARED], "cannot-tell"),
        ([ORDER_SHARED], "cannot-tell"),
        ([ORDER_PRIVATE], "cannot-tell"),
        ([SIGN_PRIVATE], "cannot-tell"),
        ([ORDER_PRIVATE, ORDER_SHARED], "cannot-tell"),
        ([], "cannot-tell"),
    ],
)
def test_a_relation_needs_two_symmetries_and_a_private_axis(evidence, expected):
    assert relation([figure(e) for e in evidence]).relation == expected


@pytest.mark.parametrize("strength", [None, StrengthOutcome(False, why=message("strength.remote"))])
def test_order_and_sign_without_strength_decide_nothing(strength):
    verdict = relation([figure(ORDER_PRIVATE), figure(SIGN_PRIVATE)], strength=strength, shared_start=ONLY_START)
    assert verdict.relation == "cannot-tell"
    assert "an independent model aligned to the candidate would show this too" in paragraph(verdict.words)


def test_parts_that_are_closer_than_an_aligner_reaches_are_named_with_their_layers_and_figures():
    parts = [
        Component("layers", "shared"),
        Component("mlp", "shared", value=0.9, ceiling=0.4, layers=((2, 3),)),
        Component("mlp", "not-found", value=0.02, ceiling=0.3, layers=((0, 0), (1, 1))),
        Component("attention", "within-reach", value=0.31, ceiling=0.3),
    ]
    verdict = relation(
        [figure(ORDER_PRIVATE), figure(SIGN_PRIVATE)], strength=StrengthOutcome(False, ((2, 3),)), components=parts
    )
    assert verdict.relation == "shares-components"
    words = paragraph(verdict.words)
    assert "in some components: MLPs of layer 2 (candidate's 3) (0.90; aligned independent: 0.40)." in words
    assert "Nothing shared was found in: MLPs of layers 0-1 (0.02; aligned independent: 0.30)." in words
    assert "Cannot be decided for: attention (0.31; aligned independent: 0.30)." in words


def test_mlps_without_the_attention_are_no_relation_of_models():
    parts = [Component("layers", "shared"), Component("mlp", "shared", value=0.9, ceiling=0.4)]
    both = [figure(ORDER_PRIVATE), figure(SIGN_PRIVATE)]
    assert relation(both, components=[*parts, Component("attention", "within-reach")]).relation == "related"
    assert relation(both, components=[*parts, Component("attention", "not-found")]).relation == "shares-components"


def test_one_symmetry_is_enough_beside_a_part_that_no_aligner_reaches():
    parts = [Component("layers", "open"), Component("attention", "shared", value=0.9, ceiling=0.4, layers=((1, 1),))]
    assert relation([figure(ORDER_PRIVATE)], components=parts).relation == "shares-components"
    assert relation([figure(ORDER_PRIVATE)], components=[Component("layers", "open")]).relation == "cannot-tell"


def test_channels_alone_are_named_when_a_private_axis_was_tested_and_found_nothing():
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    verdict = relation([figure(ORDER_SHARED), figure(SIGN_SHARED), *calm])
    assert verdict.relation == "related-channels-only"
    assert "copied embeddings" in paragraph(verdict.words)


def test_a_shared_start_needs_what_related_needs():
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    alone = [figure(ORDER_SHARED), figure(SIGN_SHARED), *calm]
    assert relation(alone, shared_start=ONLY_START).relation == "related-channels-only"


@pytest.mark.parametrize(("one", "other"), [(ORDER_SHARED, SIGN_SHARED), (SIGN_SHARED, ORDER_SHARED)])
def test_channels_that_have_signs_need_both_symmetries(one, other):
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    verdict = relation([figure(one, -205.0), figure(other, -2.0), *calm])
    assert verdict.relation == "cannot-tell"
    assert ("pruning mask" in paragraph(verdict.words)) is (one is ORDER_SHARED)


def test_a_sign_test_that_was_withheld_is_not_a_sign_that_agrees():
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    verdict = relation([figure(ORDER_SHARED, -205.0), figure(SIGN_SHARED, decides=False), *calm])
    assert verdict.relation == "cannot-tell"


def test_the_order_of_one_table_and_the_signs_of_another_are_not_two_symmetries_of_one():
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    head = [replace(figure(SIGN_SHARED), component="head"), replace(figure(ORDER_SHARED, 0.0), component="head")]
    assert relation([figure(ORDER_SHARED), figure(SIGN_SHARED, 0.0), *head, *calm]).relation == "cannot-tell"


def test_channels_without_signs_are_named_with_what_else_would_agree():
    calm = [figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, 0.0)]
    verdict = relation([figure(ORDER_SHARED, -205.0), *calm])
    assert verdict.relation == "related-channels-only"
    assert "pruning mask" in paragraph(verdict.words)


def test_units_too_few_to_reach_the_level_cannot_tell():
    few = [replace(figure(p, -2.0), attainable_log10_p=-8.7) for p in (ORDER_PRIVATE, SIGN_PRIVATE)]
    assert relation(few).relation == "cannot-tell"
    enough = [replace(e, attainable_log10_p=-80.0) for e in few]
    assert relation(enough).relation == "no-evidence"


def test_one_symmetry_alone_is_told_with_its_figure_and_never_called_related():
    verdict = relation([figure(ORDER_PRIVATE)])
    assert "Only the order" in paragraph(verdict.words)
    assert "-30" in paragraph(verdict.words)


def test_evidence_that_is_withheld_does_not_decide():
    verdict = relation([figure(ORDER_PRIVATE, decides=False), figure(SIGN_PRIVATE)], withheld=[message("audit.definition", why="neurons: sorted")])
    assert verdict.relation == "cannot-tell"
    assert "neurons: sorted" in paragraph(verdict.words)


def test_every_finding_is_multiplied_by_the_number_of_deciding_tests():
    near = [figure(ORDER_PRIVATE, -9.5), figure(SIGN_PRIVATE, -9.5)]
    assert len(findings_among(near)) == 2
    calm = [figure(ORDER_SHARED, 0.0), figure(SIGN_SHARED, 0.0)]
    assert findings_among(near + calm) == []
    assert relation(near + calm).relation == "no-evidence"


def test_no_evidence_says_what_would_have_been_found():
    verdict = relation([figure(ORDER_PRIVATE, 0.0), figure(SIGN_PRIVATE, -3.0)])
    assert verdict.relation == "no-evidence"
    assert "A rotation from neurons alone" in paragraph(verdict.words)
    assert verdict.document()["log10_p"] is None


def test_a_shared_start_outranks_related_and_needs_a_finding():
    found = [figure(ORDER_PRIVATE), figure(SIGN_PRIVATE)]
    assert relation(found, shared_start=ONLY_START).relation == "shared-start"
    assert relation([figure(ORDER_PRIVATE, 0.0)], shared_start=ONLY_START).relation == "no-evidence"


def test_related_is_worded_as_shared_randomness_unless_training_was_shared():
    found = [figure(ORDER_PRIVATE), figure(SIGN_PRIVATE)]
    assert "values they started from" in paragraph(relation(found, training_shared=False).words)
    assert "randomness" not in paragraph(relation(found, training_shared=True).words)


def test_direction_is_never_guessed_and_identical_needs_no_test():
    verdict = relation([], identical=True).document()
    assert (verdict["relation"], verdict["direction"], verdict["kind"]) == ("identical", "not-shown", "exact")


@pytest.mark.parametrize("expected", RELATIONS)
def test_cannot_tell_meets_no_expectation(expected):
    assert not meets("cannot-tell", expected)
    assert not meets(None, expected)


def test_related_accepts_identical_and_nothing_else_does():
    assert meets("identical", "related")
    assert not meets("related", "identical")
    assert not meets("shared-start", "related")
    assert meets("no-evidence", "no-evidence")


def test_a_p_value_that_is_not_finite_cannot_become_evidence():
    with pytest.raises(ValueError, match="not finite"):
        figure(ORDER_PRIVATE, float("-inf"))
