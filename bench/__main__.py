"""`python -m bench VERB`: parse, call, show."""

import sys

OURS = ("bench", "forebear")


def run() -> int:
    """The verb of the command line; a package of the bench's that is not installed is named with what brings it."""
    try:
        from bench.command import main

        return int(main() or 0)
    except ModuleNotFoundError as error:
        missing = str(error.name or "").partition(".")[0]
        if not missing or missing in OURS:
            raise
        print(f"bench: the package {missing} is not installed. In a clone: pip install -e '.[test]'", file=sys.stderr)
        return 3


if __name__ == "__main__":
    raise SystemExit(run())
