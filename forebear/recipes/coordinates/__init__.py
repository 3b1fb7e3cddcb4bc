"""The residual stream of a rewritten subject put back into the candidate's coordinates before operations are asked about."""
