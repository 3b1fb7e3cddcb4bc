"""Many pairs: the matrix, its workers, and the order of its rows."""
