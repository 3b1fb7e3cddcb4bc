"""What the tests found: evidence, effects, and the verdict they allow."""
