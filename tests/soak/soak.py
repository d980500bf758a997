#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
soak.py native|vm [--hours N] [--seed N] [--series 6.1]: runs all loads at once for hours.

native: rings of a user process and of BPF programs on this machine. All of these run at the
same time: writers at full speed with readers of every kind, wake-ups, writers and readers
that are killed, and a pinned trace of the scheduler that readers open, read and leave. Each
program runs in rounds, each with another seed, and checks its accounts after each round.

vm: the module on Debian's kernel in QEMU (guest.sh), with a CPU that goes off and on.

Prints a line of totals every minute, and at the end one more and `ok` or `not ok`. The first
failure ends the run and prints the output of the program that failed.
"""
import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NATIVE = os.path.join(TOP, "build", "native")
MAX_ROUND_S = 600
# Under this load a grace period may take some seconds.
PATIENCE = ["--patience-ms", "60000"]

KEYS = ("published", "read", "lost", "retried", "torn", "wakeups", "opened", "killed",
        "hotplugs", "rounds")
NAMES = {"retried": "reads retried", "torn": "torn reads discarded",
         "wakeups": "wake-ups", "opened": "opened", "killed": "processes killed",
         "hotplugs": "CPU off and on"}

# The lines of programs that add to the totals.
COUNTS = [
    ("torture writer", re.compile(r"^# published (?P<published>\d+) records")),
    ("torture reader", re.compile(
        r"^# reader \d+ +\w+ +first \d+ read (?P<read>\d+) lost (?P<lost>\d+) "
        r"overruns (?P<retried>\d+) torn (?P<torn>\d+)")),
    ("BPF ring", re.compile(
        r"^# ring \d+: published (?P<published>\d+) .* wake-ups (?P<wakeups>\d+)$")),
    ("BPF reader", re.compile(
        r"^# reader \d+ +\w+ +read (?P<read>\d+) lost (?P<lost>\d+) of [1-9]\d*, "
        r"overruns (?P<retried>\d+), torn (?P<torn>\d+),")),
    ("wake-ups", re.compile(
        r"^# wake\.\S+: slept (?P<wakeups>\d+) times for (?P<published>\d+) events")),
    ("race", re.compile(r"^#.* (?P<published>\d+) rounds: woken in (?P<wakeups>\d+), ")),
    ("ringctl cat", re.compile(
        r"^ringctl: \S+: read (?P<read>\d+) \+ lost (?P<lost>\d+) = published \d+; "
        r"overruns (?P<retried>\d+), waits (?P<wakeups>\d+),")),
    # The guest's totals so far.
    ("soak", re.compile(r"^soak: " + " ".join(rf"{k}=(?P<{k}>\d+)" for k in KEYS) + "$")),
]


class Soak:
    """The totals of a run, its failure, and its processes."""

    def __init__(self, where, seconds, seed):
        self.where = where
        self.start = time.monotonic()
        self.end = self.start + seconds
        self.random = random.Random(seed)
        # A signal handler may take the lock while the main thread holds it.
        self.lock = threading.RLock()
        self.totals = dict.fromkeys(KEYS, 0)
        self.wrong = None
        self.running = set()

    def over(self):
        return self.wrong is not None or time.monotonic() >= self.end

    def left(self):
        return max(1, int(self.end - time.monotonic()))

    def add(self, **counts):
        with self.lock:
            for key, n in counts.items():
                self.totals[key] += n

    def count(self, line):
        for _, pattern in COUNTS:
            match = pattern.match(line)
            if match:
                self.add(**{k: int(v) for k, v in match.groupdict().items()})
                return True
        return False

    def fail(self, what, output=""):
        with self.lock:
            if self.wrong is None:
                self.wrong = what
                # Its failures and its last lines.
                lines = [l for l in output.splitlines() if not l.startswith("ok ")]
                said = [l for l in lines if l.startswith("not ok ")][:5] + ["..."] + lines[-20:]
                print(f"# FAILED: {what}\n" + "".join(f"# | {l}\n" for l in said), flush=True)

    def line(self):
        minutes = (time.monotonic() - self.start) / 60
        parts = [f"{self.totals[k]:,} {NAMES.get(k, k)}" for k in KEYS
                 if self.totals[k] or k in ("published", "read", "lost", "wakeups")]
        return f"# soak {self.where}, {minutes:.0f} min: " + ", ".join(parts)

    def run(self, name, command, timeout):
        """Runs one round of a program and counts its lines. Return: its output."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=TOP,
                              start_new_session=True) as process:
            with self.lock:
                self.running.add(process)
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                self.fail(f"{name} does not end: {' '.join(command)}", output)
            with self.lock:
                self.running.discard(process)
        if process.returncode and self.wrong is None:
            self.fail(f"{name}: exit status {process.returncode}: {' '.join(command)}", output)
        elif re.search(r"^not ok ", output, re.M):
            self.fail(f"{name}: {' '.join(command)}", output)
        for line in output.splitlines():
            self.count(line)
        self.add(rounds=1)
        return output

    def stop(self):
        """Kills the processes that still run, so that none outlives this one."""
        with self.lock:
            for process in self.running:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


# --- native -----------------------------------------------------------------------

def memfd_torture(soak, seconds):
    seed = soak.random.randrange(1 << 32)
    command = [f"{NATIVE}/tests/stress/torture", "--seconds", str(seconds), "--seed", str(seed),
               "--data-size", str(1 << soak.random.choice((16, 16, 18, 22))),
               "--readers", str(soak.random.randrange(2, 9))]
    if seed & 1:
        command += ["--start-pos", "4294000000"]
    soak.run("memfd torture", command, seconds + MAX_ROUND_S)


BPF_VARIANTS = [
    [], ["--data-size", "1048576", "--object", "torture_preempt"],
    ["--preempted", "--object", "torture_preempt"], ["--object", "torture_weak"],
    ["--one-ring"], ["--one-ring", "--preempted", "--object", "torture_preempt"],
    ["--start-pos", "4294000000"],
]


def bpf_torture(soak, seconds):
    soak.run("BPF torture", [f"{NATIVE}/tests/bpf/torture", "--ms", str(seconds * 1000)] +
             soak.random.choice(BPF_VARIANTS), seconds + MAX_ROUND_S)


def wake_ups(soak, seconds):
    """Runs a program that waits for each wake-up, so that it hangs if one is lost."""
    events, rounds = str(seconds * 10), str(seconds * 50)
    which = soak.random.randrange(4)
    if which == 0:
        # Two threads take turns. On a busy machine each turn may take a time slice.
        command = [f"{NATIVE}/tests/stress/wake", str(seconds * 500)]
    else:
        variant = ["wake", "wake_preempt", "wake_idle"][which - 1]
        command = [f"{NATIVE}/tests/bpf/wake", "--object", variant, "--readers", "1,3",
                   "--events", events, "--rounds", rounds] + PATIENCE
    soak.run("wake-ups", command, MAX_ROUND_S)


def killed(soak, seconds):
    """Kills writers and readers by SIGKILL at any point."""
    kills = seconds * 2
    soak.run("killed", [f"{NATIVE}/tests/bpf/sleep", "--kills", str(kills)] + PATIENCE,
             MAX_ROUND_S)
    soak.add(killed=kills)


class Storm:
    """Readers that open a pinned trace of the scheduler, read, sleep and leave or die."""

    def __init__(self, soak):
        self.soak = soak
        self.ringctl = f"{NATIVE}/ringctl"
        self.name = f"soak{os.getpid()}"

    def start(self):
        self.soak.run("trace", [self.ringctl, "trace", "sched", "process", "--pin", self.name,
                                "--size", "256K"], 60)

    def storm(self, _):
        soak, name = self.soak, self.name
        count = soak.random.choice((1, 100, 5000))
        if soak.random.randrange(4) == 0:
            with subprocess.Popen([self.ringctl, "cat", name], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(soak.random.random() / 4)
                if process.poll() is not None:
                    soak.fail(f"ringctl cat {name} ended by itself: {process.returncode}")
                process.kill()
            soak.add(opened=1, killed=1)
            return
        soak.run("cat", ["sh", "-c", '"$@" 2>&1 >/dev/null', "sh", self.ringctl, "cat", name,
                         "--count", str(count)], 120)
        soak.add(opened=1)

    def stop(self):
        """Adds the kernel's count of published records to the totals and ends the trace."""
        out = subprocess.run([self.ringctl, "info", self.name, "--json"], capture_output=True,
                             text=True, check=False).stdout
        self.soak.add(published=sum(map(int, re.findall(r'"published": ?(\d+)', out))))
        subprocess.run([self.ringctl, "destroy", self.name], check=False, capture_output=True)


def native(soak):
    with tempfile.TemporaryFile("w+") as log:
        build = subprocess.run(["make", "-j2", "tools", "test-build"], cwd=TOP, stdout=log,
                               stderr=subprocess.STDOUT, check=False)
        if build.returncode:
            log.seek(0)
            return soak.fail("the programs do not build", log.read())
    storm = Storm(soak)
    storm.start()

    def loop(work):
        # Without this, an exception would end only its own thread.
        try:
            while not soak.over():
                work(soak, min(50, soak.left()))
        except Exception as e:  # pylint: disable=broad-except
            soak.fail(f"{type(e).__name__}: {e}")

    works = [memfd_torture, bpf_torture, wake_ups, killed,
             lambda soak, seconds: storm.storm(seconds)]
    threads = [threading.Thread(target=loop, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    minutes(soak, lambda: any(thread.is_alive() for thread in threads))
    if soak.wrong is not None:
        soak.stop()
    for thread in threads:
        thread.join()
    storm.stop()
    return None


# --- VM ---------------------------------------------------------------------------

def in_vm(soak, series):
    """Runs guest.sh in the VM, which adds up its own totals and prints them."""
    log = os.path.join(TOP, "build", "log", f"soak-vm-{series}.console")
    seconds = int(soak.end - soak.start)
    process = subprocess.Popen(["tests/soak/vm.sh", series, str(seconds), log], cwd=TOP,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", stdin=subprocess.DEVNULL,
                               start_new_session=True)
    with soak.lock:
        soak.running.add(process)
    last = dict.fromkeys(KEYS, 0)
    said = []

    def watch():
        for line in process.stdout:
            line = line.rstrip()
            match = COUNTS[-1][1].match(line)
            if match:
                # The line has totals, so the difference to the last line counts.
                now = {k: int(v) for k, v in match.groupdict().items()}
                soak.add(**{k: now[k] - last[k] for k in KEYS})
                last.update(now)
            else:
                said.append(line)
        if process.wait():
            soak.fail(f"the VM: exit status {process.returncode}, see {log}", "\n".join(said))

    thread = threading.Thread(target=watch)
    thread.start()
    soak.end += MAX_ROUND_S
    minutes(soak, thread.is_alive)
    if thread.is_alive():
        soak.fail("the VM does not end", "\n".join(said))
        soak.stop()
    thread.join()


def minutes(soak, alive):
    """Prints the totals each minute, as long as something runs and nothing has failed."""
    due = time.monotonic() + 60
    while alive() and soak.wrong is None and time.monotonic() < soak.end + MAX_ROUND_S:
        time.sleep(0.2)
        if time.monotonic() >= due:
            print(soak.line(), flush=True)
            due += 60


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("where", choices=("native", "vm"))
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--series", default="6.1")
    args = parser.parse_args()
    if not args.hours * 3600 >= 30:
        parser.error("--hours: at least 30 seconds (0.01)")
    seed = args.seed if args.seed is not None else int(time.time())
    soak = Soak(args.where, args.hours * 3600, seed)
    # Without a handler the pinned trace would outlive this process and slow the machine down.
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda number, _: soak.fail(f"ended by signal {number}"))
    os.makedirs(os.path.join(TOP, "build", "log"), exist_ok=True)
    print(f"# soak {args.where}: {args.hours:g} h, seed {seed}", flush=True)
    if args.where == "native":
        native(soak)
    else:
        in_vm(soak, args.series)
    print(soak.line())
    for key in ("published", "read", "lost", "wakeups", "opened", "rounds"):
        if soak.wrong is None and not soak.totals[key]:
            soak.fail(f"the count of {key} is 0, so the run shows nothing")
    print(f"not ok soak.{args.where} - {soak.wrong}" if soak.wrong else f"ok soak.{args.where}")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
