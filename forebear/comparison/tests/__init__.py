"""One test a file, each on an axis that a definition proves exchangeable."""
