"""Reports of attestation: commitments, records, and what a chain proves."""
