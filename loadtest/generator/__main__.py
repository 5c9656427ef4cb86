"""A process of the generator: `python -m loadtest.generator master|worker`.

Locust replaces the blocking parts of Python's library by those of gevent as soon as it is imported. Only these
processes are for that: the command line, which watches the server beside them, keeps its threads and sockets.
"""

# ruff: noqa: I001 - Locust comes first, before anything that it has to replace parts of.
import locust  # noqa: F401

import argparse
import sys
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.generator import credentials
from loadtest.generator.master import run_master
from loadtest.generator.worker import run_worker


def main() -> None:
    """Be what the arguments say."""
    parser = argparse.ArgumentParser(prog="loadtest.generator")
    parser.add_argument("role", choices=("master", "worker"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--expected", type=int, default=1)
    parser.add_argument("--key-file", type=Path)
    parser.add_argument("--token-file", type=Path)
    given = parser.parse_args()
    try:
        if given.role == "master":
            run_master(given.host, given.port, given.expected)
        else:
            run_worker(given.host, given.port, credentials.headers(given.key_file, given.token_file))
    except BenchmarkError as error:
        sys.exit(f"Error: {error}")
    except ConnectionError:
        sys.exit("Error: The master does not answer.")


main()
