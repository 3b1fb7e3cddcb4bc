"""JSON Schemas of every document: the keys a reader may rely on (docs/architecture.md#interface)."""
