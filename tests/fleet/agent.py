#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
agent.py [OPTION]... [TEST...]: tests ringd with real nats-server
processes on the loopback, and rings that ringctl publish serves. Prints ok or not ok for each test.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

# No __pycache__ in the tree.
sys.dont_write_bytecode = True
import harness
from agent_lib import (LIMIT, NKEY, SEED, TOP, Agent, Failed, Place, Server, Writer, free_port,
                       json_lines, make_certificate, need, read_stream, start_cluster,
                       stream_does, until)


def exact(account, records, end="ended"):
    need(account.closed() and account.read == records and account.end == end,
         f"{account.name}: read {account.read}, lost {account.lost} {account.causes}, published "
         f"{account.published}, gaps {account.gaps}, end {account.end}; wanted {records}, {end}")


def test_exact(place):
    """Three rings, one of them short: each record arrives once."""
    server = Server(place)
    writers = [Writer(place, n, records, "--size", "4M", "--rate", "100000", "--linger", "forever")
               for n, records in (("one", 200000), ("two", 100000), ("short", 1))]
    agent = Agent(place, server.url)
    agent.wait_metric("read_records_total", lambda n: n == 300001)
    for w in writers:
        w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    got = read_stream(place, server.url)
    need(sorted(got) == ["one", "short", "two"], f"rings: {sorted(got)}")
    for name, records in (("one", 200000), ("two", 100000), ("short", 1)):
        exact(got[name][0], records)


def test_per_cpu(place):
    """A device with a ring for each CPU, which BPF programs write: the account of each closes."""
    name = f"fleet-{os.getpid()}"
    del place.env["RINGBPFDIR"]
    trace = place.start([place.build / "ringctl", "trace", "sched:switch", "--name", name, "--self",
                         "--quiet"], stdout=subprocess.DEVNULL)
    server = Server(place)
    agent = Agent(place, server.url, agent__rings=name)
    agent.wait_metric("read_records_total", lambda n: n > 1000)
    agent.kill()
    agent.start()
    agent.wait_metric("read_records_total", lambda n: n > 1000)
    trace.terminate()
    trace.wait()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url, any_payload=True)[name]
    need(len(got) >= os.cpu_count(), f"{len(got)} rings of {os.cpu_count()} CPUs")
    need(len({a.ring for a in got}) == len(got) and len({a.nonce for a in got}) == 1, "rings")
    for a in got:
        need(a.closed() and a.end != "-", f"ring {a.ring}: read {a.read}, lost {a.lost}, published "
             f"{a.published}, gaps {a.gaps}, end {a.end}")


def test_patterns(place):
    """Only rings that a pattern matches are followed; SIGHUP reads the patterns again."""
    server = Server(place)
    config = place.dir / "ringd.conf"
    config.write_text("[agent]\nrings = a* mid\n")
    for name in ("apple", "mid", "zebra"):
        Writer(place, name, 10, "--linger", "forever")
    agent = Agent(place, server.url)
    agent.kill()
    agent.args[agent.args.index("/dev/null")] = config
    agent.start()
    agent.wait_metric("rings", lambda n: n == 2)
    config.write_text("[agent]\nrings = zebra mid\n")
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "agent.rings is now zebra mid" in agent.said(), "the new patterns")
    until(lambda: "apple is no longer wanted" in agent.said() and
          agent.said().count("zebra is followed") >= 1, "zebra")
    # A mistake leaves all as it was.
    config.write_text("[agent]\nrings =\n")
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "the configuration stays as it was" in agent.said(), "the mistake")
    agent.wait_metric("rings", lambda n: n == 2)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url)
    need(sorted(got) == ["apple", "mid", "zebra"], f"rings: {sorted(got)}")
    for name in got:
        exact(got[name][0], 10, end="-")


def test_again(place):
    """A ring that is created again under its name is another one."""
    server = Server(place)
    agent = Agent(place, server.url)
    for records in (50, 70):
        w = Writer(place, "same", records, "--linger", "forever")
        agent.wait_metric("rings", lambda n: n == 1)
        before = agent.metric("read_records_total")
        agent.wait_metric("read_records_total",
                          lambda n, r=records: n >= 50 if r == 50 else n == 120)
        need(before is not None, "no metrics")
        w.end()
        agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    got = read_stream(place, server.url)["same"]
    need(len(got) == 2 and got[0].nonce != got[1].nonce, "not two creations")
    exact(got[0], 50)
    exact(got[1], 70)


def test_server_killed(place):
    """kill -9 of the server under load, twice, and a stop of 4 s: nothing is lost."""
    server = Server(place)
    w = Writer(place, "load", 400000, "--size", "16M", "--rate", "50000", "--linger", "forever")
    agent = Agent(place, server.url)
    for _ in range(2):
        before = agent.metric("published_messages_total") or 0
        agent.wait_metric("published_messages_total", lambda n, b=before: n > b)
        server.kill()
        agent.wait_metric("connected", lambda n: n == 0)
        server.start()
        agent.wait_metric("connected", lambda n: n == 1)
    before = agent.metric("published_messages_total")
    agent.wait_metric("published_messages_total", lambda n: n > before)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    server.process.send_signal(signal.SIGCONT)
    agent.wait_metric("read_records_total", lambda n: n == 400000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    exact(read_stream(place, server.url)["load"][0], 400000)


def test_cluster(place):
    """Three servers with three copies; each is killed in turn under load: nothing is lost."""
    servers = start_cluster(place)
    urls = " ".join(s.url for s in servers)
    w = Writer(place, "load", 300000, "--size", "16M", "--rate", "40000", "--linger", "forever")
    agent = Agent(place, urls, nats__replicas=3)
    for server in servers:
        before = agent.metric("published_messages_total") or 0
        agent.wait_metric("published_messages_total", lambda n, b=before: n > b, limit=180)
        server.kill()
        # Two of three go on.
        before = agent.metric("published_messages_total")
        agent.wait_metric("published_messages_total", lambda n, b=before: n > b + 1,
                          limit=180)
        server.start()
    agent.wait_metric("read_records_total", lambda n: n == 300000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    exact(read_stream(place, servers[0].url)["load"][0], 300000)


def test_agent_killed(place):
    """kill -9 of the agent at random moments under load: the account closes, nothing comes twice."""
    server = Server(place)
    # Large enough for what comes while no agent runs, so that not all is lost.
    w = Writer(place, "load", 100000000, "--size", "1M", "--rate", "40000")
    agent = Agent(place, server.url, spool__sync_time="10ms")
    for _ in range(harness.OPTIONS.kills):
        # From within the start until well within the work.
        time.sleep(random.random() * 0.5)
        agent.kill()
        if random.random() < 0.3:
            time.sleep(random.random())
        agent.start()
    agent.running()
    before = agent.metric("read_records_total")
    agent.wait_metric("read_records_total", lambda n: n > before)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url)["load"][0]
    need(got.closed() and got.end == "ended" and got.read > 0,
         f"read {got.read}, lost {got.lost}, published {got.published}, gaps {got.gaps}")
    need(set(got.causes) <= {"stopped", "start"}, f"causes: {got.causes}")


def test_both_killed(place):
    """Agent and server killed together, at random, with a spool that is released: it closes."""
    server = Server(place)
    w = Writer(place, "load", 100000000, "--size", "4M", "--rate", "80000")
    agent = Agent(place, server.url, spool__size="8M", nats__release="stored")
    for _ in range(max(2, harness.OPTIONS.kills // 5)):
        time.sleep(random.random())
        server.kill()
        agent.kill()
        agent.start()
        time.sleep(random.random() * 0.5)
        server.start()
    agent.wait_metric("spool_first_message", lambda n: n > 1)
    agent.kill()
    agent.start()
    agent.wait_metric("connected", lambda n: n == 1)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url)["load"][0]
    need(got.closed() and got.end == "ended", f"read {got.read}, lost {got.lost} of "
         f"{got.published}, gaps {got.gaps}")


def test_stream_full(place):
    """A full stream refuses, loses nothing, and goes on when the consumer has committed."""
    server = Server(place)
    agent = Agent(place, server.url, nats__stream_size="2M", agent__batch_size="16K")
    w = Writer(place, "load", 200000, "--size", "16M", "--rate", "100000", "--linger", "forever")
    agent.wait_metric("read_records_total", lambda n: n == 200000)
    until(lambda: "the stream is full" in agent.said(), "the stream is full")
    got = read_stream(place, server.url)["load"][0]
    need(not got.gaps and 0 < got.read < 200000, f"read {got.read}, gaps {got.gaps}")
    first = agent.metric("spool_first_message")
    need(first == 1, f"the spool has forgotten what nobody has committed: {first}")

    def commit():
        stream_does(place, server, "--ack", 1000)
        return read_stream(place, server.url, overlaps=True, trimmed=True)["load"][0].end == "ended"
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    until(commit, "all arrives while the consumer commits")
    agent.stop()
    # The agent removed what was committed from the stream, and only that.
    left = read_stream(place, server.url, overlaps=True, trimmed=True)["load"][0]
    need(left.end == "ended" and left.published == 200000, f"end {left.end}")
    need(left.read < 200000, "nothing was removed")


def fill_spool(place, server):
    """An agent with a full spool, and the writer of a ring that goes on."""
    agent = Agent(place, server.url, spool__size="8M")
    w = Writer(place, "load", 1000000, "--size", "256K", "--rate", "200000", "--linger", "forever")
    agent.wait_metric("spool_full_total", lambda n: n > 0)
    agent.wait_metric("queue_full_total", lambda n: n > 0)
    need(agent.metric("spool_bytes") <= 9 << 20, f"spool: {agent.metric('spool_bytes')} bytes")
    until(lambda: read_published(place, "load") == 1000000, "all is published")
    return agent, w


def empty_spool(place, server, agent, w):
    """The consumer commits all; returns the account."""
    w.end()
    until(lambda: stream_does(place, server, "--ack", 1000) or
          read_stream(place, server.url)["load"][0].end == "ended", "all arrives")
    agent.stop()
    got = read_stream(place, server.url)["load"][0]
    need(got.closed() and got.published == 1000000 and got.end == "ended" and got.read,
         f"read {got.read}, lost {got.lost}, published {got.published}, gaps {got.gaps}")
    return got


def test_spool_full(place):
    """A full spool stops reading; the ring counts the loss, and the agent reports it."""
    server = Server(place)
    agent, w = fill_spool(place, server)
    until(lambda: stream_does(place, server, "--ack", 1000) or
          agent.metric("lost_records_total", ',cause="spool"'), "the loss is reported")
    got = empty_spool(place, server, agent, w)
    # On a busy machine the ring may also overrun the agent.
    need(set(got.causes) <= {"spool", "start", "overrun"} and got.causes.get("spool"),
         f"causes: {got.causes}")


def test_stop_while_full(place):
    """What did not fit into the spool when the agent stopped is left to the next one."""
    server = Server(place)
    agent, w = fill_spool(place, server)
    # The spool gets room for some of what the queue has, but the first of it has been given up.
    agent.stop()
    agent.start()
    agent.running()
    got = empty_spool(place, server, agent, w)
    need(got.causes.get("stopped"), f"causes: {got.causes}")


def test_release(place):
    """Only what the consumer has committed is released; release = stored needs no consumer."""
    server = Server(place)
    Writer(place, "load", 400000, "--size", "32M", "--linger", "forever")
    agent = Agent(place, server.url, spool__size="32M", agent__batch_size="64K")
    agent.wait_metric("read_records_total", lambda n: n == 400000)
    agent.all_arrived()
    time.sleep(3)  # one look at the consumer, which is not there
    need(agent.metric("released_message") == 0, "released without a consumer")
    need(agent.metric("spool_first_message") == 1, "removed without a consumer")
    stream_does(place, server, "--ack", 120)
    agent.wait_metric("released_message", lambda n: n == 120)
    agent.wait_metric("spool_first_message", lambda n: 1 < n <= 121)
    agent.stop()
    agent = Agent(place, server.url, name="b", spool="other", spool__size="32M",
                  agent__batch_size="64K", nats__release="stored")
    agent.wait_metric("read_records_total", lambda n: n == 400000)
    agent.wait_metric("spool_first_message", lambda n: n > 1)
    agent.stop()


def tear(agent, how):
    """Leaves the last message of the spool as a crash may leave it."""
    newest = sorted(agent.spool.glob("*.spool"))[-1]
    data = newest.read_bytes()
    start = data.rindex(b"SEQFLEET")
    if how == "cut in the header":
        data = data[:start + 100]
    elif how == "cut in the body":
        data = data[:-9]
    else:  # the file had its size on the disk, but not yet its contents
        data = data[:start + 256] + bytes(len(data) - start - 256)
    newest.write_bytes(data)


def test_torn(place):
    """A message that is not whole at the end of the spool is cut off, and read again."""
    server = Server(place)
    server.kill()
    w = Writer(place, "load", 60000, "--size", "16M", "--rate", "20000", "--linger", "forever")
    # Without heartbeats the last message is a batch.
    agent = Agent(place, server.url, agent__heartbeat="1h")
    for how in ("cut in the header", "cut in the body", "without contents"):
        before = agent.metric("spooled_messages_total") or 0
        agent.wait_metric("spooled_messages_total", lambda n, b=before: n > b + 3)
        agent.kill()
        tear(agent, how)
        agent.start()
        agent.running()
        agent.wait_metric("spool_torn_bytes", lambda n: n > 0)
    need(agent.said().count("of a message that was not whole") == 3, agent.said())
    server.start()
    until(lambda: read_published(place, "load") == 60000, "all is published")
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    exact(read_stream(place, server.url)["load"][0], 60000)


def read_published(place, name):
    out = subprocess.run([place.build / "ringctl", "list", "--json"], env=place.env,
                         capture_output=True, text=True, check=False).stdout
    for line in out.split("}"):
        if f'"{name}"' in line and '"published"' in line:
            return int(line.split('"published":')[1].split(",")[0])
    return 0


def test_damaged(place):
    """A batch whose bytes changed on the disk becomes a loss of its records, and no more."""
    server = Server(place)
    server.kill()
    w = Writer(place, "load", 20000, "--size", "4M", "--linger", "forever")
    agent = Agent(place, server.url, agent__batch_size="16K")
    agent.wait_metric("read_records_total", lambda n: n == 20000)
    agent.wait_metric("spool_last_message", lambda n: n > 10)
    agent.kill()
    oldest = sorted(agent.spool.glob("*.spool"))[0]
    data = bytearray(oldest.read_bytes())
    at = data.index(b"SEQFLEET")
    for _ in range(4):
        at = data.index(b"SEQFLEET", at + 8)
    need(int.from_bytes(data[at + 10:at + 12], "little") == 1, "not a batch")
    records = (int.from_bytes(data[at + 120:at + 128], "little") -
               int.from_bytes(data[at + 112:at + 120], "little") + 1)
    data[at + 256 + 30] ^= 4
    oldest.write_bytes(data)
    server.start()
    agent.start()
    agent.wait_metric("connected", lambda n: n == 1)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url)["load"][0]
    need(got.closed() and got.causes == {"damaged": records} and got.published == 20000,
         f"read {got.read}, lost {got.causes}, wanted {records}")


def test_vanished(place):
    """A ring that ended while no agent ran is reported; so is what was lost meanwhile."""
    server = Server(place)
    gone = Writer(place, "gone", 10, "--linger", "forever")
    agent = Agent(place, server.url)
    agent.wait_metric("read_records_total", lambda n: n == 10)
    stays = Writer(place, "stays", 1000000, "--size", "64K", "--rate", "50000", "--linger",
                   "forever")
    agent.wait_metric("rings", lambda n: n == 2)
    agent.wait_metric("read_records_total", lambda n: n > 10000)
    agent.all_arrived()
    agent.kill()
    gone.end()
    before = read_published(place, "stays")
    until(lambda: read_published(place, "stays") > before + 20000, "the ring is overwritten")
    agent.start()
    until(lambda: "gone was gone when the agent started" in agent.said(), "it says so")
    agent.wait_metric("read_records_total", lambda n: n > 0)
    stays.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    got = read_stream(place, server.url)
    need(got["gone"][0].end == "vanished" and got["gone"][0].read == 10,
         f"end {got['gone'][0].end}")
    need(got["stays"][0].closed() and got["stays"][0].causes.get("stopped"),
         f"causes {got['stays'][0].causes}")


def test_writer_killed(place):
    """kill -9 of the writer: what it published arrives, and the end says killed."""
    server = Server(place)
    w = Writer(place, "load", 1000, "--linger", "forever")
    agent = Agent(place, server.url)
    agent.wait_metric("read_records_total", lambda n: n == 1000)
    w.kill()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    exact(read_stream(place, server.url)["load"][0], 1000, end="killed")


def test_overrun(place):
    """A ring that was overwritten before the agent saw it: the loss has its cause."""
    server = Server(place)
    w = Writer(place, "load", 100000, "--size", "64K", "--linger", "forever")
    until(lambda: read_published(place, "load") == 100000, "all is published")
    agent = Agent(place, server.url)
    agent.wait_metric("read_records_total", lambda n: n > 0)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    got = read_stream(place, server.url)["load"][0]
    need(got.closed() and got.published == 100000 and set(got.causes) == {"start"} and got.read,
         f"read {got.read}, causes {got.causes}")


def test_too_big(place):
    """A record that is longer than a message is reported, and its neighbours arrive."""
    server = Server(place)
    agent = Agent(place, server.url, agent__message_max="16K", agent__batch_size="4K")
    (place.dir / "in").write_text("1\n" + "2" * 20000 + "\n3\n")
    w = place.start([place.build / "ringctl", "publish", "big", "--serve", "--linger", "forever"],
                    stdin=open(place.dir / "in", "rb"))
    agent.wait_metric("read_records_total", lambda n: n == 2)
    w.terminate()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    got = read_stream(place, server.url)["big"][0]
    need(got.closed() and got.read == 2 and got.causes == {"too-big": 1}, f"causes {got.causes}")


def test_long_schema(place):
    """A ring whose schema does not fit into a message is not followed, and that is said once."""
    server = Server(place)
    Writer(place, "load", 10, "--linger", "forever")
    Writer(place, "odd", 10, "--linger", "forever", "--schema",
           place.build / "tools/ringctl/trace/bpf/trace.bpf.o")
    agent = Agent(place, server.url, agent__message_max="8K", agent__batch_size="4K")
    agent.wait_metric("read_records_total", lambda n: n == 10)
    until(lambda: "odd is not followed: its schema" in agent.said(), "it says so")
    before = agent.metric("rounds_total")
    agent.wait_metric("rounds_total", lambda n: n > before + 5)
    need(agent.said().count("odd is not followed") == 1, agent.said())
    agent.stop()
    got = read_stream(place, server.url)
    need(sorted(got) == ["load"], f"{sorted(got)}")


def test_two_agents(place):
    """Two agents of one name: the second one that begins stays out, and says so."""
    server = Server(place)
    Writer(place, "load", 1000000, "--size", "16M", "--rate", "10000", "--linger", "forever")
    first = Agent(place, server.url, agent__stop_time="0")
    first.wait_metric("acked_message", lambda n: n > 2)
    # A copy of the spool, as a clone of the machine has it: its stream is ahead of it.
    other = Agent(place, server.url, spool="other")
    until(lambda: "another agent publishes under the name a" in first.said() + other.said(),
          "one of them says so")
    first.stop()
    other.kill()
    read_stream(place, server.url, overlaps=True)


def test_locked(place):
    """Two agents with one spool: the second one ends."""
    server = Server(place)
    agent = Agent(place, server.url)
    agent.running()
    second = subprocess.run(agent.args, env=place.env, capture_output=True, text=True,
                            timeout=LIMIT, check=False)
    need(second.returncode == 1 and "another agent has it" in second.stderr, second.stderr)
    agent.stop()


def test_new_spool(place):
    """A new spool goes on in the stream; what is read again overlaps, and nothing is missing."""
    server = Server(place)
    w = Writer(place, "load", 1000, "--linger", "forever")
    agent = Agent(place, server.url)
    agent.wait_metric("read_records_total", lambda n: n == 1000)
    agent.all_arrived()
    agent.stop()
    agent = Agent(place, server.url, spool="new")
    agent.wait_metric("read_records_total", lambda n: n == 1000)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    need("goes on behind message" in agent.said(), agent.said())
    got = read_stream(place, server.url, overlaps=True)["load"][0]
    exact(got, 1000)
    need(got.overlaps == 1000, f"overlaps {got.overlaps}")


def test_foreign_stream(place):
    """A stream that has messages of others is left alone."""
    server = Server(place)
    Writer(place, "load", 10, "--linger", "forever")
    agent = Agent(place, server.url, agent__stop_time="1s")
    agent.wait_metric("acked_message", lambda n: n > 0)
    agent.stop()
    stream_does(place, server, "--fill", 1)
    agent.start()
    until(lambda: "the stream has a message that is no agent's" in agent.said(), "it says so")
    agent.stop()


def test_file_sink(place):
    """Files: all is there after kills of the agent, and a torn end is cut."""
    out = place.dir / "out"
    w = Writer(place, "load", 300000, "--size", "16M", "--rate", "100000", "--linger", "forever")
    agent = Agent(place, sink__type="file", sink__directory=out, sink__file_size="1M")
    for _ in range(4):
        time.sleep(random.random() * 0.5)
        agent.kill()
        agent.start()
    agent.kill()
    newest = sorted(out.glob("*.fleet"))[-1]
    with open(newest, "ab") as f:
        f.write(b"SEQFLEET" + bytes(100))
    agent.start()
    until(lambda: read_published(place, "load") == 300000, "all is published")
    w.end()
    agent.running()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.all_arrived()
    agent.stop()
    need(len(list(out.glob("*.fleet"))) > 3, "one file only")
    exact(read_stream(place, "-", out)["load"][0], 300000)


def test_stdout(place):
    """Standard output: a line of JSON for each record; the agent ends when nobody reads it."""
    w = Writer(place, "load", 300, "--linger", "forever")
    agent = Agent(place, sink__type="stdout")
    agent.kill()
    out = place.dir / "out.json"
    agent.spool = place.dir / "unused"
    agent.args[-1:] = [agent.args[-1], "--set", f"spool.directory={place.dir}/second"]
    with open(out, "wb") as agent.stdout:
        agent.start()
        agent.wait_metric("read_records_total", lambda n: n == 300)
        w.end()
        agent.wait_metric("rings", lambda n: n == 0)
        agent.stop()
    lines = json_lines(out)
    records = [line for line in lines if line["kind"] == "record"]
    need([r["seq"] for r in records] == list(range(1, 301)), "the records")
    need(all(r["text"] == str(r["seq"]) and r["name"] == "load" for r in records), "the texts")
    need(abs(records[0]["realtime_ns"] / 1e9 - time.time()) < 3600, "the time")
    need(lines[0]["kind"] == "schema" and lines[-1]["kind"] == "end" and
         lines[-1]["cause"] == "ended" and lines[-1]["published"] == 300, f"{lines[-1]}")
    Writer(place, "more", 10, "--linger", "forever")
    agent.stdout = subprocess.PIPE
    agent.start()
    agent.process.stdout.close()
    need(agent.process.wait(LIMIT) == 1, "it goes on without a reader")


def test_password(place):
    """User and password, also from a file; a wrong one is told."""
    server = Server(place, 'authorization { user: "u", password: "secret" }', "u:secret@")
    url = f"nats://127.0.0.1:{server.port}"
    Writer(place, "load", 10, "--linger", "forever")
    secret = place.dir / "password"
    secret.write_text("secret\n")
    agent = Agent(place, url, nats__user="u", nats__password_file=secret)
    agent.wait_metric("read_records_total", lambda n: n == 10)
    agent.all_arrived()
    agent.stop()
    exact(read_stream(place, server.url)["load"][0], 10, end="-")
    agent = Agent(place, url, spool="wrong", nats__user="u", nats__password="other", agent__stop_time="0")
    until(lambda: "cannot connect" in agent.said() and "uthorization" in agent.said(), "it says so")
    need("other" not in agent.said(), "the password is in the log")
    agent.stop()


def test_nkey(place):
    """A key and its seed."""
    server = Server(place, f"authorization {{ users: [ {{ nkey: {NKEY} }} ] }}")
    Writer(place, "load", 10, "--linger", "forever")
    seed = place.dir / "seed"
    seed.write_text(SEED + "\n")
    agent = Agent(place, server.url, nats__nkey=NKEY, nats__seed_file=seed)
    agent.wait_metric("read_records_total", lambda n: n == 10)
    agent.all_arrived()
    agent.stop()


def test_tls(place):
    """TLS with an authority and the server's name; without the authority it is refused."""
    make_certificate(place)
    server = Server(place, f'tls {{ cert_file: "{place.dir}/cert.pem", '
                    f'key_file: "{place.dir}/key.pem" }}')
    Writer(place, "load", 10, "--linger", "forever")
    agent = Agent(place, server.url, nats__tls="yes", nats__tls_ca=place.dir / "cert.pem",
                  nats__tls_hostname="ring.test")
    agent.wait_metric("read_records_total", lambda n: n == 10)
    agent.all_arrived()
    agent.stop()
    agent = Agent(place, server.url, spool="other", nats__tls="yes", agent__stop_time="0")
    until(lambda: "cannot connect" in agent.said(), "it says so")
    agent.running()
    need(agent.metric("sessions_total") == 0, "connected to an unknown server")
    agent.stop()


def test_metrics(place):
    """Metrics by HTTP, on the loopback only, in the form that Prometheus reads."""
    port = free_port()
    agent = Agent(place, f"nats://127.0.0.1:{free_port()}", metrics__port=port, agent__stop_time="0")
    agent.running()
    url = f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"{url}/metrics", timeout=LIMIT) as answer:
        text = answer.read().decode()
        need(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), "the type")
    names = set()
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            names.add(line.split()[2])
            need(line.split()[3] in ("counter", "gauge"), line)
        elif not line.startswith("# HELP"):
            need(line.split("{")[0] in names and line.split()[-1].isdigit(), line)
    need(len(names) > 15 and "ringd_spool_bytes" in names, f"{names}")
    for path, method, status in (("/other", "GET", 404), ("/metrics", "POST", 405)):
        try:
            urllib.request.urlopen(urllib.request.Request(url + path, method=method),
                                   timeout=LIMIT)
            raise Failed(f"{method} {path} was answered")
        except urllib.error.HTTPError as e:
            need(e.code == status, f"{method} {path}: {e.code}")
    agent.stop()
    # A port that is taken is an error at the start.
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        agent.start()
        need(agent.process.wait(LIMIT) == 1 and f"metrics.port = {port}" in agent.said(),
             agent.said())


def test_systemd(place):
    """The messages that systemd wants: READY, WATCHDOG, RELOADING, STOPPING."""
    path = place.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(LIMIT)
        place.env.update(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="300000")
        agent = Agent(place, f"nats://127.0.0.1:{free_port()}", agent__stop_time="0")
        got = []

        def wait_for(word):
            while not got or word not in got[-1]:
                got.append(s.recv(4096).decode())

        wait_for("READY=1")
        wait_for("WATCHDOG=1")
        agent.process.send_signal(signal.SIGHUP)
        wait_for("RELOADING=1")
        wait_for("READY=1")
        wait_for("WATCHDOG=1")
        agent.process.terminate()
        wait_for("STOPPING=1")
        need(agent.process.wait(LIMIT) == 0, "the status")


# Lines of a file, and what is said of them.
MISTAKES = [
    ("[agent]\nbatch_size = 1", ":2: agent.batch_size = 1: not a number of bytes"),
    ("[agent]\nbatch_size = 12X", "from 4K to 512K"),
    ("[agent]\nbatch_size = 1M", "from 4K to 512K"),
    ("[agent]\nbatch_time = 5", ":2: agent.batch_time = 5: not a time with its unit"),
    ("[agent]\nbatch_time = 0", "from 1ms to 60s"),
    ("[agent]\n\nheartbeat = 1x", ":3: agent.heartbeat = 1x"),
    ("[agent]\nname = a.b", "agent.name: not 1 to 63 of A-Z a-z 0-9 _ -"),
    ("[agent]\nrings =", ":2: agent.rings = : the value is missing"),
    ("[agent]\nrings = a\nrings = b", ":3: agent.rings = b: the key was given on line 2 already"),
    ("[agent]\nmessage_max = 8K", "agent.message_max: less than agent.batch_size"),
    ("[spool]\nsize = 8M\n[agent]\nmessage_max = 2M",
     "agent.message_max: more than an eighth of spool.size"),
    ("[agent]\ncolour = red", ":2: no key colour in section agent: its keys are name, rings"),
    ("[agents]\nname = a", ":2: no key name in section agents: the sections are agent, spool"),
    ("name = a", ":1: no key name in section (none): the sections are"),
    ("[agent]\nname", ":2: neither a [SECTION] nor KEY = VALUE"),
    ("[agent\nname = a", ":1: neither a [SECTION] nor KEY = VALUE"),
    ("[spool]\nsize = 1M", ":2: spool.size = 1M: not a number of bytes, with K, M, G, T or "
     "without from 8M"),
    ("[spool]\nsize = 99999999999999999999", "spool.size"),
    ("[sink]\ntype = kafka", ":2: sink.type = kafka: not one of nats|file|stdout"),
    ("[sink]\ntype = file", "sink.directory: needed if sink.type is file"),
    ("[sink]\ndirectory = /x", "sink.directory: needed if sink.type is file, and only then"),
    ("[nats]\nreplicas = 0", ":2: nats.replicas = 0: not a number from 1 to 5"),
    ("[nats]\nreplicas = 2x", "not a number from 1 to 5"),
    ("[nats]\nrelease = never", "not one of consumer|stored"),
    ("[nats]\nconsumer = a.b", "nats.consumer: not 1 to 64 characters"),
    ("[nats]\nuser = u", "nats.user: needs a password"),
    ("[nats]\npassword = geheim", "a password needs it"),
    ("[nats]\nuser = u\npassword = p\npassword_file = f", "only one may be given"),
    ("[nats]\nnkey = U", "each needs the other one"),
    ("[nats]\nuser = u\npassword = p\ncredentials = f", "only one may be given"),
    ("[nats]\ntls = maybe", "not one of no|yes"),
    ("[nats]\ntls = yes\ntls_cert = f", "nats.tls_cert and nats.tls_key: each needs the other"),
    ("[nats]\ntls_ca = f", "need nats.tls = yes"),
    ("[metrics]\nport = 70000", ":2: metrics.port = 70000: not a number from 0 to 65535"),
    ("[agent]\nname = " + "x" * 5000, ":2: the line is longer than"),
]


def check(place, text, *args, **env):
    path = place.dir / "ringd.conf"
    path.write_text(text + "\n")
    return path, subprocess.run([place.ringd, "--config", path, "--check", *args],
                                capture_output=True, text=True, timeout=LIMIT, check=False,
                                env=dict(place.env, **env))


def test_mistakes(place):
    """Each mistake in the configuration is told, with its place and with what is allowed."""
    for text, said in MISTAKES:
        path, run = check(place, text)
        need(run.returncode == 2, f"{text!r} was accepted")
        need(said in run.stderr and f"{path}" in run.stderr, f"{text!r}: {run.stderr}")
    _, run = check(place, "[nats]\nuser = u\npassword = geheim")
    need(run.returncode == 0 and not run.stderr, run.stderr)
    # All mistakes are told at once, and no password.
    path, run = check(place, "[agent]\nscan = 1\n[nats]\nreplicas = 9\npassword =")
    need(all(f"{path}:{n}: " in run.stderr for n in (2, 4, 5)), run.stderr)
    _, run = check(place, "", RINGD_NATS_REPLICAS="9")
    need(run.returncode == 2 and "RINGD_NATS_REPLICAS: nats.replicas = 9" in run.stderr,
         run.stderr)
    for value, said in (("nats.replicas=9", "--set: nats.replicas = 9: not a number from 1 to 5"),
                        ("replicas=9", "--set replicas=9: not SECTION.KEY=VALUE"),
                        ("nats.replicas", "not SECTION.KEY=VALUE"),
                        ("nats.what=1", "no key what in section nats")):
        _, run = check(place, "", "--set", value)
        need(run.returncode == 2 and said in run.stderr, f"{value}: {run.stderr}")
    for args, said in ((["--wrong"], "--wrong: no such option"),
                       (["--set"], "it needs a value"),
                       (["extra"], "extra: ringd takes options only"),
                       (["--config", "/nonexistent"], "/nonexistent: No such file")):
        run = subprocess.run([place.ringd, *args], capture_output=True, text=True,
                             timeout=LIMIT, check=False, env=place.env)
        need(run.returncode == 2 and said in run.stderr, f"{args}: {run.stderr}")


def test_order(place):
    """--set overrides the environment, which overrides the file; --print shows what is in force."""
    text = "# a comment\n[agent]\nname = file\nscan = 3s\n[nats]\nuser = u\npassword = geheim\n"
    _, run = check(place, text, "--print")
    need("\nname = file\n" in run.stdout and "\nscan = 3s\n" in run.stdout, run.stdout)
    need("password = ..." in run.stdout and "geheim" not in run.stdout, run.stdout)
    _, run = check(place, text, "--print", RINGD_AGENT_NAME="env")
    need("\nname = env\n" in run.stdout, run.stdout)
    _, run = check(place, text, "--print", "--set", "agent.name=set", RINGD_AGENT_NAME="env")
    need("\nname = set\n" in run.stdout, run.stdout)
    # --print prints a configuration that the agent accepts.
    path = place.dir / "again.conf"
    path.write_text(run.stdout.replace("password = ...", "password = p"))
    again = subprocess.run([place.ringd, "--config", path, "--print"], text=True,
                           capture_output=True, timeout=LIMIT, check=False, env=place.env)
    need(again.stdout == run.stdout, again.stdout + again.stderr)


def test_keys(place):
    """Each key is in ringd.conf(5), each option in ringd(8), and both are completed."""
    def run(*args):
        return subprocess.run([place.ringd, *args], capture_output=True, text=True, check=True,
                              timeout=LIMIT).stdout
    keys = run("--keys").split()
    need(len(keys) > 30, f"{keys}")
    conf = (TOP / "tools/ringd/ringd.conf.5").read_text()
    words = {w for line in conf.splitlines() if line.startswith(".It Cm") for w in
             line.replace(",", "").split()[2:]}
    for key in keys:
        need(key.split(".")[1] in words, f"ringd.conf(5) lacks {key}")
    page = (TOP / "tools/ringd/ringd.8").read_text()
    options = {w for w in run("--help").split() if w.startswith("--")}
    for option in options - {"--set"}:
        need(f"Fl {option[1:]}" in page, f"ringd(8) lacks {option}")

    def complete(*words):
        script = (f'. "{TOP}/tools/ringd/ringd.bash-completion"; COMP_WORDS=("$@"); '
                  f'COMP_CWORD=$(($# - 1)); _ringd "$1"; printf "%s\\n" "${{COMPREPLY[@]}}"')
        return set(subprocess.run(["bash", "-c", script, "bash", place.ringd, *words], text=True,
                                  capture_output=True, check=True, timeout=LIMIT).stdout.split())
    need(complete("--") == options, f"{complete('--')} for {options}")
    need(complete("--set", "nats.tls_") == {k + "=" for k in keys if k.startswith("nats.tls_")},
         f"{complete('--set', 'nats.tls_')}")


if __name__ == "__main__":
    sys.exit(harness.main(globals(), "fleet-agent"))
