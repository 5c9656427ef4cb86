"""A program: prepares each file named on its input, in one process with bounded memory, as a replica would.

For each it writes a line of JSON. A file that takes more processor time than the limit, or that waits for something,
ends the program, with a stack trace.
"""

import faulthandler
import json
import resource
import signal
import sys
import time
from pathlib import Path

from deployments.contracts import EncodedImage, ImagePreset, PreparedImage
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

ADDRESS_SPACE = 3 << 30

# Of the processor, which other programs on the machine do not use up, and of the clock.
BUSY_SECONDS = 2
HANG_SECONDS = 60

preprocessor = Preprocessor(
    PreprocessSettings(), ImagePreset(232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
)
resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
# The stack trace first, then what the signal does by itself: it ends the process.
faulthandler.register(signal.SIGPROF, chain=True)
for line in sys.stdin:
    content = Path(line.rstrip("\n")).read_bytes()
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    signal.setitimer(signal.ITIMER_PROF, BUSY_SECONDS)
    started = time.process_time()
    result = preprocessor.prepare(EncodedImage(content)).result
    seconds = time.process_time() - started
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.cancel_dump_traceback_later()
    outcome = "prepared" if isinstance(result, PreparedImage) else result.message
    # What getrusage tells begins with the memory of the process that started this one.
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"outcome": outcome, "seconds": seconds, "peak_mib": peak}), flush=True)
