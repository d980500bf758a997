# SPDX-License-Identifier: GPL-2.0-only
"""
Runs mutants of the module in a VM: many in one boot, and a new boot after each mutant that
harmed the kernel.
"""
import os
import re
import shutil
import signal
import subprocess
import time

import kmod
import mutant
from mutant import TOP, Mutant

DIR = os.path.join(TOP, "build", "mutants", "kmod")
PLAIN = Mutant("unchanged", "", (), "")
BATCH = 16
# Seconds for a program, by kind of kernel.
LIMIT_S, DEBUG_LIMIT_S = 120, 240


def program_of(test):
    """The program's name in a test: the text between `@` and `:ARGUMENT`."""
    return test.lstrip("@").partition(":")[0]


def kernel_of(test):
    return "debug-a" if test.startswith("@") else "6.1"


def sh(command, **more):
    return subprocess.run(command, cwd=TOP, text=True, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more).stdout


def headers(kernel):
    env = sh(["bash", "-c", f"eval \"$(tests/kernel/vm/kernel.sh {kernel} 2>/dev/null)\"; echo $KHEADERS"])
    return env.strip().splitlines()[-1]


class Builder:
    """A copy of the modules for one kernel, in which one file at a time is changed."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.khdr = headers(kernel)
        self.out = os.path.join(DIR, kernel)
        shutil.rmtree(self.out, ignore_errors=True)
        sh(["kmod/build.sh", self.khdr, self.out, "CONFIG_SEQRING_TEST=m"])
        shutil.copy(os.path.join(self.out, "kmod", "seqring_test.ko"), self.out)
        self.keep(0)

    def keep(self, index):
        path = os.path.join(self.out, f"{index}.ko")
        shutil.copy(os.path.join(self.out, "kmod", "seqring.ko"), path)
        subprocess.run(["strip", "--strip-debug", path], check=True)

    def make(self):
        return subprocess.run(
            ["make", "-s", "-C", self.khdr, f"M={self.out}/kmod", "CONFIG_DEBUG_INFO_BTF_MODULES=",
             "CONFIG_SEQRING_TEST=m", "KCFLAGS=-w", "modules"],
            cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def build(self, index, m):
        """Return: None, or why the mutant's module cannot be built."""
        path, text = kmod.SET.mutate(m)
        with open(os.path.join(self.out, path), encoding="utf-8") as f:
            plain = f.read()
        mutant.write(self.out, path, text)
        try:
            made = self.make()
            if made.returncode:
                return "it does not build: " + made.stdout.strip().splitlines()[-1]
            self.keep(index)
        finally:
            mutant.write(self.out, path, plain)
        return None


def guest_script(batch):
    """@batch: (index, tests) of each mutant. The script reports each result on the console."""
    lines = ["set -u", "cd /root", "mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null",
             "say() { echo \"mutant: $*\" >/dev/kmsg; sleep 0.2; }",
             # After a complaint of the kernel the VM reboots. Messages that t_fault
             # provokes do not count, as in tests/kernel/vm/splat.sh.
             "splat() { dmesg | sed -n '/mutant: '$1' start/,$p' |"
             " sed '/t_fault: failures are/,/t_fault: no more/{/Call Trace/d;"
             "/page allocation failure/d;/suspected memory leaks/d}' | grep -v 'mutant:' |"
             " grep -m 1 -E 'BUG|WARNING|KASAN|UBSAN|Oops|Call Trace|possible .* locking|refcount_t|"
             "Bad page|cannot create duplicate|unreferenced|leaked|INFO: task|suspicious'; }",
             "leak() { [ -e /sys/kernel/debug/kmemleak ] || return 1; sleep 6;"
             " for i in 1 2; do echo scan >/sys/kernel/debug/kmemleak; done;"
             " grep -m 1 -A 20 unreferenced /sys/kernel/debug/kmemleak | grep -E 'seqring|unref' |"
             " tail -n 1 | grep .; }",
             "run() {", "  index=$1 caught=''; shift; cp $index.ko seqring.ko; say $index start",
             "  [ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak",
             "  for t; do",
             "    prog=${t%%:*} arg=${t#$prog}",
             "    insmod seqring.ko || { say $index caught load; return; }",
             # These tests need seqring.ko alone.
             "    case $prog in t_map|t_memory|t_life|t_race|t_cycle|t_waits|t_unload|t_owner|t_fault) ;;",
             "    *) insmod seqring_test.ko ;; esac",
             "    rm -f /tmp/status; (timeout -s KILL ${LIMIT} ./$prog ${arg#:} >/tmp/out 2>&1;"
             " echo $? >/tmp/status) &",
             # A process stuck in the kernel cannot be killed and would keep the VM running.
             "    n=0; while [ ! -s /tmp/status ] && [ $n -lt $((${LIMIT} + 10)) ]; do"
             " n=$((n + 1)); usleep 100000; [ -s /tmp/status ] || sleep 1; done",
             "    [ -s /tmp/status ] || { say $index caught $t it cannot be killed; poweroff -f; }",
             "    status=$(cat /tmp/status)",
             "    [ $status = 0 ] && [ $index = 0 ] && say 0 passed $t",
             "    bad=$(grep -m 1 '^not ok' /tmp/out)",
             "    if [ -n \"$bad\" ] || [ $status != 0 ]; then",
             "      say $index caught $t ${bad:-status $status}; caught=1; break; fi",
             "    rmmod seqring_test 2>/dev/null; rmmod seqring 2>/dev/null",
             "  done",
             "  what=$(splat $index) && { say $index caught kernel $what; say reboot; exit; }",
             "  pkill -KILL '^t_' 2>/dev/null; sleep 0.3",
             "  rmmod seqring_test 2>/dev/null; rmmod seqring 2>/dev/null",
             "  if [ -e /sys/module/seqring ]; then say $index caught rmmod; say reboot; exit; fi",
             "  [ -z \"$caught\" ] || return",
             "  what=$(leak) && { say $index caught kmemleak $what; say reboot; exit; }",
             "  say $index survived", "}",
             "export CYCLES=400 UNLOADS=30 CROWD=20 HOTPLUG=2"]
    lines += [f"run {index} {' '.join(tests)}" for index, tests in batch]
    lines.append("say done")
    return "\n".join(lines)


def wait_for(vm, log, silent_s):
    """Waits until a VM ends. Ends it when no mutant has told anything for so many seconds: both
    CPUs may spin with interrupts disabled, and then the kernel itself does not notice."""
    told, since = -1, time.monotonic()
    while vm.poll() is None:
        time.sleep(1)
        with open(log, errors="replace") as f:
            now = f.read().count("mutant: ")
        if now != told:
            told, since = now, time.monotonic()
        elif time.monotonic() - since > silent_s:
            os.killpg(vm.pid, signal.SIGTERM)
            vm.wait()


def boot(builder, batch, paths):
    """One boot. Returns {index: (by, what), or None when it survived}."""
    log = os.path.join(builder.out, "console")
    debug = builder.kernel.startswith("debug")
    limit = DEBUG_LIMIT_S if debug else LIMIT_S
    most = max(len(tests) for _, tests in batch)
    seconds = 90 + limit * max(len(batch), most)
    files = []
    for index, _ in batch:
        files += ["-f", os.path.join(builder.out, f"{index}.ko")]
    for name, path in paths.items():
        files += ["-f", f"{path}:{name}"]
    files += ["-f", os.path.join(builder.out, "seqring_test.ko")]
    script = guest_script(batch).replace("${LIMIT}", str(limit))
    khz = sh([paths["tsc_khz"]]).strip()
    open(log, "w").close()
    with open(os.path.join(builder.out, "vm.log"), "w") as out, \
            subprocess.Popen(["tests/kernel/vm/vm.sh", "-q", "-o", log, "-k", builder.kernel, "-t",
                              str(seconds), "-m", "1024",
                              "-a", f"tsc_early_khz={khz} rcupdate.rcu_cpu_stall_timeout=20 "
                              "sysctl.kernel.panic_on_rcu_stall=1 softlockup_panic=1",
                              *files, "--", script], cwd=TOP, stdin=subprocess.DEVNULL,
                             stdout=out, stderr=subprocess.STDOUT, start_new_session=True) as vm:
        wait_for(vm, log, 90 + (limit + 15) * most)
    with open(log, errors="replace") as f:
        console = f.read()
    results, started = {}, []
    for line in re.findall(r"mutant: (.*)", console):
        words = line.split()
        if words[1:2] == ["start"]:
            started.append(int(words[0]))
        elif words[1:2] == ["caught"]:
            results.setdefault(int(words[0]), (words[2], " ".join(words[3:])[:160]))
        elif words[1:2] == ["survived"]:
            results[int(words[0])] = None
    for index in started:
        if index not in results:
            splat = re.search(r"\] ((?:BUG|WARNING|Oops|Kernel panic|KASAN|general protection|watchdog)"
                              r".*)", console.split(f"mutant: {index} start")[-1])
            results[index] = ("kernel", splat.group(1)[:120] if splat else "it hangs")
    return results


def programs():
    """{name: path} of the programs that the tests need, built."""
    names = sorted({program_of(t) for m in kmod.SET.mutants for t in m.tests.split()} -
                   {"t_read32"}) + ["tsc_khz"]
    paths = {name: f"build/vm/tests/kernel/vm/progs/{name}" for name in names}
    sh(["make", "-s", "-j2", "O=build/vm", "LDFLAGS=-static", *paths.values()])
    sh(["make", "-s", "-j2", "O=build/vm32", "SAN=m32", "LDFLAGS=-static",
        "build/vm32/tests/kernel/vm/progs/t_read"])
    return {**paths, "t_read32": "build/vm32/tests/kernel/vm/progs/t_read"}


def run_kernel(kernel, chosen, paths):
    """Yields (mutant, caught by, what) of all that have tests on that kernel."""
    todo = []
    for index, m in chosen.items():
        tests = [t.lstrip("@") for t in m.tests.split() if kernel_of(t) == kernel]
        if tests:
            todo.append((index, tests))
    if not todo:
        return
    print(f"# building {len(todo)} modules for {kernel}", flush=True)
    builder = Builder(kernel)
    ready = []
    for index, tests in todo:
        why = builder.build(index, chosen[index])
        if why:
            yield chosen[index], None, why
        else:
            ready.append((index, tests))
    # A failure means something only if the unchanged module passes.
    plain = boot(builder, [(0, sorted({t for _, tests in ready for t in tests}))], paths)
    if plain.get(0, ("VM", "it does not start")) is not None:
        yield PLAIN, *plain.get(0, ("VM", "it does not start"))
        return
    while ready:
        batch = ready[:BATCH]
        results = boot(builder, batch, paths)
        if not results:
            yield chosen[batch[0][0]], None, "the VM does not start"
            return
        for index, _ in batch:
            if index in results:
                yield chosen[index], *(results[index] or (None, ""))
        ready = [entry for entry in ready if entry[0] not in results]


def run(wanted):
    """Yields (mutant, caught by, what). The tests on one kernel are enough to catch a mutant."""
    os.makedirs(DIR, exist_ok=True)
    chosen = {i + 1: m for i, m in enumerate(kmod.SET.mutants) if wanted(m)}
    if not chosen:
        return
    paths, caught, survived = programs(), set(), {}
    for kernel in ("6.1", "debug-a"):
        for m, by, what in run_kernel(kernel, chosen, paths):
            if m is PLAIN:
                yield None, by, what
                return
            if by:
                caught.add(m)
                at = "@" if kernel.startswith("debug") else ""
                yield m, at + by, (what + " ")[:70].strip()
            elif what:
                yield m, None, what
            else:
                survived[m] = True
    for m in survived:
        if m not in caught:
            yield m, None, f"survived {m.tests}"
