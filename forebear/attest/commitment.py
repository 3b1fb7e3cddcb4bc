"""A commitment: configuration, code, initialiser and the source of a seed, fixed before the seed is known (METHODS §19)."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from forebear.attest.initialiser import FOLDER, Initialiser, planned
from forebear.attest.signature import SIGNATURE_BYTES, is_signed, value_of
from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError, UsageError, printable, refusal
from forebear.core.messages import Message, message
from forebear.core.strict import Table, read_table
from forebear.core.toml import load_toml
from forebear.core.wording import in_english
from forebear.models.architecture.expressions import parse_expression
from forebear.models.architecture.settings import read_config
from forebear.version import __version__

SCHEMA = "forebear/commitment/1"
MAX_BYTES = 2**20
LATEST = 2**36
"""Latest time of a round, seconds since 1970."""
_SOURCE = re.compile(r"([a-z][a-z-]{0,30}):([0-9]{1,15})")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Beacon:
    """A public source of randomness whose rounds follow a clock (beacons.toml). public_key: "" where signatures are not checked."""

    title: str
    genesis: int
    period: int
    bytes: int
    address: str
    public_key: str = ""

    def time_of(self, number: int) -> int:
        """When a round is published, seconds since 1970, UTC."""
        return self.genesis + (number - 1) * self.period


@cache
def beacons() -> Mapping[str, Beacon]:
    """Beacons by name.

    >>> beacons()["drand"].time_of(1)
    1692803367
    """
    raw = load_toml(Path(__file__).with_name("beacons.toml"))
    return {name: read_table(Beacon, table, name) for name, table in raw.items()}


def utc(seconds: float) -> str:
    """A time as ISO 8601, UTC.

    >>> utc(0)
    '1970-01-01T00:00:00Z'
    """
    return time.strftime(_TIME, time.gmtime(seconds))


def _is_time(stated: str) -> bool:
    """Whether a text is a time as `utc` writes it, so that times can be compared as texts."""
    try:
        return time.strftime(_TIME, time.strptime(stated, _TIME)) == stated
    except ValueError:
        return False


def file_name(path: str | Path) -> str:
    """The last part of a path: documents that are published name no folder of their maker."""
    return printable(Path(str(path)).name or "model", 80)


def without_place(error: RefusedError) -> Message:
    """Why something was refused, without the path it was refused at."""
    return RefusedError(error.what, todo=error.todo, said=error.said, advice=error.advice).message()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: what digests are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def digest_of(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


def used_keys(config: Mapping[str, Any], made: Initialiser) -> dict[str, Any]:
    """The keys of a configuration that its start follows from, and no others: no paths, no names."""
    wanted = {"model_type", made.std, *made.keys.values(), *([made.padding] if made.padding else [])}
    wanted |= {part.unless for s in made.stage for part in (*s.first, *s.layer, *s.last) if part.unless}
    for text in (made.layers, *made.sizes.values()):
        wanted |= parse_expression(text, "sizes").names()
    plain = (bool, int, float)
    found = {key: config[key] for key in sorted(wanted) if isinstance(config.get(key), plain)}
    return found | {"model_type": str(config.get("model_type"))}


def source_of(seed_from: str, *, now: float) -> dict[str, Any]:
    """Where the seed comes from: a future round of a beacon ("drand:12345678"), or a file, by its digest.

    Raises: UsageError for a beacon that forebear does not know or a round that is no number, RefusedError for a file that cannot
    be read.
    """
    found = _SOURCE.fullmatch(seed_from)
    if found is None:
        path = Path(seed_from)
        if seed_from.partition(":")[0] in beacons() or (seed_from.isdigit() and not path.exists()):
            said, todo = message("attest_refused.source_form"), message("attest_refused.source_name")
            raise UsageError(
                in_english(said), where=f"--seed-from {seed_from}", todo=in_english(todo), said=said, advice=todo
            )
        data = read_bounded(path, 2**28)
        return {"kind": "file", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    name, number = found[1], int(found[2])
    if name not in beacons():
        raise UsageError(
            f"no beacon {name!r} is known", where="--seed-from", todo=f"Use {', '.join(sorted(beacons()))}, or a file."
        )
    beacon = beacons()[name]
    published = beacon.time_of(number)
    if number < 1 or published > LATEST:
        raise UsageError(f"{name} has no round {number}", where="--seed-from", todo="Name a round from 1 on.")
    address = beacon.address.format(round=number, milliseconds=published * 1000)
    return {
        "kind": "beacon", "beacon": name, "title": beacon.title, "round": number, "published": utc(published),
        "address": address, "in_the_future": published > now,
    }  # fmt: skip


def published_after(source: Mapping[str, Any], now: float) -> bool:
    """Whether a source is a round that nobody can know a value of yet."""
    return source["kind"] == "beacon" and beacons()[source["beacon"]].time_of(source["round"]) > now


def not_public(source: Mapping[str, Any], where: str, todo: str) -> RefusedError:
    """The refusal of a value that came before its round. todo: key of what to do."""
    said = message("attest_refused.not_public", round=source["round"], published=source["published"])
    return refusal(said, where=where, todo=message(f"attest_refused.{todo}"))


def body_of(config_path: Path, seed_from: str, initialiser: str | None, *, now: float) -> dict[str, Any]:
    """What a commitment says before its seed is known.

    Raises: RefusedError for a configuration that no initialiser covers; UsageError, see `source_of`.
    """
    config = read_config(config_path / "config.json" if config_path.is_dir() else config_path)
    made = planned(config, initialiser).made
    keys = used_keys(config, made)
    planned(keys, made.name)  # what is kept says all of it
    program = next(path for path in FOLDER.glob("*.toml") if load_toml(path)["name"] == made.name)
    return {
        "configuration": {"sha256": digest_of(keys), "keys": keys},
        "initialiser": {
            "name": made.name, "sha256": hashlib.sha256(read_bounded(program, MAX_BYTES)).hexdigest(), "source": made.source,
            "code": f"forebear {__version__}",
        },
        "seed_source": source_of(seed_from, now=now),
        "announced": utc(now),
    }  # fmt: skip


def announcement(body: Mapping[str, Any]) -> str:
    """The digest to publish before the seed is known: of all that stands in a commitment but the seed and what follows."""
    return digest_of({key: body[key] for key in ("configuration", "initialiser", "seed_source", "announced")})


def seed_of(body: Mapping[str, Any], value: str) -> dict[str, Any]:
    """The seed that follows from an announcement and its source's value: the first 32 bits of a SHA-256 of both.

    value: hexadecimal; of a beacon as it publishes it, or the signature that it follows from; of a file its digest.
    """
    value = value.strip().lower()
    source, signature = body["seed_source"], ""
    signed = source["kind"] == "beacon" and bool(beacons()[source["beacon"]].public_key)
    if signed and len(value) == 2 * SIGNATURE_BYTES and _HEX.fullmatch(value):
        value, signature = value_of(value), value
    wanted = 32 if source["kind"] == "file" else beacons()[source["beacon"]].bytes
    if len(value) != 2 * wanted or not _HEX.fullmatch(value):
        raise refusal(
            message("attest_form.bytes", count=wanted), where="--value", todo=message("attest_form.as_published")
        )
    if source["kind"] == "file" and value != source["sha256"]:
        raise refusal(message("attest_form.not_digest"), where="--value", todo=message("attest_form.leave_out"))
    mixed = hashlib.sha256(f"forebear/seed/1\n{announcement(body)}\n{value}".encode()).digest()
    found = {"value": value, "seed": int.from_bytes(mixed[:4], "big")}
    return found | ({"signature": signature} if signature else {})


def signature_holds(source: Mapping[str, Any], seed: Mapping[str, Any]) -> bool | None:
    """Whether the signature that a seed came with is the beacon's for that round; None without one, or without py_ecc."""
    if not seed.get("signature"):
        return None
    try:
        return is_signed(beacons()[source["beacon"]].public_key, source["round"], seed["signature"])
    except ImportError:
        return None


def read_commitment(path: Path) -> dict[str, Any]:
    """A commitment that `attest commit` wrote, with or without its seed, recomputed.

    Raises: RefusedError for what is none, or says a digest or a seed that does not follow.
    """
    raw = parse_json(read_bounded(path, MAX_BYTES), where=str(path), max_values=10_000)
    return checked(raw, str(path))


def checked(raw: Any, where: str) -> dict[str, Any]:
    """The same of parsed JSON: only known parts are kept, and everything that follows from another part is recomputed."""
    wrong = refusal(message("attest_form.no_commitment"), where=where, todo=message("attest_form.json_written"))
    if not isinstance(raw, Mapping) or raw.get("schema") != SCHEMA:
        raise wrong
    table = Table(raw, where, message("advice.get_again"))
    made, configuration = table.table("initialiser"), table.table("configuration")
    keys, source = configuration.take("keys", dict), table.take("seed_source", dict)
    kept: dict[str, Any] = {
        "configuration": {"sha256": configuration.text("sha256"), "keys": dict(keys)},
        "initialiser": {name: made.text(name) for name in ("name", "sha256", "source", "code")},
        "seed_source": source,
        "announced": table.text("announced"),
    }
    stated, seed = table.text("announcement"), raw.get("seed")
    if not _sane_source(source):
        raise wrong
    if digest_of(kept["configuration"]["keys"]) != kept["configuration"]["sha256"] or announcement(kept) != stated:
        raise refusal(message("attest_form.digest_not"), where=where, todo=message("attest_refused.again"))
    _check_times(source, kept["announced"], where)
    planned(keys, kept["initialiser"]["name"])
    found: dict[str, Any] = {"schema": SCHEMA, **kept, "announcement": stated, "seed": None}
    if seed is not None:
        if not isinstance(seed, Mapping) or not isinstance(seed.get("value"), str):
            raise wrong
        signature = seed.get("signature")
        again = seed_of(kept, signature if isinstance(signature, str) else seed["value"])
        if again["seed"] != seed.get("seed") or again["value"] != seed["value"]:
            said = message("attest_form.seed_not", seed=printable(str(seed.get("seed")), 20))
            raise refusal(said, where=where, todo=message("attest_refused.again"))
        found["seed"] = again
    return found


def _check_times(source: Mapping[str, Any], announced: str, where: str) -> None:
    """Refuse times that do not follow from the beacon's clock: a maker's own word would decide what came before its round."""
    right = _is_time(announced)
    if right and source["kind"] == "beacon":
        beacon = beacons()[source["beacon"]]
        seconds = beacon.time_of(source["round"])
        right = seconds <= LATEST and source["published"] == utc(seconds)
        right = right and source["address"] == beacon.address.format(round=source["round"], milliseconds=seconds * 1000)
        right = right and source.get("in_the_future") is (source["published"] > announced)
    if not right:
        raise refusal(message("attest_refused.round_wrong"), where=where, todo=message("attest_refused.again"))


def _sane_source(source: Mapping[str, Any]) -> bool:
    """Whether a source of a seed is a file's digest or a round of a beacon that forebear knows."""
    if source.get("kind") == "file":
        return isinstance(source.get("sha256"), str) and len(source["sha256"]) == 64
    texts = all(isinstance(source.get(key), str) for key in ("beacon", "published", "address"))
    number = source.get("round")
    whole = isinstance(number, int) and not isinstance(number, bool) and number > 0
    return source.get("kind") == "beacon" and texts and whole and source["beacon"] in beacons()
