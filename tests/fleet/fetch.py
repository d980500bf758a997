#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
fetch.py [OPTION]... [TEST...]: tests ringctl fetch, and ringctl audit of streams, with real
nats-server processes on the loopback, and agents. Prints ok or not ok for each test.
"""
import random
import shutil
import subprocess
import sys
import time

# No __pycache__ in the tree.
sys.dont_write_bytecode = True
import harness
from agent_lib import (LIMIT, NKEY, SEED, Agent, Place, Server, Skipped, Writer, free_port,
                       make_certificate, need, start_cluster, until)
from fetch_lib import (HEADER, Message, acks, audit, count, fetch, make_messages, need_exact,
                       publish, run, summary, tool, unique)


class Follower:
    """A ringctl fetch that follows, which may be killed and started again."""

    def __init__(self, place, server, *args, out="out"):
        self.place = place
        self.log = place.dir / f"{out}.fetch.log"
        self.args = [place.ringctl, "fetch", "--from", server.url, "--follow", *args, out]
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = self.place.start(self.args, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, status=0):
        self.process.terminate()
        got = self.process.wait(LIMIT)
        need(got == status, f"status {got}, not {status}: {self.said()[-500:]}")
        return summary(self.said())

    def said(self):
        return self.log.read_text(errors="replace")


def is_exact(place, *args):
    """Whether an audit has all of the ring `load`, as soon as there is something to read."""
    done = subprocess.run([place.ringctl, "audit", *args], cwd=place.dir, text=True,
                          capture_output=True, timeout=LIMIT, check=False)
    return done.returncode == 0 and " load " in done.stdout and " ended" in done.stdout


def test_exact(place):
    """All is fetched once, both audits agree, and the agent releases its spool."""
    server = Server(place)
    w = Writer(place, "load", 100000, "--size", "4M", "--rate", "100000", "--linger", "forever")
    agent = Agent(place, server.url, agent__batch_size="16K")
    agent.wait_metric("read_records_total", lambda n: n == 100000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    last = agent.metric("spool_last_message")
    need(agent.metric("released_message") == 0, "released before it was fetched")
    agent.start()
    agent.wait_metric("connected", lambda n: n == 1)
    run(place, "audit", "--from", server.url)
    need(agent.metric("released_message") == 0, "released by an audit")
    first = summary(fetch(place, server, "--file-size", "1M"))
    need(first[0] == last and first[2:] == [0, 0, 0], f"{first}, {last} messages")
    need_exact(audit(place, "out")["load"], 100000)
    need(audit(place, "out") == audit(place, "--from", server.url), "the audits differ")
    need(len(unique(place.dir / "out")) == last, "not each message once")
    need(len(list((place.dir / "out").glob("*.fleet"))) > 1, "one file only")
    again = summary(fetch(place, server))
    need(again[0] == 0 and again[2] == 0, f"{again} the second time")
    agent.wait_metric("released_message", lambda n: n == last)
    agent.stop()


def test_killed(place):
    """The consumer is killed at random moments under load: each message is there once."""
    server = Server(place)
    w = Writer(place, "load", 600000, "--size", "32M", "--rate", "60000", "--linger", "forever")
    agent = Agent(place, server.url, agent__batch_size="4K", agent__batch_time="5ms",
                  nats__stream_size="1G")
    follower = Follower(place, server, "--file-size", "1M")
    for i in range(max(40, harness.OPTIONS.kills)):
        # In the middle of the work that the one before has left; and after all of it.
        time.sleep(random.random() * (0.6 if i % 4 == 0 else 0.06))
        follower.kill()
        follower.start()
    agent.wait_metric("read_records_total", lambda n: n == 600000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    follower.kill()
    fetch(place, server)
    need_exact(audit(place, "out")["load"], 600000)
    unique(place.dir / "out")
    floor, unacked = acks(place, server)
    need(floor == len(Message.all_of(place.dir / "out")) and not unacked,
         f"acknowledged up to {floor}, {unacked} are not")


def test_server_killed(place):
    """kill -9 of the server while it follows, twice: nothing is missing, nothing is there twice."""
    server = Server(place)
    w = Writer(place, "load", 100000, "--size", "16M", "--rate", "20000", "--linger", "forever")
    agent = Agent(place, server.url, agent__batch_size="4K")
    follower = Follower(place, server)
    for _ in range(2):
        before = agent.metric("published_messages_total") or 0
        agent.wait_metric("published_messages_total", lambda n, b=before: n > b + 5)
        server.kill()
        said = follower.said().count("tries again")
        until(lambda s=said: follower.said().count("tries again") > s or
              "tries again" in follower.said(), "it notices")
        server.start()
        until(lambda: follower.said().count("connected again") ==
              follower.said().count("tries again"), "it is connected again")
    agent.wait_metric("read_records_total", lambda n: n == 100000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    until(lambda: is_exact(place, "out"), "all is fetched")
    follower.stop()
    need_exact(audit(place, "out")["load"], 100000)
    unique(place.dir / "out")


def test_cluster(place):
    """The leader of three servers is killed while it follows: another one goes on."""
    servers = start_cluster(place)
    urls = ",".join(s.url for s in servers)
    w = Writer(place, "load", 60000, "--size", "16M", "--rate", "10000", "--linger", "forever")
    agent = Agent(place, urls, agent__batch_size="4K", nats__replicas=3)
    agent.wait_metric("acked_message", lambda n: n > 5)
    every = Server.__new__(Server)
    every.url = urls
    follower = Follower(place, every)
    until(lambda: count(place.dir / "out"), "something is fetched")
    victim = random.choice(servers)
    victim.kill()
    agent.wait_metric("read_records_total", lambda n: n == 60000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0, limit=120)
    agent.all_arrived()
    agent.stop()
    until(lambda: is_exact(place, "out"), "all is fetched", limit=120)
    follower.stop()
    need_exact(audit(place, "out")["load"], 60000)
    unique(place.dir / "out")


def test_poisoned(place):
    """What is no message is set aside, told and acknowledged; all behind it is fetched."""
    server = Server(place)
    good = make_messages(place)
    batch = next(m for m in good if m.kind == 1)
    flipped = bytearray(batch.data)
    flipped[HEADER + 30] ^= 1
    torn_header = bytearray(batch.data)
    torn_header[20] ^= 1
    bad = [(bytes(flipped), "the checksum of its body is wrong"),
           (bytes(torn_header), "the checksum of its header is wrong"),
           (batch.data[:-8], "its length is not that of header and body"),
           (batch.data[:100], "it is shorter than a header"),
           (b"", "it is shorter than a header"),
           (b"x" * 300, "it does not begin as a message"),
           (batch.changed(8, "<H", 2), "its version is unknown"),
           (batch.changed(10, "<H", 9), "its kind is unknown"),
           (batch.changed(16, "<Q", 2 ** 64 - 1), "its number is too large")]
    middle = len(good) // 2
    publish(place, server, good[:middle] + [b for b, _ in bad] + good[middle:])
    said = fetch(place, server, status=1)
    need(summary(said)[0] == len(good) and summary(said)[3] == len(bad), said)
    for i, (_, why) in enumerate(bad):
        need(f"SEQRING_a: message {middle + i + 1} is set aside: {why}" in said, f"{why}: {said}")
    aside = sorted((place.dir / "out/set-aside").iterdir())
    need(sorted(p.read_bytes() for p in aside) == sorted(b for b, _ in bad), f"{aside}")
    need_exact(audit(place, "out")["made"], 3000)
    total = len(good) + len(bad)
    need(acks(place, server) == [total, 0], "not all is acknowledged")
    # They come again, and are known.
    tool(place, server, "SEQRING_a", "--forget")
    need(summary(fetch(place, server))[:4] == [0, 0, total, 0], "it was set aside again")
    need(len(list((place.dir / "out/set-aside").iterdir())) == len(bad), "more files")
    # The audit of the stream names them, too.
    err, _ = run(place, "audit", "--from", server.url, status=1)
    need(err.count("SEQRING_a: message ") == len(bad) - 1, err)


def test_duplicates(place):
    """Messages that are published again, in another order, are written once."""
    server = Server(place)
    good = make_messages(place)
    shuffled = random.sample(good, len(good))
    publish(place, server, shuffled + good[:5] + shuffled)
    said = fetch(place, server)
    need(summary(said) == [len(good), sum(len(m.data) for m in good), len(good) + 5, 0, 0], said)
    need_exact(audit(place, "out")["made"], 3000)
    unique(place.dir / "out")


def test_resume(place):
    """A torn end is cut, a damaged message comes again, and older files may be gone."""
    server = Server(place)
    good = make_messages(place)
    third = len(good) // 3
    publish(place, server, good[:third])
    fetch(place, server)
    newest = sorted((place.dir / "out").glob("*.fleet"))[-1]
    with open(newest, "ab") as f:
        f.write(good[third].data[:300])
    publish(place, server, good[third:2 * third])
    said = fetch(place, server)
    need("cut 300 bytes of a message that was not whole" in said, said)
    need(summary(said)[:3:2] == [third, 0], said)
    unique(place.dir / "out")
    # The disk changes a byte of a message: those behind it stay.
    data = bytearray(newest.read_bytes())
    sizes = [(len(m.data) + 7) & ~7 for m in unique(place.dir / "out")]
    data[sum(sizes[:third]) + HEADER + 24] ^= 1
    newest.write_bytes(data)
    tool(place, server, "SEQRING_a", "--forget")
    publish(place, server, good[2 * third:])
    said = fetch(place, server)
    need("the checksum of its body is wrong" in said, said)
    need(summary(said)[0] == len(good) - 2 * third + 1, said)
    need(summary(said)[2] == 2 * third - 1, said)
    need(newest.read_bytes() == data, "the damaged file was changed")
    need(audit(place, "out", status=1)["made"]["missing"] == 0, "something is missing")
    # Who moved old files away is not told that messages are missing.
    newest.unlink()
    first = place.dir / "out/0000000001.fleet"
    first.write_bytes(good[0].data + bytes(-len(good[0].data) % 8))
    need(summary(fetch(place, server))[4] == 0, "moved files are missing")


def test_locked(place):
    """A second program at the same directory is refused, and changes nothing."""
    server = Server(place)
    good = make_messages(place)
    publish(place, server, good)
    follower = Follower(place, server)
    until(lambda: count(place.dir / "out") == len(good), "all is fetched")
    before = {p: p.read_bytes() for p in (place.dir / "out").glob("*.fleet")}
    said = fetch(place, server, status=1)
    need("out: another program writes to it (ringctl fetch or ringd)" in said, said)
    need(before == {p: p.read_bytes() for p in (place.dir / "out").glob("*.fleet")}, "it wrote")
    follower.stop()
    fetch(place, server)


def test_disk_full(place):
    """A full disk: a clear end, and nothing is acknowledged that is not there."""
    server = Server(place)
    good = make_messages(place, records=60000)
    small = place.dir / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "seqring-test", small],
                           check=False, capture_output=True, text=True)
    if mount.returncode:
        raise Skipped("no right to mount a tmpfs")
    try:
        need(sum(len(m.data) for m in good) > 1200 << 10, "too few messages")
        publish(place, server, good)
        said = fetch(place, server, out="small/out", status=1)
        need("small/out: cannot write: No space left on device" in said, said)
        floor, _ = acks(place, server)
        there = unique(small / "out")
        need(0 < floor <= len(there) < len(good), f"{floor} acknowledged, {len(there)} there")
        # It ends in the same way again, and goes on where there is room.
        need("No space left" in fetch(place, server, out="small/out", status=1), "no failure")
        shutil.copytree(small / "out", place.dir / "out")
    finally:
        subprocess.run(["umount", small], check=True)
    fetch(place, server)
    need_exact(audit(place, "out")["made"], 60000)
    unique(place.dir / "out")


def test_no_sync(place):
    """What cannot be synced is not acknowledged."""
    server = Server(place)
    good = make_messages(place)
    publish(place, server, good)
    done = subprocess.run([place.build / "tests/fleet/nosync", place.ringctl, "fetch",
                           "--from", server.url, "out"], cwd=place.dir, text=True,
                          capture_output=True, timeout=LIMIT, check=False)
    need(done.returncode == 1 and "out: cannot sync a file: Input/output error" in done.stderr,
         f"{done.returncode}: {done.stderr}")
    floor, unacked = acks(place, server)
    need(floor == 0 and unacked > 0, f"{floor} acknowledged, {unacked} not")
    # Without --follow a signal means that something is left.
    p = place.start([place.ringctl, "fetch", "--from", server.url, "out"], stderr=subprocess.PIPE,
                    text=True)
    until(lambda: acks(place, server)[1] == unacked and count(place.dir / "out") == len(good),
          "all but these")
    p.terminate()
    said = p.communicate(timeout=LIMIT)[1]
    need(p.returncode == 1 and "interrupted: out has only a part of the streams" in said, said)
    fetch(place, server)
    need(acks(place, server) == [len(good), 0], "it ended before all was acknowledged")
    need_exact(audit(place, "out")["made"], 3000)
    unique(place.dir / "out")


def test_purged(place):
    """Messages that somebody removed are told by their numbers; so is a stream that is gone."""
    server = Server(place)
    good = make_messages(place)
    publish(place, server, good)
    tool(place, server, "SEQRING_a", "--purge", 6)
    said = fetch(place, server, status=1)
    need(f"SEQRING_a: messages 1 to 5 of epoch {good[0].epoch:016x} are missing" in said, said)
    need(summary(said)[4] == 5, said)
    follower = Follower(place, server, out="other")
    until((place.dir / "other").exists, "it runs")
    time.sleep(0.5)
    tool(place, server, "SEQRING_a", "--delete")
    until(lambda: "SEQRING_a: the stream was deleted; what was fetched of it stays" in
          follower.said(), "it says so")
    # The stream comes again.
    publish(place, server, good)
    until(lambda: "other: another program" not in follower.said() and
          count(place.dir / "other") == len(good), "it goes on")
    follower.stop()
    tool(place, server, "SEQRING_a", "--delete")
    said = fetch(place, server, status=1)
    need("SEQRING_*: no stream has such a name" in said, said)
    said = fetch(place, server, "--stream", "SEQRING_a", status=1)
    need("SEQRING_a: the server has no such stream" in said, said)


def test_consumer_deleted(place):
    """Somebody deletes the consumer: it is made again, and nothing is written twice."""
    server = Server(place)
    good = make_messages(place)
    publish(place, server, good[:10])
    follower = Follower(place, server)
    until(lambda: count(place.dir / "out") == 10, "ten messages")
    tool(place, server, "SEQRING_a", "--forget")
    publish(place, server, good[10:])
    until(lambda: count(place.dir / "out") == len(good), "all messages")
    follower.stop()
    unique(place.dir / "out")
    tool(place, server, "SEQRING_a", "--forget")
    tool(place, server, "SEQRING_a", "--wrong")
    said = fetch(place, server, status=1)
    need("SEQRING_a: the consumer exists and is not as an archive needs it" in said, said)


def test_agents(place):
    """Several agents, one of them new while it follows; a pattern chooses among them."""
    server = Server(place)
    follower = Follower(place, server)
    until(lambda: "waits for a stream SEQRING_*" in follower.said(), "it waits")
    good = make_messages(place)
    agents = []
    for name in ("web1", "db1"):
        w = Writer(place, name, 5000, "--linger", "forever")
        agents.append(Agent(place, server.url, name=name, spool=f"spool-{name}", agent__rings=name))
        agents[-1].wait_metric("read_records_total", lambda n: n == 5000)
        w.end()
        agents[-1].wait_metric("rings", lambda n: n == 0)
    for agent in agents:
        agent.wait_metric("released_message",
                          lambda n, a=agent: n and n == a.metric("spool_last_message"))
        agent.stop()
    publish(place, server, good, "SEQRING_db2")
    until(lambda: acks(place, server, "SEQRING_db2")[0] == len(good), "all agents")
    follower.stop()
    rings = audit(place, "out")
    need(sorted(rings) == ["db1", "made", "web1"], f"{sorted(rings)}")
    for name, records in (("db1", 5000), ("web1", 5000), ("made", 3000)):
        need_exact(rings[name], records)
    fetch(place, server, "--stream", "SEQRING_db[12]", "--consumer", "other", out="db")
    need(sorted(audit(place, "db")) == ["db1", "made"], "the pattern")
    need(sorted(audit(place, "--from", server.url, "--stream", "SEQRING_web*")) == ["web1"],
         "the pattern of the audit")


def test_login(place):
    """User and password, TLS, and what is said without a right."""
    server = Server(place, 'accounts { A { jetstream: enabled, users: [ '
                    '{ user: u, password: secret }, { user: other, password: secret, permissions: '
                    '{ publish: { deny: [ "$JS.API.>" ] } } } ] }, '
                    'B { users: [ { user: b, password: secret } ] } }', "u:secret@")
    publish(place, server, make_messages(place))
    url = f"nats://127.0.0.1:{server.port}"
    password = place.dir / "password"
    password.write_text("secret\n")

    def login(user, status):
        return run(place, "fetch", "--from", url, "--user", user, "--password-file", "password",
                   "out", status=status)[0]
    login("u", 0)
    need_exact(audit(place, "out")["made"], 3000)
    need('Permissions Violation for Publish to "$JS.API' in login("other", 1), "no right")
    need("the server has no JetStream for this user" in login("b", 1), "no JetStream")
    password.write_text("wrong\n")
    need("cannot connect: Authorization Violation" in login("u", 1), "wrong password")
    need(f"{url}: cannot connect" in
         run(place, "fetch", "--from", f"nats://u:pw@127.0.0.1:{server.port}", "out", status=1)[0],
         "the password is shown, or nothing is")
    password.write_text("\n")
    need("--password-file password: no password in its first line" in login("u", 1), "no password")
    port = free_port()
    need(f"nats://127.0.0.1:{port}: cannot connect" in
         run(place, "fetch", "--from", f"nats://127.0.0.1:{port}", "out", status=1)[0], "no server")
    need("--tls-ca none: " in run(place, "audit", "--from", url, "--tls", "--tls-ca", "none",
                                  status=1)[0], "no authority")


def test_tls(place):
    """TLS with an authority and the server's name, and a key with its seed."""
    make_certificate(place)
    server = Server(place, f'tls {{ cert_file: "{place.dir}/cert.pem", key_file: '
                    f'"{place.dir}/key.pem" }}\nauthorization {{ users: [ {{ nkey: {NKEY} }} ] }}')
    seed = place.dir / "seed"
    seed.write_text(SEED + "\n")
    w = Writer(place, "load", 10, "--linger", "forever")
    agent = Agent(place, server.url, nats__tls="yes", nats__tls_ca=place.dir / "cert.pem",
                  nats__nkey=NKEY, nats__seed_file=seed)
    agent.wait_metric("read_records_total", lambda n: n == 10)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    key = ("--nkey", NKEY, "--seed-file", "seed")
    tls = ("--tls", "--tls-ca", "cert.pem", "--tls-hostname", "ring.test")
    fetch(place, server, *key, *tls)
    need_exact(audit(place, "out")["load"], 10)
    need(audit(place, "out") == audit(place, "--from", server.url, *key, *tls), "the audits differ")
    need("cannot connect" in fetch(place, server, *key, "--tls", status=1), "an unknown server")
    need("cannot connect" in fetch(place, server, *key, *tls[:3], "--tls-hostname", "other",
                                   status=1), "another name")
    need("cannot connect" in fetch(place, server, *tls, status=1), "no key")


def test_mistakes(place):
    """Each mistake is told, with what is allowed, before anything is made."""
    url = ("--from", "nats://127.0.0.1:1")
    for args, said in (
            (["fetch"], "no server (use --from nats://HOST:PORT)"),
            (["fetch", "--from", "", "out"], "no server"),
            (["fetch", *url], "no directory (ringctl fetch --from URL DIR)"),
            (["fetch", *url, "out", "more"], "more: only one directory may be given"),
            (["fetch", *url, "--once", "--follow", "out"], "--once and --follow: only one"),
            (["fetch", *url, "--consumer", "a.b", "out"], "--consumer a.b: not 1 to 64 characters"),
            (["fetch", *url, "--consumer", "", "out"], "not 1 to 64 characters"),
            (["fetch", *url, "--stream", "a", "out"], "--stream a: not a stream of agents: it "
             "begins with SEQRING_"),
            (["fetch", *url, "--file-size", "1", "out"], "--file-size 1: "),
            (["fetch", *url, "--user", "u", "out"], "--user and --password-file: each needs"),
            (["fetch", *url, "--nkey", "u", "out"], "--nkey and --seed-file: each needs"),
            (["fetch", *url, "--nkey", "u", "--seed-file", "f", "--credentials", "c", "out"],
             "--user, --nkey and --credentials: only one may be given"),
            (["fetch", *url, "--tls-cert", "f", "out"], "--tls-cert and --tls-key: each needs"),
            (["fetch", *url, "--tls-ca", "f", "out"], "need --tls"),
            (["fetch", *url, "--wrong", "out"], "--wrong: no such option"),
            (["fetch", "out", "--from"], "--from: needs a value"),
            (["audit", *url, "out"], "a directory and streams: only one may be given"),
            (["audit", "--stream", "SEQRING_a"], "no server"),
            (["audit", *url, "--tls-key", "f"], "--tls-cert and --tls-key: each needs")):
        err, out = run(place, *args, status=2)
        need(said in err and not out and err.startswith(f"ringctl: {args[0]}: "), f"{args}: {err}")
    need(not (place.dir / "out").exists(), "a directory was made")
    for path, said in (("/proc/x", "/proc/x: cannot create the directory: "),
                       ("file", "file: cannot open the directory: Not a directory")):
        (place.dir / "file").write_text("")
        err = run(place, "fetch", *url, path, status=1)[0]
        need(said in err, err)


if __name__ == "__main__":
    sys.exit(harness.main(globals(), "fleet-fetch"))
