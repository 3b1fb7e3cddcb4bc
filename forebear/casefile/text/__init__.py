"""From a file to segments of text."""
