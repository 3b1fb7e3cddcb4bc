"""Figures about how a tokenizer spreads a text over its vocabulary (METHODS §15)."""

from __future__ import annotations

from collections.abc import Iterable
from math import log

import numpy as np
from numpy.typing import NDArray

RENYI_ORDER = 2.5
"""Zouhar et al., Tokenization and the Noiseless Channel, ACL 2023: the order that went best with translation quality."""


def renyi(counts: NDArray[np.int64], order: float = RENYI_ORDER) -> float:
    """Rényi entropy of the tokens of a text: log(Σ p^order) / (1 - order), in nats; order 1 is Shannon's.

    Shapes: (n,), how often each token was met; all above 0.
    """
    share = counts / counts.sum()
    if order == 1:
        return float(-(share * np.log(share)).sum())
    return float(np.log((share**order).sum()) / (1 - order))


def efficiency(counts: Iterable[int], size: int) -> float | None:
    """Rényi entropy over that of `size` tokens used alike: 1 when all are used alike, 0 when one is; None below two tokens.

    Source: Zouhar et al. 2023, who divide by the logarithm of the vocabulary's size. Compare it on one text only.
    """
    met = np.asarray([count for count in counts if count > 0], dtype=np.int64)
    if size < 2 or met.size == 0:
        return None
    return round(abs(renyi(met)) / log(size), 4)
