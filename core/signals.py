"""SIGTERM and SIGINT set an event, whatever the main thread is in the middle of."""

from __future__ import annotations

import os
import signal
import threading

ENDING = (signal.SIGTERM, signal.SIGINT)


def stop_at_signals(stop: threading.Event) -> None:
    """Set `stop` at SIGTERM or SIGINT. Call it in the main thread of a process that runs no asyncio loop there.

    `stop.set()` in a handler of Python's own would run in the main thread, between any two of its steps: it would wait
    for ever for the event's lock when that thread is just entering `stop.wait()`, and would not run at all while that
    thread sleeps and the kernel handed the signal to another. So the interpreter's C handler writes the signal's number
    into a pipe, and a thread of its own reads it and sets the event.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        while os.read(reading, 1)[0] not in ENDING:
            continue  # another signal that somebody handles, SIGCHLD or SIGALRM
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in ENDING:
        signal.signal(number, lambda *_: None)
