"""The command: `crshare`, and python -m crshare."""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # a silent end, until the command line is there
if not hasattr(os, "fork"):  # what is imported next needs such a system, too
    sys.stderr.write(
        "crshare: needs a system that forks processes, as Linux and macOS do; on Windows, install "
        "and run it inside of WSL\n"
    )
    sys.exit(2)

from crshare.cli import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    main()
