"""A file at a web address as a byte source: the header first, then pieces fetched side by side and kept for a while."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

from forebear.core.errors import printable, refusal
from forebear.core.limits import MAX_CONFIG_BYTES
from forebear.core.messages import message
from forebear.files.base import Container
from forebear.files.bytes.bytesource import WholeReads
from forebear.files.bytes.remote_address import refuse, spot_of
from forebear.files.bytes.remote_http import Answer, Client, Place, expired
from forebear.files.bytes.remote_kept import BLOCK_BYTES, KEPT_BYTES, Witness

PIECE_BYTES = 2**20
"""Largest piece fetched at once."""
LARGEST_BYTES = 2**50
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_VALIDATORS = ("etag", "last-modified")


def prefetch_files(wanted: list[tuple[RemoteFile, list[tuple[int, int]]]]) -> None:
    """Fetch (offset, count) spans of several files of one client side by side, as far as there is room to keep them."""
    jobs: list[tuple[RemoteFile, tuple[int, int]]] = []
    room = KEPT_BYTES // BLOCK_BYTES
    for file, spans in wanted:
        pieces = file.pieces(spans)
        for piece in pieces:
            room -= piece[1] - piece[0]
            if room >= 0:
                jobs.append((file, piece))
    if not jobs:
        return
    pool = jobs[0][0].client.pool
    for _ in pool.map(lambda job: job[0].fetch_piece(job[1]), jobs):
        pass


class RemoteFile(WholeReads):
    """The bytes at an address. Memory: KEPT_BYTES of blocks for all files of a client, and the pieces in flight.

    The address is resolved once (redirects) and the result used for every piece; when it runs out it is resolved again.
    Noticed: another size, ETag or time of change in any answer; a block that is fetched twice and differs; a SHA-256
    other than the publisher's, where it gives one and the file was read whole.
    Raises: RefusedError when the server does not serve ranges, the file changes, or an address is not allowed.
    """

    grain_bytes = BLOCK_BYTES

    def __init__(self, client: Client, address: str, *, name: str = "") -> None:
        self.client, self._client, self._origin = client, client, address
        self.path = Path(name or shown(address))
        self._lock, self._resolving = threading.Lock(), threading.Lock()
        self._kept, self._number = client.kept, client.kept.new_file()
        self._witness = Witness(self._kept, self._number)
        self.bytes_read = 0
        self.size, self._linked = 0, ""
        self._tags: dict[str, str] = {}
        self._place: Place | str = address
        self._begin()

    def _begin(self) -> None:
        """The first piece: its answer tells the size and where the address leads."""
        answer = self._client.get(self._origin, first=0, last=BLOCK_BYTES - 1, limit=BLOCK_BYTES)
        if answer.status == 416:  # nothing to give: an empty file
            return
        begin, end, self.size = self._range(answer)
        if begin != 0 or end + 1 != min(self.size, BLOCK_BYTES) or len(answer.body) != end + 1:
            refuse(self._origin, message("remote.first_bytes"))
        if self.size > LARGEST_BYTES:
            refuse(self._origin, message("remote.size", size=self.size, most=LARGEST_BYTES))
        self._place, self._linked = answer.place, answer.linked
        self._tags = {name: answer.headers[name] for name in _VALIDATORS if name in answer.headers}
        self._keep(0, answer.body)

    def _range(self, answer: Answer) -> tuple[int, int, int]:
        if answer.status == 200:
            refuse(self._origin, message("remote.whole"), message("advice.no_ranges"))
        if answer.status != 206:
            _no_answer(self._origin, answer.status)
        found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        if found is None or answer.headers.get("content-encoding", "identity") != "identity":
            refuse(self._origin, message("remote.which_part"))
        begin, end, size = (int(number) for number in found.groups())
        if not begin <= end < size or len(answer.body) != end + 1 - begin:
            sent = len(answer.body)
            refuse(self._origin, message("remote.other_part", begin=begin, end=end, size=size, found=sent))
        return begin, end, size

    def read_into(self, offset: int, target: memoryview) -> None:
        """See `ByteSource.read_into`."""
        self.read_parts([(offset, target)])

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """All parts at once: the pieces that are missing are fetched side by side, neighbours together."""
        wanted = list(parts)
        for offset, target in wanted:
            if offset < 0 or offset + len(target) > self.size:
                said = message("unfit.before", size=self.size, wanted=offset + len(target))
                raise refusal(said, where=str(self.path), todo=message("advice.again"))
        for some in _batches(wanted, KEPT_BYTES // 2):
            blocks = sorted({b for offset, target in some for b in _blocks(offset, len(target))})
            self.fetch(blocks)
            for offset, target in some:
                self._copy(offset, target)

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch (offset, count) spans side by side and keep them, as far as there is room to keep."""
        prefetch_files([(self, list(spans))])

    def pieces(self, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """The runs of blocks that (offset, count) spans need and that are not kept."""
        blocks = sorted({b for offset, count in spans for b in _blocks(offset, min(count, self.size - offset))})
        return list(_pieces(self._kept.missing(self._number, blocks)))

    def fetch_cost(self, spans: Iterable[tuple[int, int]]) -> int:
        """Bytes that reading (offset, count) spans would fetch now."""
        return BLOCK_BYTES * sum(end - begin for begin, end in self.pieces(spans))

    def fetch_piece(self, piece: tuple[int, int]) -> None:
        """Fetch one run of blocks and keep it."""
        self._keep(*self._piece(piece))

    def fetch(self, blocks: list[int]) -> None:
        """Fetch the blocks not kept yet; blocks sorted."""
        pieces = list(_pieces(self._kept.missing(self._number, blocks)))
        if len(pieces) == 1:
            self._keep(*self._piece(pieces[0]))
        elif pieces:
            for first, body in self._client.pool.map(self._piece, pieces):
                self._keep(first, body)

    def _piece(self, piece: tuple[int, int]) -> tuple[int, bytes]:
        """Blocks first..last as bytes."""
        begin, end = piece[0] * BLOCK_BYTES, min(self.size, piece[1] * BLOCK_BYTES)
        for _ in range(3):
            place = self._place
            answer = self._client.get(place, first=begin, last=end - 1, limit=end - begin)
            if not expired(answer.status):
                break
            self._resolve_again(place)
        self._check(answer, begin, end)
        return piece[0], answer.body

    def _check(self, answer: Answer, begin: int, end: int) -> None:
        """Refuse an answer of another file than the first one, or of another part than begin..end."""
        got = self._range(answer)
        if got[2] != self.size or any(answer.headers.get(name, tag) != tag for name, tag in self._tags.items()):
            self._changed()
        if got[:2] != (begin, end - 1):
            refuse(self._origin, message("remote.short", found=len(answer.body), wanted=end - begin))

    def _changed(self) -> NoReturn:
        refuse(self._origin, message("remote.changed"), message("advice.pin"))

    def _resolve_again(self, stale: Place | str) -> None:
        """Ask the origin for a fresh place, once for all threads that hold the stale one."""
        with self._resolving:
            if self._place is not stale:
                return
            answer = self._client.get(self._origin, first=0, last=0, limit=1)
            self._check(answer, 0, 1)
            if answer.linked != self._linked:
                self._changed()
            self._place = answer.place

    def check_again(self) -> int:
        """Read the first block again from the origin on, and one more of those read: they must be what they were.

        Returns: bytes read.
        """
        blocks, before = self._witness.read_blocks(), self.bytes_read
        if len(blocks) < 2:  # one piece cannot have changed meanwhile
            return 0
        end = min(self.size, BLOCK_BYTES)
        answer = self._client.get(self._origin, first=0, last=end - 1, limit=end)
        self._check(answer, 0, end)
        if answer.linked != self._linked:
            self._changed()
        self._place = answer.place
        self._keep(0, answer.body)
        other = blocks[len(blocks) // 2]
        self.fetch_piece((other, other + 1))
        return self.bytes_read - before

    def watch(self, container: Container) -> None:
        """Let a sample be read again before a result is given; `container` counts the bytes."""

        def again() -> None:
            container.bytes_read += self.check_again()

        self.client.checks.append(again)

    def _keep(self, first: int, body: bytes) -> None:
        with self._lock:
            self.bytes_read += len(body)
        if not self._witness.saw(first, body, whole=bool(self._linked)):
            self._changed()
        whole = self._witness.digest(self.size) if self._linked else ""
        if whole and whole != self._linked:
            refuse(self._origin, message("remote.digest"), message("advice.damaged"))
        self._kept.put(self._number, first, body)

    def _copy(self, offset: int, target: memoryview) -> None:
        done = 0
        while done < len(target):
            number, inside = divmod(offset + done, BLOCK_BYTES)
            block = self._kept.get(self._number, number)
            if block is None:  # another file's blocks pushed it out meanwhile
                self.fetch([number])
                continue
            piece = block[inside : inside + len(target) - done]
            target[done : done + len(piece)] = piece
            done += len(piece)

    def release(self) -> None:
        """Nothing scarce is held between reads."""

    def close(self) -> None:
        """Let the blocks go and close the connections."""
        self._kept.forget(self._number)
        self._client.close()


def _blocks(offset: int, count: int) -> range:
    return range(offset // BLOCK_BYTES, -(-(offset + count) // BLOCK_BYTES)) if count > 0 else range(0)


def _pieces(blocks: list[int]) -> Iterator[tuple[int, int]]:
    """Runs first..last of blocks, at most PIECE_BYTES each; a gap of one block is fetched along."""
    most = PIECE_BYTES // BLOCK_BYTES
    begin = end = -1
    for block in blocks:
        if begin >= 0 and block <= end + 1 and block - begin < most:
            end = block + 1
            continue
        if begin >= 0:
            yield begin, end
        begin, end = block, block + 1
    if begin >= 0:
        yield begin, end


def _batches(parts: list[tuple[int, memoryview]], most: int) -> Iterator[list[tuple[int, memoryview]]]:
    """Parts in groups whose blocks fit what is kept; a part larger than that is cut."""
    group: list[tuple[int, memoryview]] = []
    held = 0
    for offset, target in parts:
        for at in range(0, max(1, len(target)), most):
            piece = target[at : at + most]
            cost = BLOCK_BYTES * len(_blocks(offset + at, len(piece)))
            if group and held + cost > most + 2 * BLOCK_BYTES:
                yield group
                group, held = [], 0
            group.append((offset + at, piece))
            held += cost
    if group:
        yield group


def _no_answer(address: str, status: int) -> NoReturn:
    known = {401: (message("remote.needs_token"), message("advice.set_token")),
             403: (message("remote.access"), message("advice.reading_token")),
             404: (message("remote.not_there"), message("advice.name_revision"))}  # fmt: skip
    what, todo = known.get(status, (message("remote.answers", status=status), message("advice.check_address")))
    refuse(address, what, todo)


def shown(address: str) -> str:
    """An address as a path for messages: host and path, without the query, and never upwards."""
    spot = spot_of(address)
    path = re.sub(r"(?<=/)\.\.?(?=/|$)", "", unquote(spot.target.partition("?")[0]))
    return printable(f"{spot.netloc}{path}", 1000)


def fetch_small(client: Client, address: str, limit: int = MAX_CONFIG_BYTES) -> bytes:
    """A small file whole. Raises RefusedError when it is not there, larger than `limit` bytes, or not what its host says."""
    answer = client.get(address, limit=limit)
    if answer.status != 200:
        _no_answer(address, answer.status)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        refuse(address, message("remote.packed"), message("advice.download"))
    if answer.linked and sha256(answer.body).hexdigest() != answer.linked:
        refuse(address, message("remote.digest"), message("advice.damaged"))
    return answer.body


class SmallFile:
    """A small file beside weights at an address, fetched when first asked for; its bytes count as read of the weights.

    limit: bytes; a larger file is refused before it is read, and may be asked for again under a larger limit.
    """

    def __init__(self, client: Client, address: str, weights: Container, limit: int = MAX_CONFIG_BYTES) -> None:
        self._client, self._address, self._file, self.limit = client, address, _first_file(weights), limit
        self._body: bytes | None = None

    def __call__(self) -> bytes:
        """The file's bytes. Raises RefusedError as `fetch_small`."""
        if self._body is None:
            self._body = fetch_small(self._client, self._address, self.limit)
            if self._file is not None:
                self._file.bytes_read += len(self._body)
        return self._body


def _first_file(container: object) -> RemoteFile | None:
    """The remote file behind a container: its own, its first part's, or the one an archive's member lies in."""
    while container is not None and not isinstance(container, RemoteFile):
        parts = getattr(container, "parts", None)
        container = parts[0] if parts else getattr(container, "_file", None) or getattr(container, "_outer", None)
    return container
