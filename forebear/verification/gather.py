"""Which files beside a checkpoint make claims, and all that they claim."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from forebear.core.bounded import open_stream, parse_json, read_bounded
from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import Message, message
from forebear.core.wording import in_english
from forebear.verification.claim import Claim, Source
from forebear.verification.readers.bills import claims_of_bill
from forebear.verification.readers.card import beginning, claims_of_card
from forebear.verification.readers.configs import claims_of_adapter, claims_of_config, claims_of_gguf
from forebear.verification.readers.merges import NAMES as MERGES
from forebear.verification.readers.merges import claims_of_merge
from forebear.verification.readers.prose import claims_of_prose
from forebear.verification.readers.signed import Manifest, claims_of_manifest, read_bundle
from forebear.verification.readers.wheel import claims_of_metadata, claims_of_record, is_metadata
from forebear.verification.subject import Subject

CARD_BYTES = 4 * 2**20
BILL_BYTES = 32 * 2**20
BUNDLE_BYTES = 32 * 2**20
WHEEL_BYTES = 8 * 2**30
CODE_BYTES = 2**20
MOST_CODE = 20
MOST_VALUES = 300_000
_NAMED = re.compile(r'"name_or_path"\s{0,8}:\s{0,8}"([^"\\\n]{1,200})"')
BILLS = ("*.cdx.json", "bom.json", "*.spdx.json", "*.spdx3.json", "sbom.json", "aibom.json")
BUNDLES = ("*.sig", "*.sigstore", "*.sigstore.json")


@dataclass
class Gathered:
    """All claims, what could not be read, and each signature's manifest with its file."""

    claims: list[Claim] = field(default_factory=list)
    limits: list[Message] = field(default_factory=list)
    manifests: list[tuple[Path, Manifest]] = field(default_factory=list)

    def add(self, read: Callable[[], Iterable[Claim]]) -> None:
        """The claims that a reader gives; a file that is refused becomes a limit."""
        try:
            self.claims += read()
        except RefusedError as error:
            self.limits.append(message("unverified.file", why=error.message()))

    def take(self, found: tuple[list[Claim], list[Message]]) -> list[Claim]:
        """The claims of a reader that says what it could not read."""
        self.limits += found[1]
        return found[0]


def gather(subject: Subject, card: Path | None, bill: Path | None) -> Gathered:
    """Every claim of the card, the configurations, bills of material, signatures and package metadata of a checkpoint.

    card, bill: files that the caller named; else those that lie in the folder.
    Raises: RefusedError when a file that the caller named cannot be read.
    """
    found, folder = Gathered(), subject.folder
    if card is not None:
        found.claims += _card(card, found)
    elif (folder / "README.md").is_file():
        found.add(partial(_card, folder / "README.md", found))
    _configurations(subject, found)
    if bill is not None:
        found.claims += _bill(bill, found)
    else:
        for place in _matching(folder, BILLS):
            found.add(partial(_bill, place, found))
    for place in _matching(folder, BUNDLES):
        found.add(partial(_bundle, place, found))
    for place in _matching(folder, ("*.py",))[:MOST_CODE]:
        found.add(partial(_code, place))
    _package(folder, found)
    found.claims = list(dict.fromkeys(found.claims))
    return found


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({place for pattern in patterns for place in folder.glob(pattern) if place.is_file()})


def _text(place: Path, limit: int) -> str:
    return read_bounded(place, limit).decode("utf-8", "replace")


def _json(place: Path) -> object:
    return parse_json(read_bounded(place, BILL_BYTES), where=place.name, max_values=MOST_VALUES)


def _card(place: Path, found: Gathered) -> list[Claim]:
    """A model card, the METADATA of a package, or a wheel that holds it."""
    text = _inside_wheel(place) if place.suffix == ".whl" else _text(place, CARD_BYTES)
    if is_metadata(text):
        claims, prose = claims_of_metadata(text, place.name)
        prose = _begun(prose, place, found)
        claims += found.take(claims_of_card(prose, place.name, sentences=False))
        return [*claims, *claims_of_prose(prose, place.name)]
    text = _begun(text, place, found)
    return [*found.take(claims_of_card(text, place.name)), *claims_of_prose(text, place.name)]


def card_of(checkpoint: Path, card: Path | None) -> tuple[Path, str]:
    """The Markdown card that a verification read, and its text.

    Raises: RefusedError where there is none, or where it is a package's metadata.
    """
    place = card or (checkpoint if checkpoint.is_dir() else checkpoint.parent) / "README.md"
    if card is None and not place.exists():
        raise refusal(message("card_out.none"), where=str(place.parent), todo=message("card_out.give"))
    text = "" if place.suffix == ".whl" else _text(place, CARD_BYTES)
    if place.suffix == ".whl" or is_metadata(text):
        raise refusal(message("card_out.no_markdown"), where=str(place), todo=message("card_out.give"))
    return place, text


def _begun(text: str, place: Path, found: Gathered) -> str:
    """As much of a card as is read; that there is more is said."""
    kept, limits = beginning(text, place.name)
    found.limits += limits
    return kept


def _inside_wheel(place: Path) -> str:
    """METADATA of a wheel: one member of an archive, bounded; nothing is unpacked."""
    try:
        with open_stream(place, WHEEL_BYTES) as file, zipfile.ZipFile(file) as wheel:
            name = next((n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")), None)
            if name is not None:
                with wheel.open(name) as member:
                    data = member.read(CARD_BYTES + 1)
                if len(data) <= CARD_BYTES:
                    return data.decode("utf-8", "replace")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
        pass  # said below: whatever is wrong with the archive, it gives no METADATA
    said = message("verify_refused.wheel")
    raise RefusedError(in_english(said), where=place.name, said=said)


def _configurations(subject: Subject, found: Gathered) -> None:
    folder, checkpoint = subject.folder, subject.checkpoint
    if not folder.is_dir() and checkpoint is not None and checkpoint.container.kind != "gguf":
        found.claims += claims_of_config(checkpoint.config, "config.json")  # of an address: read with the weights
    for name, read in (("config.json", claims_of_config), ("adapter_config.json", claims_of_adapter)):
        if (folder / name).is_file():
            found.add(partial(_configuration, folder / name, read))
    for name in MERGES:
        if (folder / name).is_file():
            found.add(partial(_merge, folder / name, found))
    if checkpoint is not None and checkpoint.container.kind == "gguf":
        found.claims += claims_of_gguf(checkpoint.container.metadata, checkpoint.container.paths[0].name)
    if (folder / "tokenizer_config.json").is_file():
        found.add(partial(_tokenizer, folder / "tokenizer_config.json"))


def _tokenizer(place: Path) -> list[Claim]:
    """Where a tokenizer says it was loaded from. Looked for in the text: these files hold numbers past 64 bits."""
    named = _NAMED.search(_text(place, CARD_BYTES))
    if named is None or named[1].startswith((".", "/", "~")):
        return []
    return [Claim("tokenizer", named[1], Source("tokenizer_config.json", "name_or_path"), decided=False)]


def _configuration(place: Path, read: Callable[[Mapping[str, Any], str], list[Claim]]) -> list[Claim]:
    data = read_bounded(place, BILL_BYTES)
    config = parse_json(data, where=place.name, max_values=MOST_VALUES)
    claims = read(config, place.name) if isinstance(config, Mapping) else []
    lines = data.decode("utf-8", "replace").splitlines()
    return [replace(claim, source=replace(claim.source, line=_line_of(claim.source.where, lines))) for claim in claims]


def _line_of(key: str, lines: Sequence[str]) -> int:
    """The line on which a key stands; 0 where it stands on several or none: which of them is read, JSON alone would say."""
    found = [at for at, line in enumerate(lines, 1) if f'"{key}"' in line]
    return found[0] if len(found) == 1 else 0


def _merge(place: Path, found: Gathered) -> list[Claim]:
    return found.take(claims_of_merge(_text(place, CARD_BYTES), place.name))


def _bill(place: Path, found: Gathered) -> list[Claim]:
    return found.take(claims_of_bill(_json(place), place.name))


def _code(place: Path) -> list[Claim]:
    """What the sentences of a Python file say, which is read as text."""
    return claims_of_prose(_text(place, CODE_BYTES), place.name)


def _bundle(place: Path, found: Gathered) -> list[Claim]:
    manifest = read_bundle(read_bounded(place, BUNDLE_BYTES), place.name)
    found.manifests.append((place, manifest))
    return claims_of_manifest(manifest, place.name)


def _package(folder: Path, found: Gathered) -> None:
    """Metadata of the installed package that a folder belongs to: *.dist-info beside one of the three folders above it."""
    inner = ""
    if not folder.is_dir():
        return
    for above in [folder, *folder.resolve().parents][:4]:
        for place in sorted(above.glob("*.dist-info"))[:4]:
            if inner and not _recorded(place / "RECORD", inner, found):
                continue  # another package that lies in the same folder
            if (place / "METADATA").is_file():
                found.add(partial(_card, place / "METADATA", found))
        inner = f"{above.resolve().name}/{inner}"


def _record(place: Path, inner: str) -> list[Claim]:
    return claims_of_record(_text(place, CARD_BYTES), place.name, inner)


def _recorded(record: Path, inner: str, found: Gathered) -> bool:
    """Whether a package's RECORD names files of the folder `inner`; their digests are claims."""
    before = len(found.claims)
    if record.is_file():
        found.add(partial(_record, record, inner))
    return len(found.claims) > before
