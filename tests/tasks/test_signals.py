"""SIGTERM and SIGINT end a process whose main thread waits for an event, at whatever moment they come."""

import signal
import subprocess
import sys

import pytest

SLEEPER = """
import signal, threading
from core.signals import stop_at_signals

class Told(threading.Event):
    def set(self):
        self.by = threading.current_thread()
        super().set()

stop = Told()
stop_at_signals(stop)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])  # the kernel gives them to another thread
signal.raise_signal(signal.SIGCHLD)
print("ready", flush=True)
stop.wait()
print("main" if stop.by is threading.main_thread() else "another", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_event_is_set_even_when_the_signal_does_not_reach_the_main_thread(number):
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as process:
        assert "ready\n" == process.stdout.readline()
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    # In the main thread set() would wait for ever for the event's lock where that thread is just entering wait().
    assert ("another\n", 0) == (said, process.returncode)
