# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, NamedTuple, Self

from _typeshed import ReadableBuffer

OLDEST: int
NEWEST: int
HEAD: int
SEQ: int
TIME: int
REALTIME: int
RUNS: int
ENDED: int
KILLED: int
REPLACED: int
CLOCK_NONE: int
CLOCK_MONOTONIC: int
CLOCK_COARSE: int
CLOCK_BOOTTIME: int
WRITER_MODULE: int
WRITER_BPF: int
WRITER_MEMFD: int

class Info(NamedTuple):
    name: str
    path: str | None
    writer: int
    nr_rings: int
    clock_id: int
    page_size: int
    features: int
    data_size: int
    payload_max: int
    peer: tuple[int, int, int] | None
    creation: int

class Stats(NamedTuple):
    read: int
    lost: int
    filtered: int
    overruns: int
    waits: int
    misordered: int
    early: int
    lag_records: int
    lag_bytes: int
    published: int
    dropped: int
    wakeups: int
    end: int
    unfenced: int
    window_ns: int
    restarts: int

class StatsAt(NamedTuple):
    head: int
    tail: int
    published: int
    dropped: tuple[int, ...]
    wakeups: int
    id: int
    ended: bool

class Schema:
    def __new__(cls, data: ReadableBuffer) -> Self: ...
    @property
    def types(self) -> dict[int, str]: ...
    def decode(self, type: int, payload: ReadableBuffer, /) -> tuple[str, dict[str, Any], bytes]: ...

class Record:
    @property
    def seq(self) -> int: ...
    @property
    def ts_ns(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def ring(self) -> int: ...
    @property
    def type(self) -> int: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def name(self) -> str | None: ...
    @property
    def fields(self) -> dict[str, Any] | None: ...
    @property
    def extra(self) -> bytes | None: ...

class Batch(Sequence[Record]):
    def __len__(self) -> int: ...
    def __getitem__(self, i: int, /) -> Record: ...  # type: ignore[override]
    def __buffer__(self, flags: int, /) -> memoryview: ...
    @property
    def seqs(self) -> memoryview: ...
    @property
    def times(self) -> memoryview: ...
    @property
    def lost(self) -> memoryview: ...
    @property
    def rings(self) -> memoryview: ...
    @property
    def types(self) -> memoryview: ...
    @property
    def lengths(self) -> memoryview: ...
    @property
    def offsets(self) -> memoryview: ...

class Reader:
    def __new__(
        cls,
        where: str | bytes | PathLike[Any] | int | tuple[int, int, int],
        *,
        whence: int = ...,
        value: int = 0,
        types: Sequence[int] | None = None,
        ring: int | None = None,
        merge_window_ns: int = 0,
        wake_records: int = 0,
        wake_bytes: int = 0,
        wake_timeout_ns: int = 0,
        open_timeout_ms: int = 0,
        follow: bool = False,
        eager: bool = False,
        prefault: bool = False,
        lock: bool = False,
    ) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> None: ...
    def __iter__(self) -> Iterator[Record]: ...
    def __next__(self) -> Record: ...
    def read(self) -> Record | None: ...
    def read_batch(self, max: int = 1024, size: int = 262144) -> Batch | None: ...
    def newest(self, ring: int = 0, /) -> Record | None: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def wake(self) -> None: ...
    def seek(self, whence: int, value: int = 0, /) -> None: ...
    def fileno(self) -> int: ...
    def wall_time(self, ts_ns: int, /) -> int: ...
    def stats_at(self, ring: int, /) -> StatsAt: ...
    def close(self) -> None: ...
    @property
    def stats(self) -> Stats: ...
    @property
    def info(self) -> Info: ...
    @property
    def schema(self) -> Schema | None: ...
    @property
    def closed(self) -> bool: ...

class Writer:
    def __new__(
        cls,
        name: str | None = None,
        *,
        size: int = 1048576,
        rings: int = 1,
        clock: int = ...,
        schema: ReadableBuffer | None = None,
        full_fence: bool = False,
        prefault: bool = False,
        lock: bool = False,
        wake_thread: bool = False,
    ) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> None: ...
    def publish(
        self, payload: ReadableBuffer, type: int = 0, *, ring: int = 0, ts_ns: int | None = None
    ) -> None: ...
    def listen(
        self,
        where: str | bytes | PathLike[Any],
        *,
        permissions: int = 0,
        group: int | None = None,
        readers_max: int = 0,
        readers_per_user: int = 0,
    ) -> int: ...
    def serve(self) -> None: ...
    def adopt(self) -> None: ...
    def close(self) -> None: ...
    @property
    def fds(self) -> tuple[int, int, int]: ...
    @property
    def closed(self) -> bool: ...

def schema_from_file(path: str | bytes | PathLike[Any], /) -> bytes: ...
