"""Scenes as PNG, drawn here: no charting library, no fonts of the machine, the same bytes everywhere."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import printable
from forebear.reports import glyphs
from forebear.reports.scene import Area, Box, Cells, Dots, Lines, Scene, Words, palette, role_of

SCALE = 2
"""Picture pixels per unit of a scene."""
MAX_SIDE = 8000
"""Largest side of a picture; a larger scene is drawn smaller."""

Canvas = NDArray[np.float32]
Colour = NDArray[np.float32]


def png(scene: Scene) -> bytes:
    """The scene in light colours on white, as a PNG file."""
    scale = min(SCALE, MAX_SIDE / max(1.0, scene.width, scene.height))
    canvas = np.full(
        (max(1, round(scene.height * scale)), max(1, round(scene.width * scale)), 3), 255, dtype=np.float32
    )
    pen = _Pen(canvas, scale)
    for shape in scene.shapes:
        match shape:
            case Box():
                pen.box(shape)
            case Lines():
                pen.lines(shape)
            case Area():
                pen.area(shape)
            case Dots():
                pen.dots(shape)
            case Cells():
                pen.cells(shape)
            case Words():
                pen.words(shape)
    return encode((canvas + np.float32(0.5)).astype(np.uint8))


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of 8-bit RGB pixels, shape (height, width, 3). Stored plain or as differences of rows, whichever is shorter."""
    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    above = np.vstack([np.zeros((1, width * 3), dtype=np.uint8), rows[:-1]])
    plain = np.hstack([np.zeros((height, 1), dtype=np.uint8), rows])
    risen = np.hstack([np.full((height, 1), 2, dtype=np.uint8), rows - above])
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = min((zlib.compress(way.tobytes(), 6) for way in (plain, risen)), key=len)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


class _Pen:
    """Draws on a canvas of shape (height, width, 3) in scene units times `scale`."""

    def __init__(self, canvas: Canvas, scale: float) -> None:
        self.canvas, self.scale = canvas, scale
        self.colours: dict[str, Colour] = {
            role: np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float32)
            for role, code in palette("light").items()
        }

    def fill(self, x0: float, y0: float, x1: float, y1: float, role: str) -> None:
        """A rectangle given in canvas pixels, to whole pixels, never thinner than one."""
        left, top = max(0, round(x0)), max(0, round(y0))
        self.canvas[top : max(top + 1, round(y1)), left : max(left + 1, round(x1))] = self.colours[role]

    def box(self, box: Box) -> None:
        s = self.scale
        if box.fill:
            self.fill(box.x * s, box.y * s, (box.x + box.width) * s, (box.y + box.height) * s, box.fill)
        if box.stroke:
            right, low = box.x + box.width, box.y + box.height
            corners = ((box.x, box.y), (right, box.y), (right, low), (box.x, low), (box.x, box.y))
            self.lines(Lines(corners, box.stroke, 1.0))

    def cells(self, cells: Cells) -> None:
        if not cells.levels or not cells.levels[0]:
            return
        s = self.scale
        high, wide = cells.height * s / len(cells.levels), cells.width * s / len(cells.levels[0])
        for y, row in enumerate(cells.levels):
            for x, level in enumerate(row):
                if level:
                    left, top = cells.x * s + x * wide, cells.y * s + y * high
                    self.fill(left, top, left + wide, top + high, role_of(level))

    def lines(self, lines: Lines) -> None:
        half = max(0.5, lines.width * self.scale / 2)
        points = [(x * self.scale, y * self.scale) for x, y in lines.points]
        for (x0, y0), (x1, y1) in pairwise(points):
            for a, b in _dashes(x0, y0, x1, y1, 4 * self.scale, 3 * self.scale) if lines.dashed else [(0.0, 1.0)]:
                self.stroke(
                    (x0 + a * (x1 - x0), y0 + a * (y1 - y0)),
                    (x0 + b * (x1 - x0), y0 + b * (y1 - y0)),
                    half,
                    lines.stroke,
                )

    def dots(self, dots: Dots) -> None:
        for x, y in dots.points:
            at = (x * self.scale, y * self.scale)
            self.stroke(at, at, max(0.6, dots.radius * self.scale), dots.fill)

    def stroke(self, start: tuple[float, float], end: tuple[float, float], half: float, role: str) -> None:
        """Everything within `half` pixels of a segment, with soft edges."""
        (x0, y0), (x1, y1) = start, end
        height, width, _ = self.canvas.shape
        left, right = max(0, int(min(x0, x1) - half - 1)), min(width, int(max(x0, x1) + half + 2))
        top, low = max(0, int(min(y0, y1) - half - 1)), min(height, int(max(y0, y1) + half + 2))
        if left >= right or top >= low:
            return
        x, y = np.arange(left, right) + 0.5, (np.arange(top, low) + 0.5)[:, None]
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0.0
        distance = np.hypot(x - (x0 + along * dx), y - (y0 + along * dy))
        self.blend(slice(top, low), slice(left, right), np.clip(half + 0.5 - distance, 0, 1), role)

    def area(self, area: Area) -> None:
        """A polygon by rows of pixels, odd crossings inside."""
        points = np.array(area.points, dtype=np.float64) * self.scale
        if len(points) < 3:
            return
        height, width, _ = self.canvas.shape
        ends = np.roll(points, -1, axis=0)
        for row in range(max(0, int(points[:, 1].min())), min(height, int(points[:, 1].max()) + 1)):
            y = row + 0.5
            crossed = (points[:, 1] <= y) != (ends[:, 1] <= y)
            a, b = points[crossed], ends[crossed]
            cuts = np.sort(a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
            for left, right in zip(cuts[::2], cuts[1::2], strict=False):
                self.canvas[row, max(0, round(left)) : min(width, round(right))] = self.colours[area.fill]

    def words(self, words: Words) -> None:
        text = printable(words.text, 2000)
        square = max(1, round(words.size * self.scale / 11))
        bitmap = np.kron(glyphs.line(text), np.ones((square, square), dtype=bool)).astype(np.float32)
        if words.bold:
            bitmap[:, 1:] = np.maximum(bitmap[:, 1:], bitmap[:, :-1])
        wide = glyphs.ADVANCE * len(text) * square
        left = round(words.x * self.scale) - {"start": 0, "middle": wide // 2, "end": wide}[words.anchor]
        top = round(words.y * self.scale) - glyphs.ASCENT * square
        height, width, _ = self.canvas.shape
        cut = bitmap[max(0, -top) : max(0, height - top), max(0, -left) : max(0, width - left)]
        if cut.size:
            y, x = max(0, top), max(0, left)
            self.blend(slice(y, y + cut.shape[0]), slice(x, x + cut.shape[1]), cut, words.role)

    def blend(self, rows: slice, columns: slice, share: NDArray[np.floating], role: str) -> None:
        under = self.canvas[rows, columns]
        self.canvas[rows, columns] = under + (self.colours[role] - under) * share[..., None].astype(np.float32)


def _dashes(x0: float, y0: float, x1: float, y1: float, on: float, off: float) -> Sequence[tuple[float, float]]:
    length = float(np.hypot(x1 - x0, y1 - y0))
    starts = np.arange(0.0, length, on + off)
    return [(s / length, min(1.0, (s + on) / length)) for s in starts.tolist()] if length else []
