# SPDX-License-Identifier: GPL-2.0-only
"""Runs the functions test_NAME of a program, several at a time, and prints ok or not ok each."""
import argparse
import concurrent.futures
import os
import random
import time
import traceback

from agent_lib import Failed, Place, Skipped

# What the program was told; set by main().
OPTIONS = argparse.Namespace()


def run_test(prefix, name, test):
    """Return: whether it passed. The lines of a test are printed at once."""
    place = Place(OPTIONS.build, OPTIONS.ringd, OPTIONS.ringctl)
    lines = []
    begin = time.monotonic()
    try:
        test(place)
        lines.append(f"ok {prefix}_{name}")
        return True
    except Skipped as e:
        lines.append(f"skip {prefix}_{name} - {e}")
        return True
    except Exception as e:  # pylint: disable=broad-except
        if not isinstance(e, Failed):
            lines += [f"# {line}" for line in traceback.format_exc().splitlines()]
        for log in sorted(place.dir.glob("*.log")):
            lines += [f"# {log.name}: {line}"
                      for line in log.read_text(errors="replace").splitlines()[-12:]]
        why = " ".join(str(e).split())[:500]
        lines.append(f"not ok {prefix}_{name} - {why} (--seed {OPTIONS.seed})")
        return False
    finally:
        place.clean()
        lines.insert(0, f"# {name}: {time.monotonic() - begin:.1f} s")
        print("\n".join(lines), flush=True)


def main(functions, prefix):
    """Return: the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/native")
    parser.add_argument("--ringd", help="the agent, if it is not the build's own")
    parser.add_argument("--ringctl", help="the one that fetches, if it is not the build's own")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=4, help="most tests only wait")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("tests", nargs="*")
    parser.parse_args(namespace=OPTIONS)
    random.seed(OPTIONS.seed)
    tests = {n[5:]: f for n, f in functions.items() if n.startswith("test_")}
    for name in set(OPTIONS.tests) - set(tests):
        parser.error(f"no test {name}; the tests are {' '.join(tests)}")
    with concurrent.futures.ThreadPoolExecutor(OPTIONS.jobs) as pool:
        passed = list(pool.map(lambda n: run_test(prefix, n, tests[n]), OPTIONS.tests or tests))
    return 0 if all(passed) else 1
