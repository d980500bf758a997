# SPDX-License-Identifier: GPL-2.0-only
"""Decodes records in pure Python, written from docs/reference/schema.md and json.md."""
import socket
import struct
import sys

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FLOAT, ENUM64 = 1, 2, 3, 4, 5, 6, 16, 19
TYPEDEF, QUALIFIERS = 8, (9, 10, 11, 18)
SIGNED, CHAR, BOOL = 1, 2, 4
HINTS = {"seqring_hex8": "hex", "seqring_hex16": "hex", "seqring_hex32": "hex",
         "seqring_hex64": "hex", "seqring_ip4": "ip4", "seqring_ip6": "ip6",
         "seqring_strings": "strings"}


class NotDecoded(Exception):
    """Why a record is not decoded."""


class Type:
    """kind, size, and what the kind needs: name, signed, elem, count, members, values."""

    def __init__(self, kind, size, **more):
        self.kind, self.size = kind, size
        self.__dict__.update(more)


class Schema:
    def __init__(self, blob):
        magic, version, _, size, type_off, type_len, str_off, str_len = \
            struct.unpack_from("=HBBIIIII", blob)
        if magic != 0xeb9f or version != 1:
            raise ValueError("not BTF")
        self.strings = blob[size + str_off:size + str_off + str_len]
        self.raw = [None]
        self.types = {}
        self.parse(blob[size + type_off:size + type_off + type_len])
        self.records = {}
        wanted = [t for t in self.raw if t and t[0] in (ENUM, ENUM64)
                  and t[1] == "seqring_schema"]
        if len(wanted) != 1:
            raise ValueError("no enum seqring_schema, or several")
        structs = {t[1]: i for i, t in enumerate(self.raw) if t and t[0] == STRUCT}
        for name, number in self.enumerators(wanted[0]):
            self.records[number] = (name, self.type(structs[name]))

    def name(self, offset):
        return self.strings[offset:self.strings.index(b"\0", offset)].decode("ascii")

    def parse(self, data):
        extra = {INT: (0, 4), ARRAY: (0, 12), STRUCT: (12, 0), UNION: (12, 0), ENUM: (8, 0),
                 13: (8, 0), 14: (0, 4), 15: (12, 0), 17: (0, 4), ENUM64: (12, 0)}
        at = 0
        while at < len(data):
            name, info, size = struct.unpack_from("=III", data, at)
            kind, count = info >> 24 & 31, info & 0xffff
            each, once = extra.get(kind, (0, 0))
            end = at + 12 + each * count + once
            self.raw.append((kind, self.name(name), bool(info >> 31), count, size,
                             data[at + 12:end]))
            at = end

    def enumerators(self, raw):
        kind, _, _, count, _, data = raw
        for i in range(count):
            if kind == ENUM64:
                name, low, high = struct.unpack_from("=III", data, 12 * i)
                yield self.name(name), high << 32 | low
            else:
                name, value = struct.unpack_from("=Ii", data, 8 * i)
                yield self.name(name), value

    def type(self, number):
        if number not in self.types:
            self.types[number] = self.make(*self.raw[number])
        return self.types[number]

    def make(self, kind, name, flag, count, size, data):
        if kind == INT:
            encoding = struct.unpack("=I", data)[0] >> 24 & 15
            return Type("bool" if encoding & BOOL else "int", size, name=name,
                        signed=bool(encoding & SIGNED and not encoding & BOOL),
                        char=size == 1 and not encoding & BOOL
                        and bool(encoding & CHAR or name == "char"))
        if kind == PTR:
            return Type("hex", 8)
        if kind == FLOAT:
            return Type("float" if size in (4, 8) else "bytes", size)
        if kind in (ENUM, ENUM64):
            values = list(self.enumerators((kind, name, flag, count, size, data)))
            mask = (1 << 8 * size) - 1
            # Of two names of one value, the first counts.
            return Type("enum", size,
                        signed=flag or kind == ENUM and any(v < 0 for _, v in values),
                        values={v & mask: n for n, v in reversed(values)})
        if kind == ARRAY:
            elem, _, nr = struct.unpack("=III", data)
            elem = self.type(elem)
            return Type(self.kind_of_array(elem), elem.size * nr, elem=elem, open=not nr)
        if kind in (STRUCT, UNION):
            members = []
            for i in range(count):
                field, number, offset = struct.unpack_from("=III", data, 12 * i)
                bits = offset >> 24 if flag else 0
                members.append((self.name(field), self.type(number),
                                offset & 0xffffff if flag else offset, bits))
            return Type("struct" if kind == STRUCT else "union", size, members=members)
        if kind == TYPEDEF:
            t = self.type(size)
            hint = HINTS.get(name)
            return Type(hint, t.size) if hint else t
        if kind in QUALIFIERS:
            return self.type(size)
        raise ValueError(f"a field of BTF kind {kind}")

    @staticmethod
    def kind_of_array(elem):
        if elem.kind == "strings":
            return "list of strings"
        if elem.size == 1 and elem.kind == "int" and elem.char:
            return "text"
        if elem.size == 1 and (elem.kind == "hex" or elem.kind == "int" and not elem.signed):
            return "bytes"
        return "array"

    def decode(self, number, payload):
        """Returns the name of the type, a dict of the fields, and the bytes behind them."""
        if number not in self.records:
            raise NotDecoded(f"the schema has no type {number}")
        name, t = self.records[number]
        last = t.members[-1][1] if t.members else None
        is_open = getattr(last, "open", False)
        least = t.size
        if is_open:
            least = max((offset + (bits or 8 * m.size) + 7) // 8
                        for _, m, offset, bits in t.members)
        if len(payload) < least:
            raise NotDecoded(f"{len(payload)} bytes are too few for {name}, "
                             f"which needs at least {least}")
        used = least
        if is_open:
            offset = t.members[-1][2] // 8
            used = offset + (len(payload) - offset) // last.elem.size * last.elem.size
        fields = {}
        self.members(t, payload[:used], 0, fields)
        return name, fields, payload[used:]

    def members(self, t, data, at, out):
        for name, m, offset, bits in t.members:
            if name:
                out[name] = self.value(m, data, at + offset, bits)
            elif m.kind in ("struct", "union"):
                self.members(m, data, at + offset, out)

    def value(self, t, data, at, bits=0):
        """The value of type @t at bit @at."""
        if bits:
            return self.number(t, load_bits(data, at, bits), bits)
        start = at // 8
        size = len(data) - start if getattr(t, "open", False) else t.size
        part = data[start:start + size]
        if t.kind in ("struct", "union"):
            fields = {}
            self.members(t, data, at, fields)
            return fields
        if t.kind == "array":
            step = t.elem.size
            return [self.value(t.elem, data, at + 8 * i)
                    for i in range(0, size - size % step, step)]
        if t.kind == "list of strings":
            return [text(s) for s in split_strings(part, not t.open)]
        if t.kind in ("text", "strings") or t.kind == "int" and t.char:
            return text(part.split(b"\0")[0])
        if t.kind == "bytes":
            return part.hex()
        if t.kind == "ip4":
            return socket.inet_ntop(socket.AF_INET, part)
        if t.kind == "ip6":
            return socket.inet_ntop(socket.AF_INET6, part)
        if t.kind == "float":
            return number_of_float(part)
        return self.number(t, int.from_bytes(part, sys.byteorder), 8 * size)

    @staticmethod
    def number(t, value, bits):
        signed = value - (1 << bits) if value >> bits - 1 else value
        if t.kind == "bool":
            return bool(value)
        if t.kind == "hex":
            return hex(value)
        if t.kind == "enum":
            value = signed if t.signed else value
            return t.values.get(value & (1 << 8 * t.size) - 1, value)
        return signed if t.signed else value


def load_bits(data, at, bits):
    first, last = at // 8, (at + bits + 7) // 8
    value = int.from_bytes(data[first:last], sys.byteorder)
    skip = at % 8 if sys.byteorder == "little" else 8 * (last - first) - bits - at % 8
    return value >> skip & (1 << bits) - 1


def split_strings(data, fixed):
    """The last string may lack its zero. In an array with a length, more zeros are padding."""
    if fixed:
        data = data.rstrip(b"\0") + b"\0" if data.endswith(b"\0") else data
        if data == b"\0":
            return []
    parts = data.split(b"\0")
    return parts if parts[-1] else parts[:-1]


def text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def number_of_float(part):
    value = struct.unpack("=f" if len(part) == 4 else "=d", part)[0]
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return str(value)
    # The shortest number that reads back as the same value.
    digits = 6 if len(part) == 4 else 15
    while True:
        near = float(f"{value:.{digits}g}")
        if len(part) == 8 and near == value or len(part) == 4 and float32(near) == value:
            return near
        digits += 1


def float32(value):
    try:
        return struct.unpack("=f", struct.pack("=f", value))[0]
    except OverflowError:
        return None


def as_json(record, schema):
    """The object that `ringctl cat --json` prints for a record."""
    out = {"seq": record.seq, "ring": record.ring, "ts_ns": record.ts_ns, "type": record.type,
           "len": len(record.payload), "lost": record.lost}
    why = None
    if schema:
        try:
            name, fields, extra = schema.decode(record.type, record.payload)
            out.update(name=name, fields=fields)
            if extra:
                out["extra"] = extra.hex()
            return out
        except NotDecoded as e:
            why = str(e)
    out["hex"] = record.payload.hex()
    try:
        out["text"] = record.payload.decode("utf-8")
    except UnicodeDecodeError:
        out["text"] = None
    if why:
        out["error"] = why
    return out
