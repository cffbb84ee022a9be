"""Runs one server and ends it when whoever asked for it is gone. Standard library only: started as a script.

    keeper.py STOP_SIGNAL USER REMOVE LOG COMMAND...

* The server's pid is the first line of the output; the server's output goes to the file LOG.
* End of input (the asker closed it, or died) stops the server: STOP_SIGNAL, after ten seconds SIGKILL.
* Then the folder REMOVE is deleted, so that a killed test run leaves nothing. `-`: no folder, no other USER.
* A keeper that is itself killed takes the server along (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

GRACE_S = 10
_PR_SET_PDEATHSIG = 1


def main(stop: str, user: str, remove: str, log: str, *command: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C belongs to the test run, which then closes our input
    prctl = ctypes.CDLL(None).prctl
    stop_signal = int(stop)
    switch = {} if user == "-" else {"user": user, "group": user, "extra_groups": ()}
    with Path(log).open("ab") as out:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, stop_signal),  # noqa: PLW1509 - one thread only
            **switch,  # type: ignore[call-overload]
        )
    print(server.pid, flush=True)  # noqa: T201 - this is the answer to the asker
    watch = os.pidfd_open(server.pid)
    ready, _, _ = select.select([sys.stdin, watch], [], [])
    if watch not in ready:
        server.send_signal(stop_signal)
        try:
            server.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            server.kill()
        if remove != "-":
            server.wait()
            shutil.rmtree(remove, ignore_errors=True)
    code: int = server.wait()
    return abs(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
