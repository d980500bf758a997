// SPDX-License-Identifier: GPL-2.0-only
/* Readers in the kernel: a ring's place, and the protocol's reader. */

#include <linux/device.h>
#include <linux/export.h>

#include "internal.h"

/**
 * seqring_nr_rings() - number of rings of a device
 * @sdev: the device
 *
 * Context: any.
 * Return: 1; in SEQRING_MODE_PERCPU, one for each possible CPU.
 */
u32 seqring_nr_rings(const struct seqring_device *sdev)
{
	return sdev->nr_rings;
}
EXPORT_SYMBOL_GPL(seqring_nr_rings);

/**
 * seqring_kreader_open() - start a reader at the oldest record of a ring
 * @sdev: the device, which exists: the caller is its owner, or the owner waits for the caller
 * @ring: number of the ring, below seqring_nr_rings()
 * @out: the reader to fill; unchanged on failure
 *
 * The reader keeps the ring's memory. It may read on when the device has been destroyed, up to
 * the last record.
 *
 * Context: any, except NMI.
 * Return: 0; -EINVAL if there is no such ring.
 */
int seqring_kreader_open(struct seqring_device *sdev, u32 ring, struct seqring_kreader *out)
{
	unsigned char *area;
	int err;

	if (ring >= sdev->nr_rings)
		return -EINVAL;
	area = sdev->rings[ring]->area.addr;
	err = seqring_reader_init(&out->r, (const struct seqring_ring_ctl *)area, area + PAGE_SIZE,
				  sdev->data_size);
	if (err)
		return err;
	out->sdev = sdev;
	get_device(&sdev->dev);
	return 0;
}
EXPORT_SYMBOL_GPL(seqring_kreader_open);

/**
 * seqring_kreader_read() - copy the next record out and move on
 * @kr: the reader
 * @view: filled if there is a record; @view->payload is @buf, and @view->lost the records that
 *	were overwritten, since the last one that was read, before the reader came to them
 * @buf: where the payload goes
 * @size: bytes of @buf. A longer payload is cut to @size bytes, and @view->len is its full length
 *
 * A reader that was overrun goes on at a later record, as often as that happens; it gives up
 * after 16 times in a row, with what it lost so far kept for the next call.
 *
 * Context: any. Does not wait.
 * Return:
 * * 0: a record
 * * -EAGAIN: there is no further record now, or the writer was faster 16 times
 * * -ENODEV: the device has ended, and no record is left
 * * -EIO: the ring is corrupt: something else has written to its memory
 */
int seqring_kreader_read(struct seqring_kreader *kr, struct seqring_view *view, void *buf, u32 size)
{
	int tries;

	for (tries = 0; tries < 16; tries++) {
		switch (seqring_reader_read(&kr->r, view, buf, size)) {
		case SEQRING_OK:
			return 0;
		case SEQRING_EMPTY:
			return -EAGAIN;
		case SEQRING_DEAD:
			return -ENODEV;
		case SEQRING_OVERRUN:
			if (!seqring_reader_resync(&kr->r))
				break;
			fallthrough;
		default:
			return -EIO;
		}
	}
	return -EAGAIN;
}
EXPORT_SYMBOL_GPL(seqring_kreader_read);

/**
 * seqring_kreader_close() - end a reader
 * @kr: the reader, from seqring_kreader_open(); invalid afterwards
 *
 * Context: process context, may sleep.
 */
void seqring_kreader_close(struct seqring_kreader *kr)
{
	put_device(&kr->sdev->dev);
}
EXPORT_SYMBOL_GPL(seqring_kreader_close);
