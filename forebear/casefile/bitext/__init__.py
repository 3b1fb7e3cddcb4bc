"""Which sentence of a translation belongs to which sentence of its source."""
