"""Cards, runs and case files: what was said about a model, bound to what can be tested."""
