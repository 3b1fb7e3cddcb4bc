"""Where bytes come from: a file, an archive member, an address."""
