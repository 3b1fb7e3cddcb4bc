"""The first lines of a worker, run by its path with `python -P`: the module path is the parent's, then forebear is loaded.

Nothing may be imported from the folder that the worker runs in, and `-m` would put that folder first on the module path. So
this is a script, and the package is loaded from the place where the parent has it, wherever that is on the path.
"""

import json
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


def start(paths: list[str], root: str) -> None:
    """Compare pairs as worker.py does. root: the folder that holds the package `forebear`."""
    sys.path[:] = paths
    found = PathFinder.find_spec("forebear", [root])
    assert found is not None
    assert found.loader is not None
    package = sys.modules["forebear"] = module_from_spec(found)
    found.loader.exec_module(package)
    from forebear.comparison.worker import main

    main()


if __name__ == "__main__":
    start(*json.loads(sys.argv[1]))
