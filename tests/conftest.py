"""For every test: GPUs are the emulated ones where the build has them.

Set PYDL_CUDA to choose: "emulated" lets the kernel tests run over the device executor
too, any other value leaves real GPUs to be used.
"""

from __future__ import annotations

import os
import signal

from pydl import _core

#: What the user asked for.
CHOSEN = os.environ.get("PYDL_CUDA", "")

if not CHOSEN and "emulated" in _core.info()["bundles"]:
    os.environ["PYDL_CUDA"] = "emulated"
    os.environ["PYDL_TEST_KERNELS_ON_CUDA"] = "0"

# A shell that starts the tests in the background hands down an ignored Ctrl-C, which
# they and the processes they start send themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
