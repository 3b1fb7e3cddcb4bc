"""JSON Schemas of every document DESIGN names: the keys a reader may rely on."""
