// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package ring

// #include "glue.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// WriterOptions are the shape of a ring to create, as struct ring_writer_opts.
type WriterOptions struct {
	Name      string
	DataSize  uint64 // bytes of each ring's data: a power of two, 64 KiB to 1 GiB
	Rings     uint32 // 0: 1
	ClockID   uint32 // a SEQRING_CLOCK_* of seqring/abi.h
	FullFence bool   // readers need no membarrier(2) to sleep
	Schema    []byte
}

// Writer publishes on a ring of this process. One goroutine at a time; another one may call Serve.
type Writer struct {
	owner
	serving owner
	w       *C.struct_ring_writer
	fd      C.int
	listens bool
}

// NewWriter creates a ring, as ring_writer_create(3).
func NewWriter(opts WriterOptions) (*Writer, error) {
	var t text
	var w *C.struct_ring_writer
	c := (*C.struct_ring_writer_opts)(C.calloc(1, C.sizeof_struct_ring_writer_opts))
	defer C.free(unsafe.Pointer(c))
	c.size = C.sizeof_struct_ring_writer_opts
	c.data_size = C.uint64_t(opts.DataSize)
	c.nr_rings = C.uint32_t(opts.Rings)
	c.clock_id = C.uint32_t(opts.ClockID)
	if opts.FullFence {
		c.flags |= C.RING_WRITER_FULL_FENCE
	}
	if opts.Name != "" {
		c.name = C.CString(opts.Name)
		defer C.free(unsafe.Pointer(c.name))
	}
	if len(opts.Schema) != 0 {
		c.schema = C.CBytes(opts.Schema)
		c.schema_size = C.size_t(len(opts.Schema))
		defer C.free(unsafe.Pointer(c.schema))
	}
	if rc := C.glue_writer_create(c, &w, t.ptr()); rc != 0 {
		return nil, newError("create", rc, t.ptr())
	}
	writer := &Writer{w: w}
	runtime.SetFinalizer(writer, func(w *Writer) { w.Close() })
	return writer, nil
}

// Close ends the ring, as ring_writer_close(3): readers get what is left, then io.EOF.
func (w *Writer) Close() error {
	if err := w.serving.begin(); err != nil {
		return err
	}
	if err := w.begin(); err != nil {
		w.serving.end()
		return err
	}
	runtime.SetFinalizer(w, nil)
	C.ring_writer_close(w.w)
	w.state.Store(closed)
	w.serving.state.Store(closed)
	return nil
}

// Publish publishes a record, as ring_writer_publish(3).
func (w *Writer) Publish(ring uint32, typ uint16, payload []byte) error {
	var t text
	var p unsafe.Pointer
	if err := w.begin(); err != nil {
		return err
	}
	defer w.end()
	if len(payload) != 0 {
		p = unsafe.Pointer(&payload[0])
	}
	if rc := C.glue_publish(w.w, C.uint(ring), C.uint16_t(typ), p, C.size_t(len(payload)), t.ptr()); rc != 0 {
		return newError("publish", rc, t.ptr())
	}
	return nil
}

// Fds returns the descriptors of the ring, for OpenFds. They stay the writer's.
func (w *Writer) Fds() (Fds, error) {
	var c C.struct_ring_fds
	if err := w.begin(); err != nil {
		return Fds{}, err
	}
	defer w.end()
	C.ring_writer_fds(w.w, &c)
	return Fds{int(c.ring), int(c.wait), int(c.doorbell)}, nil
}

// Listen lets other processes open the ring by name, as ring_writer_listen(3). Serve then serves them.
func (w *Writer) Listen(where string) error {
	var t text
	if err := w.serving.begin(); err != nil {
		return err
	}
	defer w.serving.end()
	c := C.CString(where)
	defer C.free(unsafe.Pointer(c))
	if rc := C.glue_listen(w.w, c, &w.fd, t.ptr()); rc != 0 {
		return newError("listen", rc, t.ptr())
	}
	w.listens = true
	return nil
}

// Serve gives the ring to processes that open it, until ctx is done. Other goroutines may publish
// meanwhile.
func (w *Writer) Serve(ctx context.Context) error {
	var t text
	if err := w.serving.begin(); err != nil {
		return err
	}
	defer w.serving.end()
	if !w.listens {
		return &Error{"serve", C.EINVAL, "Listen was not called"}
	}
	for ctx.Err() == nil {
		if rc := C.glue_serve(w.w, w.fd, 50, t.ptr()); rc != 0 {
			return newError("serve", rc, t.ptr())
		}
	}
	return ctx.Err()
}
