// SPDX-License-Identifier: GPL-2.0-only
/* The writer's side of the kernel API. */

#include <linux/kcsan-checks.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#include "nest.h"

/*
 * SEQRING_MODE_CALLER: a locked instruction for each record finds every second writer. Without
 * it, a second writer that interrupts the first on its CPU is still found. But two writers on
 * two CPUs that begin in the same moment both go on, and may then write past the ring.
 */
static bool exact_check = true;
module_param(exact_check, bool, 0444);
MODULE_PARM_DESC(exact_check,
		 "find every second writer of a caller-serialised ring (default Y); without, writers that race corrupt memory");

/*
 * How many locked rings this CPU holds or waits for. A writer that nests in another locked ring
 * must not wait: a writer on another CPU may hold its ring and wait for that one.
 */
static DEFINE_PER_CPU(unsigned int, seqring_locks);

struct seqring_tick seqring_tick;

/* Where a writer is, from seqring_enter() to seqring_leave(). */
struct seqring_place {
	struct seqring_ring *ring;
	struct seqring_cpu *cpu;
	unsigned long irq_flags;
};

void seqring_count_drop(struct seqring_ring *ring, enum seqring_drop cause)
{
	seqring_add(&ring->w.ctl->dropped[cause], 1);
	seqring_trace_drop(ring, cause);
}

/* Not where the writer is found: the caller may hold a lock that printing needs. */
void seqring_warn_second_writer(struct irq_work *work)
{
	struct seqring_device *sdev = container_of(work, struct seqring_device, warning);

	pr_warn("%s: a second writer on a ring that its caller serialises; dropped\n", sdev->name);
}

static __always_inline bool seqring_enter_caller(struct seqring_ring *ring)
{
	if (exact_check)
		return !seqring_cmpxchg_full(NEST, &ring->busy, 0, 1);
	if (READ_ONCE(ring->busy))
		return false;
	/* A nested writer has left the ring before this store, or it sees the store. */
	WRITE_ONCE(ring->busy, 1);
	seqring_compiler_barrier(NEST);
	return true;
}

static __always_inline void seqring_set_state(struct seqring_cpu *c, enum seqring_cpu_state state)
{
	seqring_compiler_barrier(NEST);
	WRITE_ONCE(c->state, state);
	seqring_compiler_barrier(NEST);
}

/*
 * Marks the CPU and takes the lock. The mark comes first: a writer that nests on the way to
 * the lock, or on the way out, would wait for its own CPU. A writer that must not wait takes
 * the lock first: it cannot come back for a record that nests in it, and nobody waits for it.
 */
static __always_inline bool seqring_enter_locked(struct seqring_ring *ring, struct seqring_cpu *c)
{
	if (likely(!in_nmi() && !__this_cpu_read(seqring_locks))) {
		seqring_set_state(c, SEQRING_CPU_OPEN);
		__this_cpu_inc(seqring_locks);
		raw_spin_lock(&ring->lock);
	} else if (raw_spin_trylock(&ring->lock)) {
		__this_cpu_inc(seqring_locks);
		seqring_set_state(c, SEQRING_CPU_SHUT);
	} else {
		return false;
	}
	/* Held until seqring_leave_locked(), which sparse cannot follow. */
	__release(&ring->lock);
	return true;
}

static __always_inline void seqring_leave_locked(struct seqring_ring *ring)
{
	__acquire(&ring->lock);
	raw_spin_unlock(&ring->lock);
	__this_cpu_dec(seqring_locks);
}

/*
 * Takes the ring that this context may write. A writer that nests in another one on its CPU,
 * such as an NMI or a tracepoint between reserve and commit, must not wait for it.
 *
 * Return: the ring is taken, to give back with seqring_leave(). Else nothing has changed, and
 * seqring_nest() or seqring_reject() decides what happens to the record.
 */
static __always_inline bool seqring_enter(struct seqring_device *sdev, u32 mode,
					  struct seqring_place *place)
{
	struct seqring_cpu *c;

	if (mode == SEQRING_MODE_CALLER) {
		place->ring = sdev->rings[0];
		return likely(seqring_enter_caller(place->ring));
	}
	local_irq_save(place->irq_flags);
	c = this_cpu_ptr(sdev->cpus);
	if (unlikely(READ_ONCE(c->state) != SEQRING_CPU_FREE))
		goto busy;
	place->cpu = c;
	place->ring = c->ring;
	if (mode == SEQRING_MODE_PERCPU)
		seqring_set_state(c, SEQRING_CPU_OPEN);
	else if (unlikely(!seqring_enter_locked(place->ring, c)))
		goto busy;
	return true;
busy:
	local_irq_restore(place->irq_flags);
	return false;
}

/*
 * Publishes the records of nested writers. The caller holds the ring. What nests from here on
 * and is no NMI may be caused by a probe on this very path, so its records are dropped:
 * otherwise this would never end. An NMI that is interrupted takes no records at all.
 */
static noinline void seqring_drain(struct seqring_ring *ring, struct seqring_cpu *c)
{
	struct seqring_nested *rec;
	long at = 0;

	seqring_set_state(c, in_nmi() ? SEQRING_CPU_SHUT : SEQRING_CPU_DRAINING);
	while ((rec = seqring_nest_next(c, &at)))
		/* Cannot fail: seqring_nest() has checked the length. */
		seqring_writer_publish(&ring->w, rec->type, seqring_given(ring, rec->ts_ns),
				       rec + 1, rec->len);
	seqring_wake_if_due(ring);
}

/* The same, for records that came after the writer had looked. */
static noinline void seqring_drain_late(struct seqring_ring *ring, struct seqring_cpu *c, u32 mode)
{
	do {
		seqring_set_state(c, SEQRING_CPU_DRAINING);
		if (mode == SEQRING_MODE_LOCKED) {
			__this_cpu_inc(seqring_locks);
			raw_spin_lock(&ring->lock);
			__release(&ring->lock);
		}
		seqring_drain(ring, c);
		if (mode == SEQRING_MODE_LOCKED)
			seqring_leave_locked(ring);
		seqring_set_state(c, SEQRING_CPU_FREE);
	} while (unlikely(local_read(&c->used)));
}

static __always_inline void seqring_leave(u32 mode, const struct seqring_place *place)
{
	struct seqring_ring *ring = place->ring;
	struct seqring_cpu *c = place->cpu;

	if (mode == SEQRING_MODE_CALLER) {
		seqring_compiler_barrier(NEST);
		WRITE_ONCE(ring->busy, 0);
		return;
	}
	if (unlikely(local_read(&c->used)))
		seqring_drain(ring, c);
	if (mode == SEQRING_MODE_LOCKED)
		seqring_leave_locked(ring);
	seqring_set_state(c, SEQRING_CPU_FREE);
	/* A record that nested before this store is seen here. Later writers find the ring free. */
	if (unlikely(local_read(&c->used)))
		seqring_drain_late(ring, c, mode);
	local_irq_restore(place->irq_flags);
}

/* Drops the record of a writer that could not enter. Return: -EBUSY. */
static noinline int seqring_reject(struct seqring_device *sdev)
{
	if (sdev->mode != SEQRING_MODE_CALLER) {
		seqring_count_drop(raw_cpu_ptr(sdev->cpus)->ring, SEQRING_DROP_BUSY);
		return -EBUSY;
	}
	seqring_count_drop(sdev->rings[0], SEQRING_DROP_BUSY);
	if (!test_and_set_bit(0, &sdev->warned))
		irq_work_queue(&sdev->warning);
	return -EBUSY;
}

/* True if the writer that is interrupted on this CPU publishes this context's record. */
static bool seqring_nests(const struct seqring_cpu *c)
{
	u32 state = READ_ONCE(c->state);

	return state == SEQRING_CPU_OPEN || (state == SEQRING_CPU_DRAINING && in_nmi());
}

/*
 * What becomes of the record of a writer that could not enter: it goes to the side buffer, or
 * is dropped.
 *
 * Return: as seqring_publish().
 */
static int seqring_nest(struct seqring_device *sdev, const struct seqring_nested *rec,
			const struct seqring_vec *vec, unsigned int nr)
{
	unsigned long irq_flags;
	struct seqring_cpu *c;
	int err = -EBUSY;

	if (rec->len > sdev->rings[0]->w.cold.payload_max) {
		seqring_count_drop(sdev->rings[0], SEQRING_DROP_TOO_BIG);
		return -EMSGSIZE;
	}
	if (sdev->mode != SEQRING_MODE_CALLER) {
		/* A writer that found the lock taken may be moved to another CPU. */
		local_irq_save(irq_flags);
		c = this_cpu_ptr(sdev->cpus);
		if (seqring_nests(c))
			err = seqring_nest_put(c, rec, vec, nr);
		local_irq_restore(irq_flags);
	}
	return err ? seqring_reject(sdev) : 0;
}

static noinline int seqring_nest_at(struct seqring_device *sdev, u16 type, u64 ts_ns,
				    const void *data, u32 len)
{
	const struct seqring_nested rec = { .ts_ns = ts_ns, .len = len, .type = type };
	const struct seqring_vec vec = { .base = data, .len = len };

	return seqring_nest(sdev, &rec, &vec, 1);
}

static int seqring_nest_vec(struct seqring_device *sdev, u16 type, const struct seqring_vec *vec,
			    unsigned int nr)
{
	struct seqring_nested rec = { .ts_ns = seqring_clock_ns(sdev->clock_id), .type = type };
	unsigned int i;

	for (i = 0; i < nr; i++)
		/* U32_MAX is too long in any case. */
		rec.len = min_t(u64, U32_MAX, min_t(u64, U32_MAX, vec[i].len) + rec.len);
	return seqring_nest(sdev, &rec, vec, nr);
}

static noinline int seqring_nest_now(struct seqring_device *sdev, u16 type, const void *data,
				     u32 len)
{
	return seqring_nest_at(sdev, type, seqring_clock_ns(sdev->clock_id), data, len);
}

/* Counts a record that was too long. Return: @err. */
static __always_inline int seqring_done(struct seqring_ring *ring, int err)
{
	if (unlikely(err))
		seqring_count_drop(ring, SEQRING_DROP_TOO_BIG);
	else
		seqring_wake_if_due(ring);
	return err;
}

static __always_inline int seqring_reserve_in(struct seqring_device *sdev, u32 mode, u32 len,
					      struct seqring_resv *resv)
{
	struct seqring_place place;
	int err;

	if (unlikely(!seqring_enter(sdev, mode, &place)))
		return seqring_reject(sdev);
	err = seqring_writer_reserve(&place.ring->w, len, &resv->data);
	if (unlikely(err)) {
		seqring_count_drop(place.ring, SEQRING_DROP_TOO_BIG);
		seqring_leave(mode, &place);
		return err;
	}
	resv->len = len;
	resv->ring = place.ring;
	resv->cpu = place.cpu;
	resv->irq_flags = place.irq_flags;
	/* The caller's plain stores race with readers, which check afterwards: a seqcount. */
	kcsan_nestable_atomic_begin();
	return 0;
}

static noinline int seqring_reserve_percpu(struct seqring_device *sdev, u32 len,
					   struct seqring_resv *resv)
{
	return seqring_reserve_in(sdev, SEQRING_MODE_PERCPU, len, resv);
}

static noinline int seqring_reserve_other(struct seqring_device *sdev, u32 len,
					  struct seqring_resv *resv)
{
	return seqring_reserve_in(sdev, sdev->mode, len, resv);
}

/**
 * seqring_reserve() - open a record, to write its payload in place
 * @sdev: the device
 * @len: payload bytes, 0 to payload_max (data_size / 4 - 24)
 * @resv: filled on success; undefined on failure
 *
 * If this returns 0, the caller holds the ring until it calls seqring_commit() or
 * seqring_discard(). resv->data holds old bytes, and the caller writes all @len of them.
 * In SEQRING_MODE_LOCKED and SEQRING_MODE_PERCPU interrupts are off meanwhile: the caller
 * is brief and does not sleep. In SEQRING_MODE_CALLER it may sleep.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers.
 * Return:
 * * 0: the record is open
 * * -EBUSY: the ring has a writer already, which this call interrupts; or, in
 *   SEQRING_MODE_LOCKED, the lock is taken and this context must not wait for it (see struct
 *   seqring_params). Counted as a drop
 * * -EMSGSIZE: @len is above payload_max; counted as a drop
 */
int seqring_reserve(struct seqring_device *sdev, u32 len, struct seqring_resv *resv)
{
	if (likely(sdev->mode == SEQRING_MODE_PERCPU))
		return seqring_reserve_percpu(sdev, len, resv);
	return seqring_reserve_other(sdev, len, resv);
}
EXPORT_SYMBOL_GPL(seqring_reserve);

static __always_inline void seqring_leave_resv(const struct seqring_resv *resv)
{
	const struct seqring_place place = { resv->ring, resv->cpu, resv->irq_flags };
	const u32 mode = resv->ring->sdev->mode;

	if (likely(mode == SEQRING_MODE_PERCPU))
		seqring_leave(SEQRING_MODE_PERCPU, &place);
	else
		seqring_leave(mode, &place);
}

/**
 * seqring_commit() - publish the reserved record and wake the readers that wait for it
 * @resv: the reservation, from seqring_reserve(); invalid afterwards
 * @type: type of the record, defined by the producer
 *
 * The time of the record is the time of this call.
 *
 * Context: the context that called seqring_reserve(); in SEQRING_MODE_LOCKED and
 * SEQRING_MODE_PERCPU on the same CPU. Does not sleep.
 */
void seqring_commit(struct seqring_resv *resv, u16 type)
{
	struct seqring_ring *ring = resv->ring;

	kcsan_nestable_atomic_end();
	seqring_writer_commit(&ring->w, type, seqring_stamp(ring, ring->sdev->clock_id));
	seqring_wake_if_due(ring);
	seqring_leave_resv(resv);
}
EXPORT_SYMBOL_GPL(seqring_commit);

/**
 * seqring_commit_at() - publish the reserved record with a time of the caller's own
 * @resv: the reservation, from seqring_reserve(); invalid afterwards
 * @type: type of the record, defined by the producer
 * @ts_ns: time of the record; see seqring_publish_at()
 *
 * Context: as for seqring_commit().
 */
void seqring_commit_at(struct seqring_resv *resv, u16 type, u64 ts_ns)
{
	struct seqring_ring *ring = resv->ring;

	kcsan_nestable_atomic_end();
	seqring_writer_commit(&ring->w, type, seqring_given(ring, ts_ns));
	seqring_wake_if_due(ring);
	seqring_leave_resv(resv);
}
EXPORT_SYMBOL_GPL(seqring_commit_at);

/**
 * seqring_discard() - give up the reserved record; no reader sees it
 * @resv: the reservation, from seqring_reserve(); invalid afterwards
 *
 * Does not count as a drop.
 *
 * Context: as for seqring_commit().
 */
void seqring_discard(struct seqring_resv *resv)
{
	kcsan_nestable_atomic_end();
	seqring_writer_discard(&resv->ring->w);
	seqring_leave_resv(resv);
}
EXPORT_SYMBOL_GPL(seqring_discard);

/**
 * seqring_publish_batch() - publish several records with one wake-up
 * @sdev: the device
 * @items: the records; only read
 * @nr: number of records
 * @done: set to the number of published records; may be NULL
 *
 * All records go to one ring in a row, each with its own time. Nested in another writer, this
 * is a seqring_publish() of each.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers; in
 * the other modes interrupts are off throughout. Does not sleep.
 * Return:
 * * 0: all records are published, or will be: see seqring_publish()
 * * -EBUSY: as for seqring_publish(), of items[*done]; the records before it are published, one
 *   drop is counted, and the records after it are not tried
 * * -EMSGSIZE: items[*done] is longer than payload_max; the rest as for -EBUSY
 */
int seqring_publish_batch(struct seqring_device *sdev, const struct seqring_item *items,
			  unsigned int nr, unsigned int *done)
{
	struct seqring_place place;
	unsigned int i;
	int err = 0;

	if (!seqring_enter(sdev, sdev->mode, &place)) {
		for (i = 0; i < nr && !err; i += !err)
			err = seqring_nest_now(sdev, items[i].type, items[i].data, items[i].len);
		goto out;
	}
	for (i = 0; i < nr; i++) {
		err = seqring_writer_publish(&place.ring->w, items[i].type,
					     seqring_stamp(place.ring, sdev->clock_id),
					     items[i].data, items[i].len);
		if (unlikely(err)) {
			seqring_count_drop(place.ring, SEQRING_DROP_TOO_BIG);
			break;
		}
	}
	seqring_wake_if_due(place.ring);
	seqring_leave(sdev->mode, &place);
out:
	if (done)
		*done = i;
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish_batch);

static __always_inline int seqring_publish_in(struct seqring_device *sdev, u32 mode, u32 clock_id,
					      u16 type, const void *data, u32 len)
{
	struct seqring_place place;
	int err;

	if (unlikely(!seqring_enter(sdev, mode, &place)))
		return seqring_nest_now(sdev, type, data, len);
	err = seqring_writer_publish(&place.ring->w, type, seqring_stamp(place.ring, clock_id),
				     data, len);
	err = seqring_done(place.ring, err);
	seqring_leave(mode, &place);
	return err;
}

/*
 * A function for each mode, without the other modes' registers and branches. Without a clock, no
 * call is left on the path, and fewer registers have to be saved.
 */
static noinline int seqring_publish_percpu_timeless(struct seqring_device *sdev, u16 type,
						    const void *data, u32 len)
{
	return seqring_publish_in(sdev, SEQRING_MODE_PERCPU, SEQRING_CLOCK_NONE, type, data, len);
}

static noinline int seqring_publish_percpu(struct seqring_device *sdev, u16 type, const void *data,
					   u32 len)
{
	return seqring_publish_in(sdev, SEQRING_MODE_PERCPU, sdev->clock_id, type, data, len);
}

static noinline int seqring_publish_locked(struct seqring_device *sdev, u16 type, const void *data,
					   u32 len)
{
	return seqring_publish_in(sdev, SEQRING_MODE_LOCKED, sdev->clock_id, type, data, len);
}

static noinline int seqring_publish_caller(struct seqring_device *sdev, u16 type, const void *data,
					   u32 len)
{
	return seqring_publish_in(sdev, SEQRING_MODE_CALLER, sdev->clock_id, type, data, len);
}

/**
 * seqring_publish() - publish one record
 * @sdev: the device
 * @type: type of the record, defined by the producer
 * @data: the payload; only read
 * @len: bytes of the payload, 0 to payload_max (data_size / 4 - 24)
 *
 * Wakes the readers that wait for the record.
 *
 * A call may interrupt another writer of its ring on its own CPU: in an NMI, or in a tracepoint
 * or a probe on the other writer's way. In SEQRING_MODE_LOCKED and SEQRING_MODE_PERCPU the
 * record then waits in a side buffer of the CPU, with the time of this call, and the other
 * writer publishes it right behind its own record.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers.
 * Does not sleep.
 * Return:
 * * 0: the record is published, or will be when the interrupted writer leaves the ring
 * * -EBUSY: the ring has a writer already, and the record cannot wait: the side buffer is full;
 *   the interrupted writer is publishing what was there, and this is no NMI; the ring is in
 *   SEQRING_MODE_CALLER; or, in SEQRING_MODE_LOCKED, the lock is taken and this context must not
 *   wait for it (see struct seqring_params). Counted as a drop
 * * -EMSGSIZE: @len is above payload_max; counted as a drop
 */
int seqring_publish(struct seqring_device *sdev, u16 type, const void *data, u32 len)
{
	if (likely(sdev->mode == SEQRING_MODE_PERCPU)) {
		if (sdev->clock_id == SEQRING_CLOCK_NONE)
			return seqring_publish_percpu_timeless(sdev, type, data, len);
		return seqring_publish_percpu(sdev, type, data, len);
	}
	if (sdev->mode == SEQRING_MODE_LOCKED)
		return seqring_publish_locked(sdev, type, data, len);
	return seqring_publish_caller(sdev, type, data, len);
}
EXPORT_SYMBOL_GPL(seqring_publish);

/**
 * seqring_publish_at() - publish one record with a time of the caller's own
 * @sdev: the device
 * @type: type of the record, defined by the producer
 * @ts_ns: time of the record, in ns of the device's clock
 * @data: the payload; only read
 * @len: bytes of the payload, 0 to payload_max (data_size / 4 - 24)
 *
 * For events whose time was taken earlier or elsewhere, by hardware for example. The caller
 * promises a time that the device's clock has reached: later records of the ring get at least
 * that one. A time before that of the ring's newest record is raised to it, so that readers can
 * search by time. On a device with SEQRING_CLOCK_NONE the time is stored as it is; readers know
 * no clock for it, and do not search by it.
 *
 * Context and return value: as for seqring_publish().
 */
int seqring_publish_at(struct seqring_device *sdev, u16 type, u64 ts_ns, const void *data, u32 len)
{
	struct seqring_place place;
	int err;

	if (!seqring_enter(sdev, sdev->mode, &place))
		return seqring_nest_at(sdev, type, ts_ns, data, len);
	err = seqring_writer_publish(&place.ring->w, type, seqring_given(place.ring, ts_ns), data,
				     len);
	err = seqring_done(place.ring, err);
	seqring_leave(sdev->mode, &place);
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish_at);

/**
 * seqring_publish_vec() - publish one record that is gathered from pieces
 * @sdev: the device
 * @type: type of the record, defined by the producer
 * @vec: the pieces, in order; only read. They have up to payload_max bytes together
 * @nr: number of pieces; 0: a record without a payload
 *
 * Context and return value: as for seqring_publish().
 */
int seqring_publish_vec(struct seqring_device *sdev, u16 type, const struct seqring_vec *vec,
			unsigned int nr)
{
	struct seqring_place place;
	int err;

	if (!seqring_enter(sdev, sdev->mode, &place))
		return seqring_nest_vec(sdev, type, vec, nr);
	err = seqring_writer_publish_vec(&place.ring->w, type,
					 seqring_stamp(place.ring, sdev->clock_id), vec, nr);
	err = seqring_done(place.ring, err);
	seqring_leave(sdev->mode, &place);
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish_vec);
