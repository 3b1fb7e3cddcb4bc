"""The bench: models of known ancestry, independents that look alike, audits of every statistic, rivals. Outside the wheel."""
