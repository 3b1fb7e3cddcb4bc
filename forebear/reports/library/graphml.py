"""A tree of a library as GraphML, for programs that draw and compute with graphs.

Source: the GraphML specification, http://graphml.graphdrawing.org/specification.html (keys, nodes, edges, `directed` of an edge).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from forebear.core.errors import printable

Document = Mapping[str, Any]
NODE = {"name": "string", "kind": "string", "family": "int", "architecture": "string", "layers": "int", "width": "int",
        "parameters": "long", "there_by": "string", "not_before": "string"}  # fmt: skip
EDGE = {"kind": "string", "relation": "string", "direction": "string", "proved": "boolean", "log10_p": "double", "cosine": "double",
        "shared_tensors": "int", "weight": "double"}  # fmt: skip
LONGEST = 400


def graphml(document: Document, language: str = "en") -> bytes:
    """The graph: a directed edge leads from a parent to its child, one without direction is undirected."""
    root = ET.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for domain, keys in (("node", NODE), ("edge", EDGE)):
        for key, kind in keys.items():
            ET.SubElement(root, "key", {"id": f"{domain}-{key}", "for": domain, "attr.name": key, "attr.type": kind})
    graph = ET.SubElement(root, "graph", id="tree", edgedefault="undirected")
    for node in document["nodes"]:
        _data(ET.SubElement(graph, "node", id=node["id"]), "node", NODE, node)
    for at, edge in enumerate(document["edges"]):
        directed = edge["parent"] is not None
        source, target = (edge["parent"], edge["child"]) if directed else edge["ends"]
        made = ET.SubElement(
            graph, "edge", id=f"e{at}", source=source, target=target, directed="true" if directed else "false"
        )
        _data(made, "edge", EDGE, {**edge["evidence"], **edge})
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _data(place: ET.Element, domain: str, keys: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """What is known of a node or an edge; text without characters that XML does not allow."""
    for key in keys:
        if (value := values.get(key)) is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            ET.SubElement(place, "data", key=f"{domain}-{key}").text = (
                printable(text, LONGEST).encode("utf-8", "replace").decode()
            )
