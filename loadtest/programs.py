"""Programs of `loadtest.in_process`: each a process of its own, asked by lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from loadtest.errors import BenchmarkError

# Of what a program said before it failed.
SAID_CHARACTERS = 4000


class Program:
    """A program that says what it has loaded, then answers requests, one at a time.

    Attributes:
        facts: what it said first.
        start_seconds: from its start until then, that of the interpreter and all imports included.
    """

    def __init__(self, process: subprocess.Popen[str], said: IO[str], started: float) -> None:
        self._process = process
        self._said = said
        self.facts = self._read()
        self.start_seconds = time.perf_counter() - started

    def ask(self, **request: Any) -> dict[str, Any]:
        """Have something done, and return what came of it.

        Raises:
            BenchmarkError: it cannot be done, or the program has ended.
        """
        assert self._process.stdin is not None  # noqa: S101 - always a pipe
        try:
            self._process.stdin.write(f"{json.dumps(request)}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - always a pipe
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(answer["error"])
        return answer

    def _ended(self) -> BenchmarkError:
        self._process.wait()
        self._said.seek(0)
        sys.stderr.write(self._said.read()[-SAID_CHARACTERS:])
        return BenchmarkError("A program that measures in process has ended; what it said last stands above.")


def answer_of(
    module: str, *arguments: str, failure: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a program that answers once, with its last line.

    Args:
        module: its name in `loadtest.in_process`.
        arguments: of its command line.
        failure: what it means that it fails; it says itself why.
        environment: variables beside those of this process.

    Raises:
        BenchmarkError: it fails.
    """
    command = [sys.executable, "-m", f"loadtest.in_process.{module}", *arguments]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=variables)
    if done.returncode:
        raise BenchmarkError(failure)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextmanager
def program(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """Start a program, and end it after the block.

    Args:
        module: its name in `loadtest.in_process`.
        arguments: of its command line.
        environment: variables beside those of this process.

    Raises:
        BenchmarkError: it cannot load what it should.
    """
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", f"loadtest.in_process.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        try:
            yield Program(process, said, started)
        finally:
            process.communicate()
