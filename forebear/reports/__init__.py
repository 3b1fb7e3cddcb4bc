"""Documents turned into text and pages; draws, computes nothing."""
