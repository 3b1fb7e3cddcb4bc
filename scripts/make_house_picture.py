"""Write docs/house.svg, the rooms of forebear and what imports what, from the import graph; a test checks that it is current.

Nothing here names a room: a module that moves changes the picture by itself. Only rooms, their first docstring line, their
sub-rooms and the fact that one imports another are drawn, so that most changes leave the file as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "forebear"
TARGET = ROOT / "docs" / "house.svg"
BOX_WIDTH, BOX_HEIGHT, GAP, LEVEL = 226, 124, 14, 180
STYLE = """
svg{background:#fff;font-family:system-ui,sans-serif}
.room{fill:#f6f8fa;stroke:#57606a} .name{font-size:15px;font-weight:600;fill:#1f2328} .words{font-size:11px;fill:#57606a}
.arrow{fill:none;stroke:#8c959f;stroke-width:1.3} .circle{fill:none;stroke:#cf222e;stroke-width:2}
@media (prefers-color-scheme:dark){svg{background:#0d1117}.room{fill:#161b22;stroke:#8b949e}.name{fill:#e6edf3}.words{fill:#9da7b3}
.arrow{stroke:#6e7681}}
"""
Graph = Mapping[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of a package."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names that code imports, inside functions too; what only the type checker reads is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from imports_of(ast.Module([other], []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imports_of(node)


def room_of(name: str, known: Mapping[str, Path]) -> str | None:
    """The room a dotted name lies in: the part behind the package; None for the package itself and outside of it."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else None


def rooms(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Room -> the other rooms that its modules import."""
    known = modules(package)
    graph: dict[str, set[str]] = {room: set() for name in known if (room := room_of(name, known))}
    for name, path in known.items():
        room = room_of(name, known)
        if room is None:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        wanted = (word for word in imports_of(tree) if word.split(".")[0] == package.name)
        graph[room] |= {other for word in wanted if (other := room_of(word, known))} - {room}
    return graph


def reach(graph: Graph, start: str) -> set[str]:
    """Everything below a room; the room itself only when it is in a circle."""
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        if (room := todo.pop()) not in seen:
            seen.add(room)
            todo += graph[room]
    return seen


def levels(graph: Graph) -> dict[str, int]:
    """Height of each room: 0 imports nobody, else one above the highest it imports; rooms of one circle stay level."""
    below = {room: reach(graph, room) for room in graph}
    order = sorted(graph, key=lambda room: (len(below[room]), room))
    found: dict[str, int] = {}
    for room in order:
        under = [found[other] + (room not in below[other]) for other in below[room] if other in found]
        found[room] = max(under, default=0)
    return found


def reduced(graph: Graph) -> list[tuple[str, str]]:
    """The arrows that no other chain of arrows implies."""
    pairs = []
    for room, others in graph.items():
        for other in others:
            between = (third for third in others - {other} if room not in reach(graph, third))
            if not any(other in reach(graph, third) for third in between):
                pairs.append((room, other))
    return sorted(pairs)


def words_of(room: str, package: Path = PACKAGE) -> tuple[str, list[str]]:
    """The first sentence of a room's docstring, and the names of its sub-rooms."""
    folder = package / room
    path = folder / "__init__.py" if folder.is_dir() else package / f"{room}.py"
    text = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0].replace("\n", " ")
    inner = sorted(p.name for p in folder.iterdir() if (p / "__init__.py").is_file()) if folder.is_dir() else []
    return text, inner


def lines_of(text: str, width: int = 35, most: int = 3) -> list[str]:
    """Words broken into at most a few lines."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " …"]


def picture(package: Path = PACKAGE) -> str:
    """The whole SVG: upper rooms above, an arrow from each room to what it imports."""
    graph = rooms(package)
    height = levels(graph)
    top = max(height.values())
    wide = max(list(height.values()).count(level) for level in range(top + 1)) * (BOX_WIDTH + GAP) + GAP
    place: dict[str, tuple[float, float]] = {}
    for level in range(top + 1):
        row = sorted(room for room in graph if height[room] == level)
        left = (wide - len(row) * BOX_WIDTH - (len(row) - 1) * GAP) / 2
        for i, room in enumerate(row):
            place[room] = (left + i * (BOX_WIDTH + GAP), 40 + (top - level) * LEVEL)
    arrows = {(a, b): a in reach(graph, b) for a, b in reduced(graph)}
    parts = [arrow(place[a], place[b], False) for (a, b), circle in arrows.items() if not circle]
    parts += [box(room, place[room], package) for room in sorted(graph)]
    parts += [arrow(place[a], place[b], True) for (a, b), circle in arrows.items() if circle]
    tall = 40 + (top + 1) * LEVEL
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" role="img">'
    title = "<title>The rooms of forebear: an arrow leads from a room to one that it imports</title>"
    mark = (
        '<defs><marker id="m" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#8c959f"/></marker></defs>'
    )
    return "\n".join([head, title, f"<style>{STYLE}</style>", mark, *parts, "</svg>", ""])


def arrow(a: tuple[float, float], b: tuple[float, float], circle: bool) -> str:
    """A curve from the lower edge of one box to the upper edge of another; a red arch within a circle."""
    x, to_x, to_y = a[0] + BOX_WIDTH / 2, b[0] + BOX_WIDTH / 2, b[1]
    y = a[1] if circle else a[1] + BOX_HEIGHT
    middle = min(y, to_y) - LEVEL / 3 if circle else (y + to_y) / 2
    kind = "circle" if circle else "arrow"
    curve = f"M{x:.0f} {y:.0f}C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path class="{kind}" marker-end="url(#m)" d="{curve}"/>'


def box(room: str, at: tuple[float, float], package: Path) -> str:
    """One room with its name, what it is and its sub-rooms."""
    text, inner = words_of(room, package)
    lines = lines_of(text) + (lines_of("rooms inside: " + ", ".join(inner)) if inner else [])
    x, y = at
    out = [f'<rect class="room" x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>',
           f'<text class="name" x="{x + 12:.0f}" y="{y + 22:.0f}">{escape(room)}</text>']  # fmt: skip
    for i, line in enumerate(lines):
        out.append(f'<text class="words" x="{x + 12:.0f}" y="{y + 40 + 15 * i:.0f}">{escape(line)}</text>')
    return "\n".join(out)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.is_file() and TARGET.read_text("utf-8") == picture() else 1)
    TARGET.write_text(picture(), encoding="utf-8")
