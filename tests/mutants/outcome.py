# SPDX-License-Identifier: GPL-2.0-only
"""Decides whether a test failed."""
import os
import signal
import subprocess

from mutant import TOP


def fails(cmd, limit):
    """True after a status other than 0, a signal, or @limit seconds."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    test = subprocess.Popen(cmd, cwd=TOP, env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)
    try:
        return test.wait(limit) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        # A test's forked readers may never end by themselves.
        try:
            os.killpg(test.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        test.wait()
