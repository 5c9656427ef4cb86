"""What a model answers without any server: `python -m loadtest.peers.models.expected FILE...` prints it as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import service_of


def main() -> None:
    """Answer each body, one by one."""
    service = service_of(Options.from_environment())
    print(json.dumps([service.score([service.read(Path(name).read_bytes())])[0] for name in sys.argv[1:]]))


if __name__ == "__main__":
    main()
