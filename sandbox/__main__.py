"""`python -m sandbox`: the sandbox alone, with the same options as the gateway's subcommand."""

import argparse

from sandbox.main import serve
from sandbox.options import add_arguments, options

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="sandbox", description="A simulated Raken with made-up data.")
    add_arguments(parser)
    serve(options(parser.parse_args()))
