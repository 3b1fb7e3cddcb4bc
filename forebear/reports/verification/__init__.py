"""Reports of verifications: text, page, rows, and the forms that pipelines and registries read."""
