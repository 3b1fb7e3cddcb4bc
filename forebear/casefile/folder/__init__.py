"""A case on disk: its folder, documents, exports and seals."""
