"""What a case claims, and the test each claim is bound to."""
