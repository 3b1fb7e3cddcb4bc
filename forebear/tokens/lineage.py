"""Where a vocabulary comes from, as a document (forebear/tokenizer-lineage/2; METHODS §15)."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.documents import finish
from forebear.core.errors import UsageError
from forebear.core.messages import message
from forebear.tokens.contrast import special_contrast, special_words
from forebear.tokens.cuts import cut_contrast, cut_words
from forebear.tokens.kinship import Kinship, Prepared, prepare
from forebear.tokens.lineage_words import evidence_of, head_of, id_shift, limits_of, rounded, words_of
from forebear.tokens.order import segments
from forebear.tokens.parents import Descent, Part, descent
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.readers.collecting import no_collection
from forebear.tokens.relation import NO_KIN, alikeness, kept_in_order, relation_of
from forebear.tokens.scripts import scripts_of
from forebear.tokens.structure import Structure, structure
from forebear.tokens.vocabulary import Loader, Vocabulary, file_digest

_TAIL = re.compile(r"\.(js|cjs|json|txt|tiktoken|model|gguf)(\.v\d+)?$")
MOST_STRETCHES = 60
"""Most stretches of ids one document lists; shorter ones join their neighbours."""


@no_collection()
def lineage(
    subject: str | Path, candidates: Sequence[str | Path], *, load: Loader = load_vocabulary
) -> Mapping[str, Any]:
    """Relation of a tokenizer to one or several others.

    load: what reads a vocabulary (a room above may open checkpoints with a tokenizer inside).

    Raises: UsageError without candidates; RefusedError when a file is no tokenizer we can read.
    Source: METHODS §15; thresholds: decisions 0007 and 0028.
    """
    if not candidates:
        raise UsageError("no candidate given", todo="Name at least one tokenizer to compare with.")
    began = time.perf_counter()
    names = [str(subject), *map(str, candidates)]
    alone = len(candidates) == 1  # of several, only the one that is named is read in full, a second time
    loaded = [load(name, full=alone or name is names[0]) for name in names]
    reload = None if alone else lambda at: load(names[at + 1], full=True)
    body = describe(loaded[0], loaded[1:], labels(names), reload=reload)
    for entry, name in zip([body["subject"], *body["candidates"]], names, strict=True):
        entry["path"] = name
    sizes, digests = zip(*(file_digest(name) for name in names), strict=True)
    body["subject"]["sha256"] = digests[0]
    for entry, digest in zip(body["candidates"], digests[1:], strict=True):
        entry["sha256"] = digest
    read = {
        "subject_bytes": sizes[0],
        "candidate_bytes": sum(sizes[1:]),
        "seconds": round(time.perf_counter() - began, 3),
    }
    limits = body.pop("limits") + [
        message("lineage.not_digested", name=label)
        for label, digest in zip(labels(names), digests, strict=True)
        if digest is None
    ]
    command = "forebear tokenizers lineage " + " ".join(shlex.quote(name) for name in names)
    return finish("forebear/tokenizer-lineage/2", body, limits=limits, read=read, reproduce=command)


def describe(
    subject: Vocabulary,
    candidates: Sequence[Vocabulary],
    names: Sequence[str],
    *,
    reload: Callable[[int], Vocabulary] | None = None,
) -> dict[str, Any]:
    """The document's own keys and its limits, from vocabularies already read; names: the subject's, then theirs.

    reload: reads one candidate in full, by its place, so that its way of cutting text can be compared.
    """
    ours = prepare(subject, names[0])
    theirs = [prepare(candidate, name) for candidate, name in zip(candidates, names[1:], strict=True)]
    found = descent(ours, theirs)
    head = head_of(found)
    shape = structure(subject)
    kin = found.relation not in NO_KIN
    place = next(at for at, single in enumerate(found.singles) if single is head)
    cuts = None
    if kin and found.relation != "stitched":
        other = reload(place) if reload is not None else candidates[place]
        same_tokens = found.relation in ("identical", "renumbered")
        cuts = cut_contrast(subject, other, (ours.name, head.candidate.name), same_tokens=same_tokens)
    specials = special_contrast(subject, head.candidate.vocabulary) if kin else None
    return {
        "subject": _about(ours),
        "candidates": [_single(single) for single in found.singles],
        "relation": found.relation,
        "words": words_of(found, head)
        + special_words(specials, head.candidate.name)
        + ([] if cuts is None else cut_words(cuts, head.candidate.name)),
        "special_tokens": specials,
        "cuts": cuts,
        "parents": [
            {
                "name": part.parent.name,
                "tokens": len(part.positions),
                "share": _share(len(part.positions), len(ours.tokens)),
                "by": "order" if found.relation in ("stitched", "identical") or kept_in_order(head) else "tokens",
            }
            for part in found.parts
        ],
        "order_kept": rounded(head.order_kept),
        "by_script": _by_script(head),
        "change_points": _change_points(found, ours),
        "third_parties": [row for part in found.parts for row in _third_parties(part)],
        "counts": _counts(head) | _structure_counts(shape),
        "artefacts": shape.artefacts,
        "evidence": [evidence_of(single) for single in found.singles],
        "limits": limits_of(found, head),
    }


def _third_parties(part: Part) -> list[dict[str, Any]]:
    """Who else explains a part: as well as its parent, or some of it as an ancestor would."""
    whole = [(name, len(part.positions), True) for name in part.rivals]
    rows = whole + [(name, count, False) for name, count in part.within]
    return [
        {"name": name, "explains": part.parent.name, "tokens": count, "as_well": as_well}
        for name, count, as_well in rows
    ]


_PLAIN = {"tokenizer", "vocab", "pieces", "spiece", "model", "models", "data", "resources", "sentencepiece.bpe", "spm"}


def labels(names: Sequence[str]) -> list[str]:
    """Short names for sentences and charts, each its own: the file's name, or the nearest folder's that says something."""
    short = []
    for name in names:
        parts = [Path(name).name, *(parent.name for parent in Path(name).parents)]
        cleaned = [_TAIL.sub("", part) for part in parts if part]
        short.append(next((part for part in cleaned if part and part not in _PLAIN), name))
    return [s if short.count(s) == 1 else f"{s} ({n})" for s, n in zip(short, names, strict=True)]


def _about(prepared: Prepared) -> dict[str, Any]:
    vocabulary = prepared.vocabulary
    return {
        "name": prepared.name,
        "kind": vocabulary.kind,
        "ids": len(vocabulary.tokens),
        "tokens": vocabulary.count,
        "text_tokens": len(prepared.tokens),
        "special": len(vocabulary.special),
        "added": len(vocabulary.added),
        "odd": list(vocabulary.odd),
    }


def _single(found: Kinship) -> dict[str, Any]:
    return _about(found.candidate) | {
        "relation": relation_of(found),
        "order_kept": rounded(found.order_kept),
        "shared": found.shared,
        "kept": found.kept_count,
        "new": found.new,
        "dropped": found.dropped,
        "same_id": found.same_id,
        "id_shift": id_shift(found),
        "overlap": rounded(alikeness(found).overlap),
    }


def _by_script(found: Kinship) -> list[dict[str, Any]]:
    """Per writing system: how many tokens each side has, how many both, how many of those are kept in order."""
    scripts = [found.subject.scripts[at] for at in found.subject_at.tolist()]
    ours, shared = Counter(found.subject.scripts), Counter(scripts)
    known = set(found.candidate_at.tolist())  # a shared token has the script it has on our side
    theirs = shared + Counter(scripts_of(t for at, t in enumerate(found.candidate.tokens) if at not in known))
    kept = Counter(script for script, flag in zip(scripts, found.kept.tolist(), strict=True) if flag)
    rows = [
        {"script": s, "subject": ours[s], "candidate": theirs[s], "shared": shared[s], "kept": kept[s]}
        for s in ours.keys() | theirs.keys()
    ]
    return sorted(rows, key=lambda row: (-row["subject"], row["script"]))


def _change_points(found: Descent, ours: Prepared) -> list[dict[str, Any]]:
    """Stretches of the subject's ids by who explains them: a parent, nobody though a candidate has the token, nobody."""
    labels = np.zeros(len(ours.tokens), dtype=np.int8)
    for single in found.singles:
        labels[single.subject_at] = 1
    for place, part in enumerate(found.parts):
        labels[np.asarray(sorted(part.positions), dtype=np.intp)] = 2 + place
    least = max(48, len(labels) // 1000)
    stretches = segments(labels, least=least)
    while len(stretches) > MOST_STRETCHES:
        least *= 2
        stretches = segments(labels, least=least)
    rows = []
    for start, stop in stretches:
        counts = np.bincount(labels[start:stop], minlength=2 + len(found.parts))
        rows.append({
            "first_id": int(ours.ids[start]),
            "last_id": int(ours.ids[stop - 1]),
            "tokens": stop - start,
            "new": int(counts[0]),
            "shared_out_of_order": int(counts[1]),
            "kept": {part.parent.name: int(counts[2 + k]) for k, part in enumerate(found.parts)},
        })  # fmt: skip
    return rows


def _counts(head: Kinship) -> dict[str, Any]:
    return {
        "subject": len(head.subject.tokens),
        "candidate": len(head.candidate.tokens),
        "shared": head.shared,
        "kept": head.kept_count,
        "new": head.new,
        "dropped": head.dropped,
        "same_id": head.same_id,
    }


def _structure_counts(shape: Structure) -> dict[str, Any]:
    return {
        "merges": shape.merges,
        "reexpanded_merges": shape.reexpanded,
        "broken_merges": shape.broken,
        "orphans": None if shape.orphans is None else len(shape.orphans),
        "duplicates": shape.duplicates,
        "incomplete_utf8": shape.incomplete,
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
