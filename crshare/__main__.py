"""The command: `crshare`, and python -m crshare."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # a silent end, until the command line is there

from crshare.cli import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    main()
