"""Which plan a pair is read by."""

from __future__ import annotations

from forebear.comparison.reading.plan import LocalPlan, ReadPlan, Sides


def plan_reads(pair: Sides) -> ReadPlan:
    """The plan of an open pair; where a side is at an address, its first rows are fetched."""
    if max(pair.subject.container.grain_bytes, pair.candidate.container.grain_bytes) <= 1:
        return LocalPlan()
    from forebear.comparison.reading.remote_plan import (
        remote_plan,  # with a pool of threads, which local pairs do without
    )

    return remote_plan(pair)
