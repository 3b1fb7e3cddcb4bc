"""The names that other containers use for tensors and tokenizers."""
