"""Case files as text and pages."""
