# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Rings of records: read them, and publish on rings of this process.

    import ring

    with ring.Reader("sched") as reader:
        for record in reader:
            print(record.seq, record.name, record.fields)

docs/guide/python.md has more. An error is an OSError with the errno of libring.
"""
import asyncio
import errno
import os
import select
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from . import _ring
from ._ring import (CLOCK_BOOTTIME, CLOCK_COARSE, CLOCK_MONOTONIC, CLOCK_NONE, ENDED, HEAD, KILLED,
                    NEWEST, OLDEST, REALTIME, REPLACED, RUNS, SEQ, TIME, WRITER_BPF, WRITER_MEMFD,
                    WRITER_MODULE, Batch, Info, Record, Schema, Stats, StatsAt, schema_from_file)

__all__ = ["CLOCK_BOOTTIME", "CLOCK_COARSE", "CLOCK_MONOTONIC", "CLOCK_NONE", "ENDED", "HEAD",
           "KILLED", "NEWEST", "OLDEST", "REALTIME", "REPLACED", "RUNS", "SEQ", "TIME", "WRITER_BPF",
           "WRITER_MEMFD", "WRITER_MODULE", "Batch", "Info", "Reader", "Record", "Schema", "Stats",
           "StatsAt", "Writer", "schema_from_file"]

# An async loop gives way to others after so many records that were there at once.
_FAIR = 256


class Reader(_ring.Reader):
    """A reader of a ring, for one thread at a time.

    where: a name or a path, as for ring_open(3); a descriptor; or the fds of a Writer.
    """

    def batches(self, max: int = 1024, size: int = 262144) -> Iterator[Batch]:
        """Yields a Batch after the other until the end of the ring, and waits for each."""
        while True:
            try:
                batch = self.read_batch(max, size)
            except OSError as e:
                if e.errno == errno.ENODEV:
                    return
                raise
            if batch is None:
                self.wait()
            else:
                yield batch

    async def readable(self) -> None:
        """Waits, in an event loop, until the watermark is met or the ring has ended."""
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        fd = self.fileno()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(fd, wake)
        try:
            await ready
        finally:
            loop.remove_reader(fd)

    async def __aiter__(self) -> AsyncIterator[Record]:
        count = 0
        while True:
            try:
                record = self.read()
            except OSError as e:
                if e.errno == errno.ENODEV:
                    return
                raise
            if record is None:
                await self.readable()
                continue
            yield record
            count += 1
            if count % _FAIR == 0:
                await asyncio.sleep(0)


class Writer(_ring.Writer):
    """A ring of this process. It ends with close()."""

    _thread: threading.Thread | None = None
    _stop = -1

    def start_serving(self, where: str, **options: Any) -> None:
        """Calls listen(), and serve() in a thread until close()."""
        if self._thread:
            raise RuntimeError("the ring is served by a thread already")
        fd = self.listen(where, **options)
        read_end, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, args=(fd, read_end), daemon=True,
                                        name=f"serve {where}")
        self._thread.start()

    def _serve(self, fd: int, stop: int) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(stop, select.POLLIN)
        while stop not in (ready for ready, _ in poll.poll()):
            self.serve()
        os.close(stop)

    def close(self) -> None:
        """Ends the ring. May be called again."""
        thread, self._thread = self._thread, None
        if thread:
            os.close(self._stop)
            # In a child of fork() there is no thread to end.
            if thread.is_alive():
                thread.join()
        super().close()

    def __exit__(self, *args: object) -> None:
        self.close()
