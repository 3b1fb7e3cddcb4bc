"""Prints made and libraries searched by the workers of Ray: a cluster named by RAY_ADDRESS, or the cores of this machine.

Scheduling, retries and the loss of workers are Ray's. What crosses is bytes and plain words; Ray carries them by pickling between
machines of one cluster, which trust each other. One process, the one that asked, writes to the library.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.core.threads import usable_cores
from forebear.engines.absent import library_of
from forebear.engines.work import Made, nearest_packed, print_packed, rows_of, unpacked
from forebear.library.adding import Wanted
from forebear.library.shards import STRIDE, Shards
from forebear.library.store import Near, Rows

STORE_BYTES = 100 * 2**20
"""Shared memory of a cluster on this machine: prints are small."""
TRIES = 2
"""Times that Ray gives an item to another worker after one was lost with it."""
STARTS = 3
"""Times that beginning a cluster on this machine is tried."""
AHEAD = 2
"""Items handed out at once for each core of the cluster."""


@contextmanager
def cluster(where: str) -> Iterator[Any]:
    """Ray, connected to the cluster of RAY_ADDRESS or to one begun on this machine, which ends with the block.

    Raises: RefusedError when Ray is not installed or the cluster cannot be reached.
    """
    ray = library_of("ray", where)
    ours = not ray.is_initialized()
    if ours:
        _begin(ray, where)
    try:
        with redirect_stdout(sys.stderr):  # Ray says there what became of its workers; results alone go to the output
            yield ray
    finally:
        if ours:
            ray.shutdown()


def _begin(ray: Any, where: str) -> None:
    """Connect to the cluster of RAY_ADDRESS, or begin one here: Ray waits half a minute for it, short on a busy machine."""
    here = {"num_cpus": usable_cores(), "object_store_memory": STORE_BYTES, "include_dashboard": False}
    for left in reversed(range(1 if os.environ.get("RAY_ADDRESS") else STARTS)):
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **({} if os.environ.get("RAY_ADDRESS") else here))
            return
        except Exception as error:  # Ray raises plain exceptions when a cluster does not come up in time
            ray.shutdown()
            if not left:
                said = message("engine_refused.failed", engine="Ray", why=str(error).splitlines()[0][:200])
                raise refusal(said, where=where) from error


def made(todo: Sequence[str], wanted: Wanted, work: Callable[[str, Wanted], dict[str, Any]] = print_packed) -> Iterator[Made]:
    """Prints of these paths by the workers of Ray, in the order in which they are done; see `forebear.library.adding.add_all`.

    A worker that is lost costs the item it was at, which another worker does again; after TRIES more losses that item is refused.
    work: what a worker does with one path.
    """
    if not todo:
        return
    with cluster("--engine ray") as ray:
        task = ray.remote(num_cpus=1, max_retries=TRIES)(work)
        one_core = replace(wanted, workers=1)
        waiting = deque(todo)
        running: dict[Any, str] = {}
        while waiting or running:
            room = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))) - len(running)
            for path in [waiting.popleft() for _ in range(min(room, len(waiting)))]:
                running[task.remote(path, one_core)] = path
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                path = running.pop(reference)
                yield _made(ray, reference, path)


def _made(ray: Any, reference: Any, path: str) -> Made:
    """What came back for a path, or that it was lost. A fault of ours in a worker is raised as it is in a plain loop."""
    try:
        return unpacked(ray.get(reference))
    except RefusedError as error:
        return path, error, 0.0, 0, []
    except ray.exceptions.RayError as error:
        if isinstance(error, ray.exceptions.RayTaskError):
            raise
        return path, refusal(message("engine_refused.lost", why=type(error).__name__), where=path), 0.0, 0, []


class RayShards(Shards):
    """Libraries directly in a folder that all workers see, each looked through by a worker (forebear.library.store.Indexed)."""

    def near(self, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Near | None:
        """The `most` nearest rows of every library, found by its worker exactly. `passed` is 0: nothing was looked at coarsely."""
        return Near(0, self._nearest(screen.tobytes(), anchors.tobytes(), most))

    def _nearest(self, screen: bytes, anchors: bytes, most: int) -> Iterator[Rows]:
        with cluster(f"ray:{self.folder}") as ray:
            task = ray.remote(num_cpus=1, max_retries=TRIES)(nearest_packed)
            asked = [task.remote(str(place.resolve()), screen, anchors, most) for place in self.places]
            for number, reference in enumerate(asked):
                try:
                    rows = rows_of(ray.get(reference))
                except ray.exceptions.RayError as error:
                    if isinstance(error, ray.exceptions.RayTaskError):
                        raise
                    said = message("engine_refused.lost", why=type(error).__name__)
                    raise refusal(said, where=str(self.places[number])) from error
                yield rows._replace(handles=rows.handles + number * STRIDE)
