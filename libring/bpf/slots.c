// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Slots of a new ring: thresholds and a doorbell for each, which readers take themselves. The
 * programs find the doorbells in an array of maps, readers by their pins.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* Asks whether the loader has made the maps for slots. */
bool libring_bpf_has_slots(const struct ring_bpf_parts *parts)
{
	return parts->slots > 0 && parts->doorbells > 0;
}

static int fill_thresholds(const struct ring_bpf *b)
{
	struct seqring_wait_slots none = { 0 };
	uint32_t i;
	int err = 0;

	for (i = 0; i < SEQRING_SLOTS; i++)
		none.slot[i] = (struct seqring_threshold) { SEQRING_WAIT_NONE, SEQRING_WAIT_NONE };
	for (i = 0; !err && i < b->hdr.nr_rings; i++)
		err = bpf_map_update_elem(b->parts.slots, &i, &none, BPF_ANY);
	return err;
}

/*
 * Puts the doorbells into the array of maps. In one call: the kernel waits for an RCU grace period
 * in each.
 */
static int store_doorbells(const struct ring_bpf *b)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t keys[SEQRING_SLOTS], i, nr = SEQRING_SLOTS;
	int err;

	for (i = 0; i < SEQRING_SLOTS; i++)
		keys[i] = i;
	if (!bpf_map_update_batch(b->parts.doorbells, keys, b->slot_doorbells, &nr, &opts))
		return 0;
	/* Some kernels have no such call for arrays of maps. */
	for (i = 0, err = 0; !err && i < SEQRING_SLOTS; i++)
		err = bpf_map_update_elem(b->parts.doorbells, &i, &b->slot_doorbells[i], BPF_ANY);
	return err;
}

/* Makes the doorbells. @b keeps their descriptors until they are pinned. */
static int make_doorbells(struct ring_bpf *b)
{
	uint32_t i;
	int fd;

	for (i = 0; i < SEQRING_SLOTS; i++) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "slot_doorbell", 0, 0, b->hdr.page_size,
				    NULL);
		if (fd < 0)
			return fd;
		b->slot_doorbells[i] = fd;
	}
	return store_doorbells(b);
}

/**
 * libring_bpf_fill_slots() - fill the maps for slots, if the ring has them
 * @b: its header and parts are set
 *
 * Return: 0; what bpf(2) gives.
 */
int libring_bpf_fill_slots(struct ring_bpf *b)
{
	int err;

	if (!(b->hdr.features & SEQRING_FEAT_SLOTS))
		return 0;
	err = fill_thresholds(b);
	if (!err)
		err = make_doorbells(b);
	return err ? libring_set_error(-err, "cannot make the doorbells of the readers: %s",
				       strerror(-err)) :
		     0;
}

/**
 * libring_bpf_share_doorbell() - let programs ring the shared doorbell at each wake-up
 * @b: started; its descriptors go to readers that may know no slots
 *
 * Return: 0; what mmap(2) gives.
 */
int libring_bpf_share_doorbell(const struct ring_bpf *b)
{
	const size_t size = b->hdr.nr_rings * sizeof(struct seqring_wait);
	struct seqring_wait *wait;
	uint32_t i;

	if (!(b->hdr.features & SEQRING_FEAT_SLOTS))
		return 0;
	wait = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, b->parts.wait, 0);
	if (wait == MAP_FAILED)
		return libring_set_error(errno, "cannot map the wake thresholds: %s",
					 strerror(errno));
	for (i = 0; i < b->hdr.nr_rings; i++)
		seqring_write(&wait[i].always, 1);
	munmap(wait, size);
	return 0;
}

/* Closes the doorbells that libring_bpf_fill_slots() has made. */
void libring_bpf_close_slots(struct ring_bpf *b)
{
	uint32_t i;

	for (i = 0; i < SEQRING_SLOTS; i++) {
		if (b->slot_doorbells[i])
			close(b->slot_doorbells[i]);
		b->slot_doorbells[i] = 0;
	}
}
