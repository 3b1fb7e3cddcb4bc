"""`python -m bench VERB`: parse, call, show."""

from bench.command import main

if __name__ == "__main__":
    raise SystemExit(main())
