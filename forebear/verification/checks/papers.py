"""Claims that other files of the folder bear on: digests, licences, tokenizers, libraries; and what no claim says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.models.architecture.registry import index
from forebear.tokens.known import Match, known_names
from forebear.verification.bases import SHARED, Base
from forebear.verification.claim import Claim, Noticed, Outcome, Tested, outcome_of, public
from forebear.verification.digests import root_digest
from forebear.verification.readers.labels import labels
from forebear.verification.subject import Subject

LICENCES = {
    "apache20": ("apache license", "version 2.0"),
    "mit": ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice"),
    "gpl30": ("gnu general public license", "version 3, 29 june 2007"),
    "gpl20": ("gnu general public license", "version 2, june 1991"),
    "agpl30": ("gnu affero general public license", "version 3"),
    "lgpl30": ("gnu lesser general public license", "version 3"),
    "mpl20": ("mozilla public license version 2.0",),
    "ccby40": ("creative commons attribution 4.0 international",),
    "ccbysa40": ("creative commons attribution-sharealike 4.0",),
    "ccbync40": ("creative commons attribution-noncommercial 4.0",),
    "cc010": ("cc0 1.0 universal",),
}
"""Words of the licence texts themselves, by identifier (SPDX) in small letters and digits."""
_SAME = {
    "apachelicense20": "apache20", "apache2": "apache20", "apachesoftwarelicense": "apache20",
    "apachelicenseversion20": "apache20", "theapachelicense20": "apache20", "mitlicense": "mit", "gpl30only": "gpl30",
    "gpl30orlater": "gpl30", "gpl3": "gpl30", "gplv3": "gpl30", "gnugplv3": "gpl30", "gnugpl30": "gpl30", "gpl2": "gpl20",
    "gplv2": "gpl20",
    "apachelicense2": "apache20", "apachelicenseversion2": "apache20", "apachev2": "apache20", "apachelicensev20": "apache20",
    "apacheversion20": "apache20", "agpl3": "agpl30", "agplv3": "agpl30", "lgpl3": "lgpl30", "lgplv3": "lgpl30", "cc0": "cc010",
}  # fmt: skip
"""Other ways of writing an identifier: those of SPDX with a suffix, and of Python's trove classifiers."""
TEXT_BYTES = 200_000
_KIND = re.compile(
    r"(?:[\s,()/-]|bpe|byte|level|sentencepiece|unigram|wordpiece|tiktoken|subwords?|based|fast|slow|tokeni[sz]er|(?:auto|pretrained)tokenizer\w*)+",
    re.IGNORECASE,
)
"""What a tokenizer is, and not which."""


def licence_id(text: str) -> str:
    """A stated licence as its identifier in small letters and digits; the words themselves where they are no known name."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return _SAME.get(plain, plain)


def licence_in(subject: Subject) -> str:
    """The licence whose text lies in the folder; "" when there is none that is known, or several."""
    found: set[str] = set()
    for path in sorted(subject.folder.glob("LICEN[CS]E*"))[:8]:
        try:
            text = " ".join(read_bounded(path, TEXT_BYTES).decode("utf-8", "replace").lower().split())
        except RefusedError:
            continue  # not a small file: no licence text
        found |= {name for name, words in LICENCES.items() if all(word in text for word in words)}
    return found.pop() if len(found) == 1 else ""


def check_licence(claim: Claim, subject: Subject, bases: Sequence[Base]) -> Tested:
    """A stated licence beside the licence text of the folder and the cards of relatives: facts about files, no legal advice."""
    stated, text = licence_id(claim.stated), licence_in(subject)
    loose = claim.source.where in labels() or not claim.decided
    if stated in ("other", "unknown") or (loose and stated not in LICENCES):
        return outcome_of(claim, Outcome.not_testable, message("shown.no_licence_name"))
    others = [(base, one) for base in bases if base.relation in SHARED for one in base.licences if licence_id(one) != stated]
    said = [message("shown.licence_of", name=public(base.name), licence=public(one)) for base, one in others]
    if text and text != stated:
        said.append(message("shown.licence_text", licence=text))
    if said:
        return outcome_of(claim, Outcome.not_shown, *said, message("shown.no_advice"), flagged=True)
    same = [public(base.name) for base in bases if base.relation in SHARED and base.licences]
    if not text and same:
        return outcome_of(claim, Outcome.not_testable, message("shown.licence_same", names=same), message("shown.no_advice"))
    if text:
        return outcome_of(claim, Outcome.borne_out, message("shown.licence_text", licence=text))
    return outcome_of(claim, Outcome.not_testable, message("shown.no_licence"))


def check_tokenizer(claim: Claim, subject: Subject) -> Tested:
    """A named tokenizer against the vocabularies that are known by sight."""
    if subject.vocabulary is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_tokenizer"))
    same = [match for match in subject.known if match.how.startswith("same")]
    said = message("shown.known", names=[match.name for match in subject.known[:4]] or ["-"])
    if any(_names(claim.stated, match) for match in same):
        return outcome_of(claim, Outcome.borne_out, said)
    if any(_names(claim.stated, match) for match in subject.known):  # it keeps that one's order, and is not that one
        # another known name in a card is no more than looked at; a configuration names what the tokenizer was loaded with
        other = claim.decided or (_is_known(claim.stated) and claim.source.where != "name_or_path")
        return outcome_of(claim, Outcome.not_shown, said, flagged=bool(same) and other)
    if same and _is_known(claim.stated):
        return outcome_of(claim, Outcome.contradicted, said)
    if same:  # a configuration names the model that its tokenizer was loaded with, a card at times no more than the kind
        named = claim.source.where != "name_or_path" and not _KIND.fullmatch(claim.stated)
        return outcome_of(claim, Outcome.not_shown, said, flagged=named)
    return outcome_of(claim, Outcome.not_testable, said)


def _names(stated: str, match: Match) -> bool:
    """Whether a stated name is that of a known vocabulary."""
    return any(name in _letters(stated) for name in _words(match.name))


def _words(name: str) -> list[str]:
    """What a known vocabulary is called, in small letters and digits."""
    return [_letters(one) for one in (name, *re.findall(r"\(([^)]*)\)", name), name.partition(" (")[0])]


def _is_known(stated: str) -> bool:
    """Whether a stated name is exactly that of a known vocabulary."""
    return any(_letters(stated).removesuffix("base") in _words(name) for name in known_names())


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def check_family(claim: Claim, subject: Subject) -> Tested:
    """A stated architecture against the family that the tensors were read as."""
    if subject.checkpoint is None or subject.checkpoint.definition is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_family"))
    family = subject.checkpoint.family
    said = message("shown.family", name=family)
    words = {family, *(kind for entry in index() if entry.family == family for kind in (*entry.model_types, *entry.called))}
    stated = re.sub(r"[^a-z0-9]", "", claim.stated.lower())
    fits = any(word and stated.startswith(word) for word in (re.sub(r"[^a-z0-9]", "", one.lower()) for one in words))
    return outcome_of(claim, Outcome.borne_out if fits else Outcome.not_shown, said)


def check_library(claim: Claim, subject: Subject) -> Tested:
    """Tags and libraries that say what kind of file this is."""
    stated, kind = claim.stated.lower(), subject.checkpoint.container.kind if subject.checkpoint is not None else ""
    if stated == "gguf" and kind:
        return outcome_of(claim, Outcome.borne_out if kind == "gguf" else Outcome.not_shown, message("shown.container", name=kind))
    if stated in ("peft", "lora") and kind:
        what = message("shown.adapter_factors") if subject.adapter else message("shown.adapter_none")
        return outcome_of(claim, Outcome.borne_out if subject.adapter else Outcome.not_shown, what)
    return outcome_of(claim, Outcome.not_testable, message("shown.no_library"))


def check_digest(claim: Claim, subject: Subject) -> Tested:
    """The digest that is stated for a file; a file of that name with another digest is proof."""
    if not subject.digests:
        return outcome_of(claim, Outcome.not_testable, message("shown.not_hashed"))
    held = subject.digests.get(claim.about)
    if held is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_file", name=public(claim.about)))
    said = message("shown.digest", name=public(claim.about), digest=held[0])
    return outcome_of(claim, Outcome.borne_out if held[0] == claim.stated.lower() else Outcome.contradicted, said)


def check_model_digest(claim: Claim, subject: Subject) -> Tested:
    """A digest stated for a model as a whole: that of a file or the root digest; of an archive it would be another."""
    stated = claim.stated.lower()
    found = next((name for name, (digest, _) in subject.digests.items() if digest == stated), "")
    if found:
        return outcome_of(claim, Outcome.borne_out, message("shown.digest", name=public(found), digest=stated))
    if subject.root and stated == subject.root:
        return outcome_of(claim, Outcome.borne_out, message("shown.root", digest=stated))
    if not subject.digests:
        return outcome_of(claim, Outcome.not_testable, message("shown.not_hashed"))
    return outcome_of(claim, Outcome.not_shown, message("shown.no_digest"), flagged=True)


def check_root(claim: Claim, subject: Subject, names: Sequence[str]) -> Tested:
    """The root digest of a signature, made anew from the digests of the files it names."""
    if not subject.digests or any(name not in subject.digests for name in names):
        return outcome_of(claim, Outcome.not_testable, message("shown.not_hashed"))
    root = root_digest({name: subject.digests[name][0] for name in names})
    outcome = Outcome.borne_out if root == claim.stated else Outcome.contradicted
    return outcome_of(claim, outcome, message("shown.root", digest=root))


def noticed(subject: Subject, bases: Sequence[Base], claims: Sequence[Claim]) -> list[Noticed]:
    """What the files show and no claim says: relatives without a name, copies, vocabularies known under another name."""
    found: list[Noticed] = []
    for base in bases:
        if base.relation in SHARED and not base.named:
            key = "copy" if base.relation == "identical" else "unnamed"
            found.append(Noticed("relative", message(f"noticed.{key}", name=public(base.name))))
    same = [match.name for match in subject.known if match.how.startswith("same")]
    if same and not any(claim.kind == "tokenizer" and claim.decided for claim in claims):
        found.append(Noticed("tokenizer", message("noticed.tokenizer", names=same)))
    return found
