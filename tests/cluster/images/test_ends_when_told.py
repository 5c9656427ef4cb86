import signal
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).parents[3] / "cluster/images/ends_when_told.pth"
LINE = FILE.read_text(encoding="utf-8").splitlines()[-1]


def run(first):
    """Run the line in a Python that takes itself for the first process or not, and tell it to end."""
    code = f"import os\nos.getpid = lambda pid=os.getpid(): {'1' if first else 'pid'}\n{LINE}\nsignal.raise_signal(15)"
    return subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode


def test_the_first_process_of_a_container_ends_by_itself():
    assert run(first=True) == 0


def test_others_end_as_ever():
    assert run(first=False) == -signal.SIGTERM


def test_python_runs_the_line_at_its_start():
    """Python's site module runs lines of such files that begin with import, and leaves comments out."""
    assert LINE.startswith("import ")
    assert all(line.startswith("#") for line in FILE.read_text(encoding="utf-8").splitlines()[:-1])
