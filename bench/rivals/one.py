"""One method on one pair, as a process of its own: what the seconds and megabytes of the table are measured on.

python -m bench.rivals.one METHOD SUBJECT CANDIDATE
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.methods import METHODS

if __name__ == "__main__":
    print(METHODS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])).score)
