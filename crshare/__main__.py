"""python -m crshare."""

from crshare.cli import main

main()
