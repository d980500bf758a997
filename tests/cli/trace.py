# SPDX-License-Identifier: GPL-2.0-only
"""Checks the output of ringctl trace --json. trace.py CHECK FILE [ARG...]"""
import errno
import json
import os
import sys
import time

EVENTS = os.environ["TRACE_EVENTS"].split()


def load(path):
    """All events. The numbers of each ring have no gaps except for reported losses."""
    out, last = [], {}
    with open(path, "rb") as f:
        for line in f.read().decode("utf-8").splitlines():
            r = json.loads(line)
            keys = list(r)
            names = [k for k in ("call_name", "error_name") if k in r]
            assert keys == ["event", "cpu", "seq", "ring", "ts_ns", "type", "len", "lost", "name",
                            "fields"] + names, keys
            r["fields"].update({k: r[k] for k in names})
            assert r["event"] in EVENTS, r
            cpu = r["cpu"]
            assert r["seq"] == last.get(cpu, 0) + 1 + r["lost"], (last.get(cpu), r)
            last[cpu] = r["seq"]
            out.append(r)
    return out


def tasks(f):
    """The tasks that an event concerns."""
    f = f.get("io") or f.get("tcp") or f
    return [f[k] for k in ("task", "by", "prev", "next", "parent", "child") if k in f]


def fields(recs, event, **want):
    return [r["fields"] for r in recs if r["event"] == event
            and all(r["fields"][k] == v for k, v in want.items())]


def of(recs, event, pid):
    return [f for f in fields(recs, event) if f["task"]["pid"] == pid]


def process(recs, pid, status, signal, *command):
    """The process ran the command and ended with this status or signal."""
    pid = int(pid)
    forks = [f for f in fields(recs, "process:fork") if f["child"]["pid"] == pid]
    for f in forks:
        assert not f["is_thread"] and f["child"]["tid"] == pid, f
    execs = of(recs, "process:exec", pid)
    assert len(execs) == 1, execs
    e = execs[0]
    assert e["command"] == list(command), e
    assert e["task"]["comm"] == command[0].rsplit("/", 1)[-1][:15], e
    assert e["args_size"] == sum(len(a.encode()) + 1 for a in command[1:]), e
    assert not any(e[k] for k in ("file_truncated", "args_truncated", "args_unreadable")), e
    assert e["uid"] == 0 and e["ppid"] > 0, e
    exits = of(recs, "process:exit", pid)
    assert len(exits) == 1, exits
    x = exits[0]
    assert (x["status"], x["signal"], x["is_last"]) == (int(status), int(signal), True), x
    assert x["lifetime_ns"] > 0, x
    order = [r["event"] for r in recs if tasks(r["fields"])[0]["pid"] == pid
             and r["event"] in ("process:exec", "process:exit")]
    assert order == ["process:exec", "process:exit"], order


def last_run(recs, pid, *command):
    assert of(recs, "process:exec", int(pid))[-1]["command"] == list(command)
    x, = of(recs, "process:exit", int(pid))
    assert x["status"] == 0, x


def family(recs, pid, *commands):
    """Only @pid and its descendants were traced, each from its fork on."""
    known = {int(pid)}
    for r in recs:
        who = {t["pid"] for t in tasks(r["fields"])}
        assert who & known, r
        known |= who
    ran = [" ".join(f["command"][1:]) for f in fields(recs, "process:exec")]
    for c in commands:
        assert c in ran, (c, ran)
    ended = {f["task"]["pid"] for f in fields(recs, "process:exit", is_last=True)}
    assert known == ended, (known, ended)


def pid_of(recs, argument):
    """Prints the PID of the process that ran with this argument."""
    print([f["task"]["pid"] for f in fields(recs, "process:exec")
           if f["command"][1:] == ["/bin/true", argument]][0])


def last_signal(recs, signal):
    assert fields(recs, "process:exit")[-1]["signal"] == int(signal)


def truncated(recs, pid, size):
    e, = of(recs, "process:exec", int(pid))
    assert e["args_truncated"] and not e["file_truncated"] and e["args_size"] == int(size), e
    assert 3072 - 8 <= sum(len(a) + 1 for a in e["command"][1:]) <= 3073, e


def long_file(recs, length, cut):
    """The name of the file has this length, and is cut or whole."""
    got = [(len(f["command"][0]), f["file_truncated"], f["args_truncated"])
           for f in fields(recs, "process:exec")]
    assert got == [(int(length), cut == "cut", False)], got


def thread(recs, pid):
    pid = int(pid)
    forks = [f for f in fields(recs, "process:fork", is_thread=True)
             if f["parent"]["pid"] == pid]
    assert forks, "no thread was created"
    tid = forks[0]["child"]["tid"]
    assert tid != pid and forks[0]["child"]["pid"] == pid, forks[0]
    x, = [f for f in of(recs, "process:exit", pid) if f["task"]["tid"] == tid]
    assert not x["is_last"] and x["status"] == 0, x


def sched(recs, pid, comm):
    """The process slept repeatedly."""
    pid = int(pid)
    task = {"pid": pid, "tid": pid, "comm": comm}
    for r in recs:
        assert pid in [t["pid"] for t in tasks(r["fields"])], r
    out = [f for f in fields(recs, "sched:switch", prev_state="TASK_SLEEPING")
           if f["prev"] == task]
    come = [f for f in fields(recs, "sched:switch") if f["next"] == task]
    woken = [f for f in fields(recs, "sched:wakeup", is_new=False) if f["task"] == task]
    assert len(out) >= 20 and len(come) >= 20 and len(woken) >= 20, (len(out), len(come), len(woken))
    assert 100 <= out[0]["prev_prio"] <= 139 and 0 <= woken[0]["cpu"] < 4096, (out[0], woken[0])


def writes(recs, pid, size, count):
    """Every write of dd was entered once and returned once."""
    pid, size = int(pid), int(size)
    enter, leave = of(recs, "syscalls:enter", pid), of(recs, "syscalls:exit", pid)
    assert {f["call_name"] for f in enter + leave} == {"write"}, enter + leave
    assert len(recs) == len(enter) + len(leave), recs
    data = [f for f in enter if f["args"][0] == "0x1" and f["args"][2] == hex(size)]
    done = [f for f in leave if f["result"] == size]
    assert len(data) == len(done) == int(count), (data, done)
    for f in enter + leave:
        assert f["task"]["comm"] == "dd" and not f["is_compat"], f
        assert len({x["call"] for x in enter + leave}) == 1, f
    for f in done:
        assert 0 < f["duration_ns"] < 10**10 and "error_name" not in f, f


def since(recs, ns):
    """The times are those of this process's clock; that of the coarse clock may be a tick behind."""
    now = time.monotonic_ns()
    for r in recs:
        assert int(ns) - 10**9 < r["ts_ns"] < now, (ns, r["ts_ns"], now)


def failed_open(recs, pid, file_error):
    bad = [f for f in of(recs, "syscalls:exit", int(pid)) if f.get("error_name") == file_error]
    assert [f for f in bad if f["call_name"] == "openat" and f["result"] == -2], bad


def calls_without(recs, pid, *names):
    seen = {f["call_name"] for f in of(recs, "syscalls:enter", int(pid))}
    assert len(seen) > 3 and not seen & set(names), seen


def compat(recs, pid):
    """getpid() was called by its number in the 32-bit table."""
    f = [f for f in of(recs, "syscalls:enter", int(pid)) if f["is_compat"]]
    assert [(x["call"], x["call_name"]) for x in f][:1] == [(20, "getpid")], f
    x = [f for f in of(recs, "syscalls:exit", int(pid)) if f["call_name"] == "getpid"]
    assert [f["result"] for f in x] == [int(pid)], x


def block(recs, comm, op, size):
    io = [r for r in recs if r["fields"]["io"]["task"]["comm"] == comm
          and r["fields"]["io"]["op"] == op and r["fields"]["io"]["bytes"] == int(size)]
    issued = {r["fields"]["io"]["sector"]: r for r in io if r["event"] == "block:issue"}
    done = [r for r in io if r["event"] == "block:complete"
            and r["fields"]["io"]["sector"] in issued]
    assert done, "no %s of %s bytes by %s: %s" % (op, size, comm, recs[:3])
    for r in done:
        f, i = r["fields"], issued[r["fields"]["io"]["sector"]]
        assert f["io"]["disk"] and f["io"]["disk"] == i["fields"]["io"]["disk"], r
        assert f["status"] == 0 and r["ts_ns"] > i["ts_ns"], r
        assert f["latency_ns"] <= r["ts_ns"] - i["ts_ns"] + 10**6, (r, i)
        assert f["latency_ns"] > 0, r


def tcp(recs, pid, address, port):
    """The states of a connection to @port, of listener, client and server."""
    pid, port = int(pid), int(port)
    steps = {}
    for r in recs:
        f, t = r["fields"], r["fields"]["tcp"]
        if f["local"] != address and f["remote"] != address:
            continue
        side = "listener" if "TCP_LISTEN" in (t["old_state"], t["new_state"]) \
            and t["remote_port"] == 0 else \
            "server" if t["local_port"] == port else \
            "client" if t["remote_port"] == port else None
        if side:
            steps.setdefault(side, []).append((t, t["old_state"][4:], t["new_state"][4:]))
    names = {k: [v[0][1]] + [s[2] for s in v] for k, v in steps.items()}
    assert names["listener"] == ["CLOSE", "LISTEN", "CLOSE"], names
    assert names["client"][:4] == ["CLOSE", "SYN_SENT", "ESTABLISHED", "FIN_WAIT1"], names
    assert names["client"][-1] == "CLOSE", names
    assert names["server"] == ["LISTEN", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK",
                               "CLOSE"], names
    for side in ("client", "listener"):
        for t, _, _ in steps[side]:
            assert t["task"]["pid"] == pid, (side, t)
    # Every state except the first has a duration.
    for side in steps:
        assert all(t["duration_ns"] > 0 for t, _, _ in steps[side][1:]), steps[side]


def closed_all(recs, pid, port):
    """The process closed its listener and both ends of its connection."""
    pid, port = int(pid), int(port)
    ended = set()
    for f in fields(recs, "tcp:state"):
        t = f["tcp"]
        assert t["task"]["pid"] == pid, t
        if t["new_state"] in ("TCP_FIN_WAIT1", "TCP_LAST_ACK", "TCP_CLOSE"):
            ended.add((t["new_state"], "listener" if not t["remote_port"] else
                       "server" if t["local_port"] == port else "client"))
    assert ("TCP_CLOSE", "listener") in ended, ended
    assert {"FIN_WAIT1", "LAST_ACK"} <= {s[4:] for s, _ in ended}, ended
    assert {"server", "client"} <= {w for _, w in ended}, ended


def last_threads(recs, count):
    """Two threads of each of @count processes ended, and one of the two was the last."""
    ends = {}
    for f in fields(recs, "process:exit"):
        ends.setdefault(f["task"]["pid"], []).append(f["is_last"])
    assert sum(len(e) for e in ends.values()) == 2 * int(count) + 1, ends
    # A PID may have been used again.
    pairs = [e[i:i + 2] for e in ends.values() for i in range(0, len(e), 2)]
    assert all(sum(p) == 1 for p in pairs), "no last thread, or two"


def odd_calls(recs):
    """What tests/cli/trace_exact.sh's program does, in its order."""
    exits = [r["fields"] for r in recs if r["event"] == "syscalls:exit"]
    assert all(f["call"] >= 0 for f in exits), [f for f in exits if f["call"] < 0]
    odd = {"pause": "ERESTARTNOHAND", "read": "ERESTARTSYS", "getppid": "EPERM"}
    for name, error in odd.items():
        ends = [f for f in exits if f.get("call_name") == name and f.get("error_name") == error]
        assert len(ends) == 1 and ends[0]["by_seccomp"] == (name == "getppid"), (name, ends)
    assert not [f for f in exits if f["by_seccomp"] and f["call_name"] != "getppid"]
    back = [f for f in exits if f.get("call_name") == "rt_sigreturn"]
    assert len(back) == 2 and not any("error_name" in f for f in back), back


def tcp_ends(recs, said):
    """How the connections of tests/cli/trace_exact.sh's program ended, on both sides."""
    ports = dict(line.split() for line in open(said))
    got = {}
    for f in fields(recs, "tcp:state"):
        t = f["tcp"]
        assert t["task"]["pid"] == int(ports["pid"]), t
        assert t["netns"] == int(ports["netns"]), t
        assert (t["local_port"] == 0) == (t["new_state"] == "TCP_SYN_SENT"), t
        for what, port in ports.items():
            side = "server" if t["local_port"] == int(port) else "client"
            if t["remote_port"] and int(port) in (t["local_port"], t["remote_port"]):
                got.setdefault((what, side), []).append(
                    (t["new_state"][4:], t["cause"][7:], t["error"]))
    reset = errno.ECONNRESET
    ends = {
        ("server", "server"): [("FIN_WAIT1", "TASK", 0), ("FIN_WAIT2", "NETWORK", 0),
                               ("CLOSE", "NETWORK", 0)],
        ("server", "client"): [("CLOSE_WAIT", "NETWORK", 0), ("LAST_ACK", "TASK", 0),
                               ("CLOSE", "NETWORK", 0)],
        ("linger", "client"): [("CLOSE", "ABORT", 0)],
        ("linger", "server"): [("CLOSE", "RESET", reset)],
        ("unread", "client"): [("CLOSE", "ABORT", 0)],
        ("unread", "server"): [("CLOSE", "RESET", reset)],
        ("unaccepted", "client"): [("CLOSE", "RESET", reset)],
        ("unaccepted", "server"): [("CLOSE", "ABORT", 0)],
        ("refused", "client"): [("CLOSE", "RESET", errno.ECONNREFUSED)],
    }
    assert set(ends) == set(got), set(ends) ^ set(got)
    for key, want in ends.items():
        begin = [("SYN_SENT", "TASK", 0)] if key[1] == "client" else [("SYN_RECV", "NETWORK", 0)]
        if key[0] != "refused":
            begin.append(("ESTABLISHED", "NETWORK", 0))
        assert got[key] == begin + want, (key, got[key])


def agrees(recs, other, argument):
    """The other file, of ringctl cat, has the same records, without what trace adds."""
    with open(other, encoding="utf-8") as f:
        plain = [json.loads(line) for line in f]
    mine = []
    with open(sys.argv[2], encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            for key in ("event", "cpu", "call_name", "error_name"):
                r.pop(key, None)
            mine.append(r)
    def number(r):
        return (r["ring"], r["seq"])

    assert mine and sorted(mine, key=number) == sorted(plain, key=number), (len(mine), len(plain))
    names = [f["task"]["comm"] for f in fields(recs, "process:exit")]
    assert {"hex": "ff090a"} in names and '"\\\t' in names, names
    got = [f["command"][1:] for f in fields(recs, "process:exec")]
    assert ["/bin/true", "a\nb\\", {"hex": "e4ff"}, argument] in got, got


def last_command(recs, *command):
    """The trace saw the process that ran this command end."""
    pid, = [f["task"]["pid"] for f in fields(recs, "process:exec")
            if f["command"] == list(command)]
    assert len(of(recs, "process:exit", pid)) == 1, pid


def only(recs, what, *values):
    """Every event concerns one of the values."""
    assert recs, "nothing was seen"
    for r in recs:
        assert {str(t[what]) for t in tasks(r["fields"])} & set(values), r


def without(recs, what, *values):
    assert recs, "nothing was seen"
    for r in recs:
        assert not {str(t[what]) for t in tasks(r["fields"])} & set(values), r


def without_own(recs, pid):
    """No event concerns only the tracer, or the tracer and an idle CPU."""
    assert recs, "nothing was seen"
    for r in recs:
        f = r["fields"]
        who = [f["task"]] if r["event"] == "sched:wakeup" else tasks(f)
        assert {t["pid"] for t in who} - {int(pid), 0} or int(pid) not in [
            t["pid"] for t in who], r


def some(recs, what, *values):
    seen = {str(t[what]) for r in recs for t in tasks(r["fields"])}
    assert seen & set(values), "none of %s" % (values,)


def events(recs, *names):
    assert {r["event"] for r in recs} == set(names), {r["event"] for r in recs}


def in_order(recs):
    assert len({r["cpu"] for r in recs}) > 1 and len(recs) > 100, len(recs)
    for a, b in zip(recs, recs[1:]):
        assert a["ts_ns"] <= b["ts_ns"], (a, b)


def no_cpu(recs):
    assert recs and all(r["cpu"] is None for r in recs)


def no_times(recs):
    assert recs and all(r["ts_ns"] == 0 for r in recs)


def total(recs, path):
    """Prints how many events were read and how many were reported lost."""
    lost = sum(json.loads(s)["lost"] for s in open(path))
    print(len(recs), lost)


def main():
    check, path, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    recs = load(path)
    if check == "total":
        args = [path]
    globals()[check](recs, *args)


main()
