// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

// Package ring reads and writes rings of libring: records of the Linux kernel, of BPF programs and
// of processes, in memory that any number of readers share.
//
// A slow reader loses the oldest records and knows exactly how many: [Record.Lost], [Stats]. The
// manual page seqring(7) explains the words. Each method names the function of libring that it
// calls, whose page says more.
//
// A [Reader] belongs to one goroutine at a time. A call while another one runs returns [ErrBusy]
// and does nothing. [Reader.Wake] may be called at any time.
package ring

/*
#cgo LDFLAGS: -lring-bpf -lring
#include "glue.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Error is a failure of libring, with its sentence. errors.Is(err, syscall.ENOENT), for example,
// looks at Errno.
type Error struct {
	Op    string
	Errno syscall.Errno
	Text  string
}

func (e *Error) Error() string {
	return e.Op + ": " + e.Text
}

// Unwrap returns Errno.
func (e *Error) Unwrap() error {
	return e.Errno
}

var (
	// ErrBusy: another goroutine uses the object.
	ErrBusy = errors.New("ring: another goroutine uses it")
	// ErrClosed: the object is closed.
	ErrClosed = errors.New("ring: it is closed")
	// ErrChanged: a reader with Follow or NonBlock got its ring, or the next one of the name.
	// Ask Info again, and read on.
	ErrChanged = errors.New("ring: the reader is on another ring")
	// ErrWoken: Wake was called.
	ErrWoken = errors.New("ring: the reader was woken")
	// ErrTimeout: the time is over.
	ErrTimeout = errors.New("ring: no record in time")
)

type text [C.GLUE_TEXT]C.char

func (t *text) ptr() *C.char {
	return &t[0]
}

func newError(op string, rc C.int, t *C.char) error {
	return &Error{op, syscall.Errno(-rc), C.GoString(t)}
}

// owner lets one goroutine at a time use a handle.
type owner struct {
	state atomic.Int32
}

const (
	idle = iota
	used
	closed
)

func (o *owner) begin() error {
	if o.state.CompareAndSwap(idle, used) {
		return nil
	}
	if o.state.Load() == closed {
		return ErrClosed
	}
	return ErrBusy
}

func (o *owner) end() {
	o.state.Store(idle)
}

// Whence says where a reader starts, and where Seek goes to.
type Whence uint32

// As enum ring_whence of libring.
const (
	Oldest   Whence = C.RING_OLDEST
	Newest   Whence = C.RING_NEWEST
	Head     Whence = C.RING_HEAD
	Seq      Whence = C.RING_SEQ
	Time     Whence = C.RING_TIME
	Realtime Whence = C.RING_REALTIME
)

// Options say how to open a ring. The zero value has the defaults of libring.
type Options struct {
	Whence      Whence // where to start
	Value       uint64 // for Whence
	Follow      bool   // wait for the name, and go on to its next ring
	NonBlock    bool   // Open does not wait
	MergeWindow time.Duration
	// The watermark: wake when so many records, so many bytes, or the first unread record for so
	// long are unread.
	WakeRecords uint64
	WakeBytes   uint64
	WakeTimeout time.Duration
	OpenTimeout time.Duration
	OneRing     bool // read the ring number Ring alone
	Ring        uint32
	Types       []uint16 // types of the records to read; nil: all
}

func nanoseconds(d time.Duration) C.uint64_t {
	if d < 0 {
		return 0
	}
	return C.uint64_t(d)
}

// milliseconds rounds up, so that a wait is never too short.
func milliseconds(d time.Duration) C.int {
	const max = 1<<31 - 1
	ms := (d + time.Millisecond - 1) / time.Millisecond
	switch {
	case ms < 0:
		return 0
	case ms > max:
		return max
	}
	return C.int(ms)
}

// inC gives the options in memory of C, which the caller frees with freeOptions.
func (o *Options) inC() *C.struct_ring_open_opts {
	if o == nil {
		return nil
	}
	c := (*C.struct_ring_open_opts)(C.calloc(1, C.sizeof_struct_ring_open_opts))
	c.size = C.sizeof_struct_ring_open_opts
	c.whence = C.uint32_t(o.Whence)
	c.value = C.uint64_t(o.Value)
	c.merge_window_ns = nanoseconds(o.MergeWindow)
	c.wake_records = C.uint64_t(o.WakeRecords)
	c.wake_bytes = C.uint64_t(o.WakeBytes)
	c.wake_timeout_ns = nanoseconds(o.WakeTimeout)
	c.open_timeout_ms = C.uint32_t(milliseconds(o.OpenTimeout))
	if o.Follow {
		c.flags |= C.RING_FOLLOW
	}
	if o.NonBlock {
		c.flags |= C.RING_NONBLOCK
	}
	if o.OneRing {
		c.one_ring = 1
		c.ring = C.uint32_t(o.Ring)
	}
	if len(o.Types) != 0 {
		c.nr_types = C.uint32_t(len(o.Types))
		c.types = (*C.uint16_t)(C.CBytes(unsafe.Slice((*byte)(unsafe.Pointer(&o.Types[0])), 2*len(o.Types))))
	}
	return c
}

func freeOptions(c *C.struct_ring_open_opts) {
	if c != nil {
		C.free(unsafe.Pointer(c.types))
		C.free(unsafe.Pointer(c))
	}
}

// Reader reads a ring.
type Reader struct {
	owner
	r      *C.struct_ring_reader
	call   *C.struct_glue_call
	next   *C.struct_ring_record // of Next, with its room
	buf    unsafe.Pointer
	size   C.size_t
	schema *C.struct_ring_schema
	known  bool // the schema was looked for
	fields *C.struct_glue_fields
	wake   sync.Mutex // Wake and Close exclude each other
}

func newReader(r *C.struct_ring_reader) *Reader {
	reader := &Reader{r: r, call: (*C.struct_glue_call)(C.malloc(C.sizeof_struct_glue_call))}
	runtime.SetFinalizer(reader, func(r *Reader) { r.Close() })
	return reader
}

// Open opens a ring by its name or path, as ring_open(3). opts may be nil.
func Open(where string, opts *Options) (*Reader, error) {
	var t text
	var r *C.struct_ring_reader
	name := C.CString(where)
	c := opts.inC()
	defer C.free(unsafe.Pointer(name))
	defer freeOptions(c)
	if rc := C.glue_open(name, c, &r, t.ptr()); rc != 0 {
		return nil, newError("open "+where, rc, t.ptr())
	}
	return newReader(r), nil
}

// OpenFd opens a ring by one descriptor, as ring_open_fd(3).
func OpenFd(fd int, opts *Options) (*Reader, error) {
	var t text
	var r *C.struct_ring_reader
	c := opts.inC()
	defer freeOptions(c)
	if rc := C.glue_open_fd(C.int(fd), c, &r, t.ptr()); rc != 0 {
		return nil, newError(fmt.Sprintf("open descriptor %d", fd), rc, t.ptr())
	}
	return newReader(r), nil
}

// Fds are the descriptors of a memfd ring or a BPF ring.
type Fds struct {
	Ring, Wait, Doorbell int
}

// OpenFds opens a ring with the means to sleep, as ring_open_fds(3).
func OpenFds(fds Fds, opts *Options) (*Reader, error) {
	var t text
	var r *C.struct_ring_reader
	c := opts.inC()
	defer freeOptions(c)
	cfds := C.struct_ring_fds{C.int(fds.Ring), C.int(fds.Wait), C.int(fds.Doorbell)}
	if rc := C.glue_open_fds(&cfds, c, &r, t.ptr()); rc != 0 {
		return nil, newError("open descriptors", rc, t.ptr())
	}
	return newReader(r), nil
}

// Close closes the reader. What Next and Newest returned is invalid afterwards. It returns ErrBusy,
// and does nothing, while another goroutine uses the reader: call Wake first, if that one sleeps.
func (r *Reader) Close() error {
	if err := r.begin(); err != nil {
		return err
	}
	runtime.SetFinalizer(r, nil)
	r.wake.Lock()
	C.ring_close(r.r)
	r.r = nil
	r.wake.Unlock()
	C.ring_schema_close(r.schema)
	C.free(unsafe.Pointer(r.call))
	C.free(unsafe.Pointer(r.next))
	C.free(r.buf)
	if r.fields != nil {
		C.free(unsafe.Pointer(r.fields.fields))
		C.free(unsafe.Pointer(r.fields))
	}
	r.state.Store(closed)
	return nil
}

// outcome turns what a call that reads or waits returned into an error. nothing: there is nothing
// to read now.
func (r *Reader) outcome(op string, rc C.int, t *C.char) (nothing bool, err error) {
	switch rc {
	case 0:
		return false, nil
	case -C.EAGAIN, -C.EPIPE:
		return true, nil
	case -C.ENODEV:
		return false, io.EOF
	case -C.EREMCHG:
		// The next ring may have another schema.
		C.ring_schema_close(r.schema)
		r.schema = nil
		r.known = false
		return false, ErrChanged
	case -C.ECANCELED:
		return false, ErrWoken
	case -C.ETIMEDOUT:
		return false, ErrTimeout
	}
	return false, newError(op, rc, t)
}

// Seek moves to another place, as ring_seek(3).
func (r *Reader) Seek(whence Whence, value uint64) error {
	var t text
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	if rc := C.glue_seek(r.r, C.uint(whence), C.uint64_t(value), t.ptr()); rc != 0 {
		return newError("seek", rc, t.ptr())
	}
	return nil
}

// SetFilter lets only the records pass that the expression selects, as ring_set_filter(3); an empty
// one lets all pass. docs/reference/filter.md has the language. ErrChanged removes the filter.
func (r *Reader) SetFilter(expression string) error {
	var t text
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	c := C.CString(expression)
	defer C.free(unsafe.Pointer(c))
	if rc := C.glue_filter(r.r, c, t.ptr()); rc != 0 {
		return newError("filter", rc, t.ptr())
	}
	return nil
}

// WallTime converts the time of a record, as ring_wall_time(3).
func (r *Reader) WallTime(tsNs uint64) (time.Time, error) {
	var t text
	var ns C.uint64_t
	if err := r.begin(); err != nil {
		return time.Time{}, err
	}
	defer r.end()
	if rc := C.glue_wall_time(r.r, C.uint64_t(tsNs), &ns, t.ptr()); rc != 0 {
		return time.Time{}, newError("wall time", rc, t.ptr())
	}
	return time.Unix(0, int64(ns)), nil
}

// Info has the properties of a ring, as struct ring_info.
type Info struct {
	Name       string
	Path       string
	Writer     uint32
	Rings      uint32
	ClockID    uint32
	DataSize   uint64
	PayloadMax uint32
	Schema     []byte // nil: none
	Creation   uint64
}

// Info tells the properties of the ring, as ring_info(3).
func (r *Reader) Info() (Info, error) {
	var t text
	var c C.struct_ring_info
	if err := r.begin(); err != nil {
		return Info{}, err
	}
	defer r.end()
	if rc := C.glue_info(r.r, &c, t.ptr()); rc != 0 {
		return Info{}, newError("info", rc, t.ptr())
	}
	info := Info{
		Name:       C.GoString(&c.name[0]),
		Writer:     uint32(c.writer),
		Rings:      uint32(c.nr_rings),
		ClockID:    uint32(c.clock_id),
		DataSize:   uint64(c.data_size),
		PayloadMax: uint32(c.payload_max),
		Creation:   uint64(c.creation),
	}
	if c.path != nil {
		info.Path = C.GoString(c.path)
	}
	if c.schema_size != 0 {
		info.Schema = C.GoBytes(c.schema, C.int(c.schema_size))
	}
	return info, nil
}

// End says why there will be no more records, as enum ring_end.
type End uint32

// As enum ring_end of libring.
const (
	Runs     End = C.RING_RUNS
	Ended    End = C.RING_ENDED
	Killed   End = C.RING_KILLED
	Replaced End = C.RING_REPLACED
)

// Stats are the statistics of a reader, as struct ring_stats. Read, Lost and Filtered are all records
// since it began.
type Stats struct {
	Read, Lost, Filtered uint64
	Overruns, Waits      uint64
	Misordered, Early    uint64
	LagRecords, LagBytes uint64
	Published, Dropped   uint64
	Restarts             uint64
	Window               time.Duration
	Dead                 bool
	End                  End
}

// Stats tells the statistics, as ring_stats(3).
func (r *Reader) Stats() (Stats, error) {
	var t text
	var c C.struct_ring_stats
	if err := r.begin(); err != nil {
		return Stats{}, err
	}
	defer r.end()
	if rc := C.glue_stats(r.r, &c, t.ptr()); rc != 0 {
		return Stats{}, newError("stats", rc, t.ptr())
	}
	return Stats{
		Read: uint64(c.read), Lost: uint64(c.lost), Filtered: uint64(c.filtered),
		Overruns: uint64(c.overruns), Waits: uint64(c.waits),
		Misordered: uint64(c.misordered), Early: uint64(c.early),
		LagRecords: uint64(c.lag_records), LagBytes: uint64(c.lag_bytes),
		Published: uint64(c.published), Dropped: uint64(c.dropped),
		Restarts: uint64(c.restarts), Window: time.Duration(c.window_ns),
		Dead: c.dead != 0, End: End(c.end),
	}, nil
}
