// SPDX-License-Identifier: GPL-2.0-only
/*
 * The barrier backend of the model. Every access of writer.h, reader.h and the module's
 * thresholds.h goes to a model-checked atomic that stands for the word at that address. Its
 * memory order is the one that its tag asks for, or a weaker one if that side of the pair is
 * weakened.
 */
#ifndef SEQRING_MODEL_BACKEND_H
#define SEQRING_MODEL_BACKEND_H

enum model_tag { PUBLISH, RECLAIM, JOIN, WAKE, END, NEST };

namespace model {

rl::atomic<uint64_t> &at(const void *p);

rl::memory_order load_order(model_tag tag, const void *p);
rl::memory_order store_order(model_tag tag, const void *p);
void fence(model_tag tag, rl::memory_order order, bool reader);
/* The order of a load without a tag: relaxed, unless the model weakens RECLAIM_ACQUIRE. */
rl::memory_order plain_order();
/* Tells the sides of the WAKE pair apart, since both use the full fence. */
bool in_reader();
/* Called before each access: an interrupt may arrive there. */
void interrupt(const void *p);
/* True if the model leaves this store out. */
bool left_out(const void *p, uint64_t v);
/* True if the model makes a plain store of a compare-and-exchange. */
bool plain_exchange();

template <typename T> T load(const T *p, rl::memory_order order)
{
	interrupt(p);
	return static_cast<T>(at(p).load(order, $));
}

template <typename T> void store(T *p, uint64_t v, rl::memory_order order)
{
	interrupt(p);
	if (!left_out(p, v))
		at(p).store(v, order, $);
}

/* Fully ordered, as cmpxchg() in the kernel. Return: the earlier value of *p. */
template <typename T> T exchange(T *p, uint64_t old, uint64_t v)
{
	uint64_t found = old;

	rl::atomic_thread_fence(rl::mo_seq_cst, $);
	if (plain_exchange())
		at(p).store(v, rl::mo_relaxed, $);
	else
		at(p).compare_exchange_strong(found, v, rl::mo_seq_cst, $);
	rl::atomic_thread_fence(rl::mo_seq_cst, $);
	return static_cast<T>(found);
}

static inline bool replace(__u64 *p, __u64 *old, __u64 v)
{
	uint64_t found = *old;
	bool done = at(p).compare_exchange_strong(found, v, rl::mo_relaxed, $);

	*old = found;
	return done;
}

} /* namespace model */

#define seqring_load_acquire(tag, p)	model::load(p, model::load_order(tag, p))
#define seqring_store_release(tag, p, v) model::store(p, v, model::store_order(tag, p))
#define seqring_fence_read(tag)		model::fence(tag, rl::mo_acquire, true)
#define seqring_fence_write(tag)	model::fence(tag, rl::mo_release, false)
#define seqring_fence_full(tag)		model::fence(tag, rl::mo_seq_cst, model::in_reader())
#define seqring_compiler_barrier(tag)	do { } while (0)
#define seqring_read(p)			model::load(p, model::plain_order())
#define seqring_write(p, v)		model::store(p, v, rl::mo_relaxed)
#define seqring_load_word(p)		model::load(p, rl::mo_relaxed)
#define seqring_store_word(p, v)	model::store(p, v, rl::mo_relaxed)
#define seqring_add(p, n)		((void)model::at(p).fetch_add(n, rl::mo_relaxed, $))
#define seqring_prefetch(p)		do { } while (0)
#define seqring_cmpxchg(p, old, v)	model::replace(p, old, v)
#define seqring_cmpxchg_full(tag, p, old, v) model::exchange(p, old, v)
#define seqring_likely(x)		(x)
#define seqring_unlikely(x)		(x)

static inline void seqring_atomic_min(__u64 *p, __u64 v);

#endif /* SEQRING_MODEL_BACKEND_H */
