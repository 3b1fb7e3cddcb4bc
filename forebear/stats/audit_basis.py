"""Audit of the channel basis (METHODS §2, §8): SVD and PCA bases, sorted channels, a shared Hadamard rotation."""

from __future__ import annotations

from math import log

import numpy as np

from forebear.core.messages import message
from forebear.stats import thresholds
from forebear.stats.arrays import F64, Floats, as_float64
from forebear.stats.audit import AuditFinding, norm_against_index, row_norms
from forebear.stats.median import median

CHANNELS, CENTRED = message("term.channels"), message("term.centred channels")


def channel_basis(columns: Floats, *, looks: float = 1) -> tuple[AuditFinding, ...]:
    """Every look at the channel axis that needs only the embedding.

    Shapes:  (d, T): rows are channels (columns of E) over T tokens.
    Returns: sortedness (with and without the mean over tokens), orthogonality, first channel, Hadamard.
    Source:  METHODS §2, §8.
    """
    centred = _centred(as_float64(columns))
    return (
        norm_against_index(columns, looks=looks, what=CHANNELS),
        norm_against_index(centred, looks=looks, what=CENTRED),
        orthogonal_channels(columns),
        first_channel(columns),
        hadamard_rotated(columns),
    )


def orthogonal_channels(columns: Floats) -> AuditFinding:
    """Mean squared cosine between channels times the tokens: 1 for independent ones, near 0 in an SVD or PCA basis.

    Shapes:  (d, T), rows are channels. Taken with and without centring, the smaller counts (SVD or PCA). An SVD of the
             whole embedding is orthogonal over all its tokens only, so a small sample shows it by sortedness instead.
    Source:  METHODS §2, §8.
    """
    values = as_float64(columns)
    tokens = values.shape[1]
    shares = [_mean_square_cosine(values), _mean_square_cosine(_centred(values))]
    known = [share * tokens for share in shares if share is not None]
    value = min(known, default=1.0)
    alarm = value < thresholds.ORTHOGONAL_SHARE
    words = message("audit.orthogonal" if alarm else "audit.orthogonal_not", share=value)
    return AuditFinding("orthogonal channels", value, 1.0, thresholds.ORTHOGONAL_SHARE, alarm, words)


def first_channel(columns: Floats) -> AuditFinding:
    """Is channel 0 by far the most extreme? A Hadamard rotation makes it the plain sum of all channels.

    Shapes:  (d, T). value is the robust z of its log norm if it is the most extreme of all, else 0.
    Source:  METHODS §2.
    """
    z = _robust_z(row_norms(columns))
    value = float(abs(z[0])) if len(z) > 8 and np.isfinite(z[0]) and abs(z[0]) >= np.nanmax(np.abs(z)) else 0.0
    alarm = value >= thresholds.FIRST_CHANNEL_Z
    words = message("audit.first_channel" if alarm else "audit.first_channel_not")
    return AuditFinding("first channel", value, 0.0, thresholds.FIRST_CHANNEL_Z, alarm, words, "drop the first unit")


def hadamard_rotated(columns: Floats) -> AuditFinding:
    """Do channel norms spread far more once a Hadamard rotation is undone? Then both files may share that rotation.

    Shapes:  (d, T), d a power of two; else not applicable, which the words say.
    value:   spread of log norms after undoing over spread before: about 1 for any basis that was never rotated (a basis with
             outlier channels falls below).
    Source:  METHODS §2.
    """
    name, limit = "Hadamard rotation", thresholds.HADAMARD_RATIO
    d = len(columns)
    if d < 16 or d & (d - 1):
        words = message("audit.no_hadamard", width=d)
        return AuditFinding(name, 1.0, 1.0, limit, False, words, "drop the first unit")
    values = np.nan_to_num(as_float64(columns), nan=0.0, posinf=0.0, neginf=0.0)
    before, after = _log_spread(values), _log_spread(_walsh(values))
    value = after / before if before > 0 else 1.0
    alarm = value >= limit
    words = message("audit.hadamard", ratio=value)
    return AuditFinding(name, value, 1.0, limit, alarm, words, "drop the first unit")


def _centred(rows: F64) -> F64:
    """Rows minus their own mean; rows with NaN or Inf become NaN and are left out later."""
    if not rows.shape[1]:
        return rows
    with np.errstate(all="ignore"):
        return as_float64(rows - rows.mean(axis=1, keepdims=True))


def _mean_square_cosine(rows: F64) -> float | None:
    sizes = row_norms(rows)
    sound = np.isfinite(sizes) & (sizes > 1e-9 * np.nanmax(sizes, initial=0.0)) & (sizes > 0)
    if int(sound.sum()) < 2:
        return None
    unit = (rows[sound] / sizes[sound, None]).astype(np.float32)  # cosines of 1e-7 count as none here
    gram = unit @ unit.T
    np.fill_diagonal(gram, 0.0)
    n = len(unit)
    return float(np.vdot(gram, gram)) / (n * (n - 1))


def _robust_z(sizes: F64) -> F64:
    """Log norms in units of their median absolute deviation, as if normal."""
    with np.errstate(all="ignore"):
        logs = np.log(sizes)
    logs[~np.isfinite(logs)] = np.nan
    if np.isnan(logs).all():
        return np.zeros(len(logs))
    centred = logs - median(logs)
    spread = 1.4826 * median(np.abs(centred))
    return centred / spread if spread > 0 else np.zeros(len(logs))


def _log_spread(rows: F64) -> float:
    """Standard deviation of the log norms of all channels but the first, which a Hadamard rotation makes special."""
    sizes = row_norms(rows)[1:]
    sizes = sizes[sizes > 0]
    return float(np.std(np.log(sizes))) if len(sizes) > 1 else 0.0


def _walsh(rows: F64) -> F64:
    """Sylvester-Hadamard transform along the channels, orthonormal, by butterflies. Shapes: (2^m, T)."""
    out = rows.copy()
    for step in range(round(log(len(rows), 2))):
        half = 1 << step
        pairs = out.reshape(-1, 2, half, rows.shape[1])
        first, second = pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]
        out = np.stack([first, second], axis=1).reshape(rows.shape)
    return as_float64(out / np.sqrt(len(rows)))
