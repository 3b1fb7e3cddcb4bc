"""Recipe documents as text and as a page with pictures."""
