"""What each figure of a page shows: documents in, scenes out; nothing is computed that a document does not say."""
