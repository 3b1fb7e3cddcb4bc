"""Documents of libraries as text, rows and pages."""
