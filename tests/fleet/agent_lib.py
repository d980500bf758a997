# SPDX-License-Identifier: GPL-2.0-only
"""Real servers, writers and agents for the tests of the fleet. Nothing is mocked."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 60  # seconds for any condition: generous, since the machine may be busy


class Failed(Exception):
    """A condition that does not hold."""


class Skipped(Exception):
    """What this machine lacks for a test."""


def need(good, why):
    if not good:
        raise Failed(why)


def until(condition, what, limit=LIMIT):
    """Waits until the condition gives something true, and returns it."""
    end = time.monotonic() + limit
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {limit} s")
        time.sleep(0.05)


PORTS = set()


def free_port():
    """A port that no other test of this program gets."""
    while True:
        with contextlib.closing(socket.socket()) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in PORTS:
            PORTS.add(port)
            return port


class Place:
    """The directory of one test, and the processes that it started."""

    def __init__(self, build, ringd=None, ringctl=None):
        self.build = pathlib.Path(build).resolve()
        self.ringd = pathlib.Path(ringd).resolve() if ringd else self.build / "ringd"
        self.ringctl = pathlib.Path(ringctl).resolve() if ringctl else self.build / "ringctl"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fleet."))
        (self.dir / "rings").mkdir()
        self.env = dict(os.environ, RINGDIR=str(self.dir / "rings"),
                        RINGBPFDIR=str(self.dir / "no-bpf"))
        for name in [n for n in self.env if n.startswith("RINGD_")]:
            del self.env[name]
        self.processes = []

    def start(self, args, **more):
        p = subprocess.Popen([str(a) for a in args], cwd=self.dir, env=self.env, **more)
        self.processes.append(p)
        return p

    def clean(self):
        for p in self.processes:
            if p.poll() is None:
                p.send_signal(signal.SIGCONT)
                p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Server:
    """A nats-server with JetStream on files, which may be killed and started again."""

    def __init__(self, place, config="", url_user="", node="nats"):
        self.place = place
        self.port = free_port()
        self.url = f"nats://{url_user}127.0.0.1:{self.port}"
        self.config = place.dir / f"{node}.conf"
        self.config.write_text(f'listen: "127.0.0.1:{self.port}"\nserver_name: {node}\n'
                               f'jetstream {{ store_dir: "{place.dir}/{node}" }}\n{config}\n')
        self.log = place.dir / f"{node}.log"
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            before = self.log.stat().st_size
            self.process = self.place.start(["nats-server", "-c", self.config], stdout=log,
                                            stderr=log)
        until(lambda: b"Server is ready" in self.log.read_bytes()[before:] or
              self.process.poll() is not None, "nats-server is ready")
        need(self.process.poll() is None, self.log.read_text()[-500:])

    def kill(self):
        self.process.kill()
        self.process.wait()


def start_cluster(place):
    """Three servers that know each other."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{p}"' for p in ports)
    return [Server(place, f'cluster {{ name: fleet, listen: "127.0.0.1:{p}", '
                   f'routes: [ {routes} ] }}', node=f"nats{i}") for i, p in enumerate(ports)]


class Writer:
    """A ring whose records are 1, 2, 3, ... in decimal: each payload is the record's seq."""

    def __init__(self, place, name, records, *options):
        source = place.start(["seq", "1", records], stdout=subprocess.PIPE)
        self.process = place.start([place.build / "ringctl", "publish", name, "--serve", *options],
                                   stdin=source.stdout, stderr=subprocess.DEVNULL)
        source.stdout.close()
        until(lambda: (place.dir / "rings" / name).exists() or self.process.poll() is not None,
              f"the ring {name}")

    def end(self):
        self.process.terminate()
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Agent:
    """A ringd, which may be killed and started again with its spool."""

    def __init__(self, place, url=None, name="a", spool="spool", **sets):
        self.place = place
        self.spool = place.dir / spool
        self.log = place.dir / f"{spool}.log"
        self.metrics = place.dir / f"{spool}.prom"
        values = {"agent.name": name, "agent.scan": "50ms", "agent.batch_time": "50ms",
                  "agent.heartbeat": "200ms", "spool.directory": self.spool,
                  "metrics.file": self.metrics, "metrics.interval": "50ms"}
        if url:
            values["nats.servers"] = url
        values.update({k.replace("__", "."): v for k, v in sets.items()})
        self.args = [place.ringd, "--config", "/dev/null"]
        for key, value in values.items():
            self.args += ["--set", f"{key}={value}"]
        self.process = None
        self.stdout = None
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            self.metrics.unlink()
        with open(self.log, "ab") as log:
            self.process = self.place.start(self.args, stdout=self.stdout, stderr=log)

    def running(self):
        """Waits until it follows rings, by its first metrics."""
        until(lambda: self.metrics.exists() or self.process.poll() is not None, "metrics")
        need(self.process.poll() is None, f"ringd has ended: {self.said()[-500:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(LIMIT)
        need(status == 0, f"ringd ended with {status}: {self.said()[-500:]}")

    def said(self):
        return self.log.read_text(errors="replace")

    def metric(self, name, label=""):
        """The value of a metric; None: there are none yet."""
        try:
            text = self.metrics.read_text()
        except FileNotFoundError:
            return None
        found = re.search(rf'^ringd_{name}{{agent="[^"]*"{re.escape(label)}}} (\d+)$', text, re.M)
        return int(found.group(1)) if found else None

    def wait_metric(self, name, good, label="", limit=LIMIT):
        def check():
            if self.process.poll() is not None:
                raise Failed(f"ringd has ended: {self.said()[-500:]}")
            value = self.metric(name, label)
            return value is not None and good(value)
        until(check, f"metric {name} (now {self.metric(name, label)})", limit)

    def all_arrived(self):
        """Waits until all that is spooled has arrived."""
        def check():
            last, acked = self.metric("spool_last_message"), self.metric("acked_message")
            return last and acked == last
        until(check, "all messages have arrived")


class Account:
    """What tests/fleet/stream found, for one ring."""

    def __init__(self, line):
        words = line.split()
        self.name, self.nonce, self.ring = words[:3]
        numbers = dict(zip(words[3:15:2], words[4:16:2]))
        self.read, self.lost, self.published, self.gaps, self.overlaps = (
            int(numbers[k]) for k in ("read", "lost", "published", "gaps", "overlaps"))
        self.end = numbers["end"]
        self.causes = {} if words[-1] == "-" else dict(
            (c.split("=")[0], int(c.split("=")[1])) for c in words[-1].split(","))

    def closed(self):
        return self.read + self.lost == self.published and not self.gaps


def read_stream(place, url, stream="SEQRING_a", overlaps=False, trimmed=False,
                any_payload=False):
    """The accounts by name, after a check that the chain and all messages are right."""
    run = subprocess.run([place.build / "tests/fleet/stream", url, stream,
                          *(["--trimmed"] if trimmed else []),
                          *(["--any"] if any_payload else [])], text=True,
                         capture_output=True, timeout=300, check=False)
    need(run.returncode == 0, f"the stream is wrong: {run.stderr[-500:]} {run.stdout[-500:]}")
    lines = run.stdout.splitlines()
    need(re.fullmatch(r"messages [1-9]\d* chain 0 bad 0", lines[-1]), lines[-1])
    accounts = {}
    for line in lines[:-1]:
        a = Account(line)
        need(overlaps or not a.overlaps, f"records were sent twice: {line}")
        accounts.setdefault(a.name, []).append(a)
    return accounts


def stream_does(place, server, *args):
    subprocess.run([place.build / "tests/fleet/stream", server.url, "SEQRING_a", *map(str, args)],
                   check=True, timeout=300, stdout=subprocess.DEVNULL)


def json_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


# From the public documentation of NATS.
NKEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"


def make_certificate(place):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out",
                    "cert.pem", "-days", "2", "-subj", "/CN=ring.test", "-addext",
                    "subjectAltName=DNS:ring.test,IP:127.0.0.1"], cwd=place.dir, check=True,
                   capture_output=True)
