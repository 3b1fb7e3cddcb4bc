"""One container format a file."""
