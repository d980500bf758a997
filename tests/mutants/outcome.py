# SPDX-License-Identifier: GPL-2.0-only
"""Whether a test failed."""
import os
import signal
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def fails(cmd, limit):
    """Whether a test failed: with a status, a signal, or without an end."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    test = subprocess.Popen(cmd, cwd=TOP, env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)
    try:
        return test.wait(limit) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        # Readers that a test has forked may never end by themselves.
        try:
            os.killpg(test.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        test.wait()
