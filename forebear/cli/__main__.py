"""`python -m forebear.cli`."""

from forebear.cli.main import main

main()
