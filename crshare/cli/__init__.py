"""The command line: arguments in, exit code out; the only package that prints.

One module for each command. Everything heavy is imported inside the command that needs it, so that
--help is instant.
"""

from pathlib import Path

import click

import crshare
from crshare.cli.analyze import analyze
from crshare.cli.apply import apply
from crshare.cli.arguments import IN_FILE
from crshare.cli.boundary import CommandLine
from crshare.cli.evaluate import evaluate
from crshare.cli.export import export
from crshare.cli.finetune import finetune
from crshare.cli.generate import generate
from crshare.cli.inspect import inspect
from crshare.cli.optimize import optimize
from crshare.cli.report import report
from crshare.cli.saying import saying_options
from crshare.cli.settings import read_settings
from crshare.cli.synth import synth
from crshare.cli.train import train
from crshare.cli.verify import verify

COMMANDS = (
    inspect,
    verify,
    analyze,
    optimize,
    finetune,
    evaluate,
    apply,
    export,
    report,
    generate,
    synth,
    train,
)


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(crshare.__version__, prog_name="crshare")
@click.option(
    "--config",
    type=IN_FILE,
    help="A file of options for each command.  [default: crshare.toml in this folder, if any]",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Result sharing for binarized neural networks.

    Finds 2-D filter slices that are repeated, inverse or similar, and plans which of them to
    compute, so that one result serves many filters.

    \b
    Exit codes:
      0  done
      1  a fault of crshare
      2  the input, the arguments or stdout cannot be used; stderr says why
    130  ended by Ctrl-C, 143 by SIGTERM; stderr says how to go on
    141  what read stdout went away
    """
    context.default_map = read_settings(config, main.commands)


for command in COMMANDS:
    command.params.extend(saying_options())
    main.add_command(command)
