"""Found operations written down so that they can be run again: a mergekit configuration and a forebear recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.core.documents import canonical_json
from forebear.recipes.exchange.mergekit import write_mergekit
from forebear.recipes.exchange.plans import plan_of
from forebear.recipes.found import Found

SCHEMA = "forebear/recipe/1"


def written(found: Sequence[Found], parents: Sequence[dict[str, Any]] = (), dtype: str = "") -> tuple[bytes | None, bytes]:
    """(mergekit configuration or None where no merge was found, forebear recipe), as bytes.

    parents: weights as `forebear.recipes.mixtures.Mixed.parents`. dtype: number type for the merge, "" as the models.
    """
    plan = plan_of(found, dtype)
    recipe = canonical_json({"schema": SCHEMA, "steps": [one.document() for one in found], "parents": list(parents)})
    return None if plan is None else write_mergekit(plan), recipe
