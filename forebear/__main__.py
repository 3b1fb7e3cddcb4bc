"""`python -P -m forebear`: without -P, Python itself puts the current folder first on the module path."""

from forebear.cli import main

if __name__ == "__main__":
    main()
