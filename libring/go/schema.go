// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package ring

// #include "glue.h"
import "C"

import (
	"errors"
	"math/big"
	"net/netip"
	"unicode/utf8"
	"unsafe"
)

// ErrNoSchema: the ring does not describe its records.
var ErrNoSchema = errors.New("ring: the ring has no schema")

// Bytes are the bytes of a field that is no text, or whose text is not UTF-8.
type Bytes []byte

// Decoded is a record with its fields by name. Extra are bytes of the payload behind the last field.
//
// A field is an int64, uint64, *big.Int (128 bits), bool, float64, string, Bytes, netip.Addr,
// map[string]any or []any. An enumerator is a string; a value without one is an int64 or uint64.
type Decoded struct {
	Name   string
	Fields map[string]any
	Extra  Bytes
}

// container is a struct, union or array that is being filled.
type container struct {
	fields map[string]any
	array  []any
	name   string
}

// Decode decodes a record of this reader by the ring's schema. It copies all that it returns.
func (r *Reader) Decode(rec *Record) (Decoded, error) {
	var t text
	var payload unsafe.Pointer
	if err := r.begin(); err != nil {
		return Decoded{}, err
	}
	defer r.end()
	if !r.known {
		if rc := C.glue_schema_open(r.r, &r.schema, t.ptr()); rc != 0 {
			return Decoded{}, newError("schema", rc, t.ptr())
		}
		r.known = true
	}
	if r.schema == nil {
		return Decoded{}, ErrNoSchema
	}
	if r.fields == nil {
		r.fields = (*C.struct_glue_fields)(C.calloc(1, C.sizeof_struct_glue_fields))
	}
	// A copy in C: the fields point into it, and rec may be in memory of Go.
	if len(rec.Payload) != 0 {
		payload = C.CBytes(rec.Payload)
		defer C.free(payload)
	}
	rc := C.glue_walk(r.schema, C.uint16_t(rec.Type), payload, C.size_t(len(rec.Payload)), r.fields,
		t.ptr())
	if rc != 0 {
		return Decoded{}, newError("decode", rc, t.ptr())
	}
	d := Decoded{
		Name:   C.GoString(C.glue_type_name(r.schema, C.uint16_t(rec.Type))),
		Fields: collect(unsafe.Slice(r.fields.fields, int(r.fields.nr))),
	}
	if used := int(r.fields.used); used < len(rec.Payload) {
		d.Extra = append(Bytes(nil), rec.Payload[used:]...)
	}
	return d, nil
}

func collect(fields []C.struct_ring_field) map[string]any {
	open := []container{{fields: map[string]any{}}}
	for i := range fields {
		f := &fields[i]
		name := ""
		if f.name != nil {
			name = C.GoString(f.name)
		}
		switch f.kind {
		case C.RING_FIELD_STRUCT, C.RING_FIELD_UNION:
			open = append(open, container{fields: map[string]any{}, name: name})
		case C.RING_FIELD_ARRAY:
			open = append(open, container{array: []any{}, name: name})
		case C.RING_FIELD_END:
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if last.fields != nil {
				open[len(open)-1].add(last.name, last.fields)
			} else {
				open[len(open)-1].add(last.name, last.array)
			}
		default:
			open[len(open)-1].add(name, value(f))
		}
	}
	return open[0].fields
}

func (c *container) add(name string, v any) {
	if c.fields != nil {
		c.fields[name] = v
	} else {
		c.array = append(c.array, v)
	}
}

func value(f *C.struct_ring_field) any {
	switch f.kind {
	case C.RING_FIELD_INT:
		return integer(f, true)
	case C.RING_FIELD_BOOL:
		return f.u != 0
	case C.RING_FIELD_ENUM:
		if f.text != nil {
			return C.GoStringN(f.text, C.int(f.len))
		}
		return integer(f, f.is_signed != 0)
	case C.RING_FIELD_FLOAT:
		return float64(f.f)
	case C.RING_FIELD_TEXT:
		return textOrBytes(C.GoBytes(f.data, C.int(f.len)))
	case C.RING_FIELD_BYTES:
		return Bytes(C.GoBytes(f.data, C.int(f.len)))
	case C.RING_FIELD_IP4, C.RING_FIELD_IP6:
		addr, _ := netip.AddrFromSlice(C.GoBytes(f.data, C.int(f.len)))
		return addr
	}
	return integer(f, false)
}

func integer(f *C.struct_ring_field, signed bool) any {
	if f.bits > 64 {
		v := new(big.Int)
		if signed {
			v.SetInt64(int64(f.high))
		} else {
			v.SetUint64(uint64(f.high))
		}
		v.Lsh(v, 64)
		return v.Add(v, new(big.Int).SetUint64(uint64(f.u)))
	}
	if signed {
		return int64(f.u)
	}
	return uint64(f.u)
}

func textOrBytes(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return Bytes(b)
}
