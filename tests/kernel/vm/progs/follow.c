// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that checks everything: every payload must prove itself, and seqs and losses
 * must add up record by record and, at the end, to the records published.
 *
 *   follow NAME [--max N] [--check-numbers] [--slow USEC] [--watermark N]
 *          [--until-dead | --seconds S] [--backend lib|inline]
 *
 * --max: the longest payload of the writers. --check-numbers: the payloads of a ring
 * are numbered in a row. Prints one line of KEY=VALUE; exit status 0 or 1.
 */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>

#include <libring.h>
#include "dev.h"

#define BATCH 16

/* The account of one ring's records. */
struct account {
	uint64_t next_seq; /* 0: nothing was read yet */
	uint64_t next_number;
	uint64_t read;
	uint64_t lost;
	uint64_t skipped; /* records before the first one read, not reported as lost */
};

static struct {
	const char *name;
	uint32_t max;
	unsigned int slow_us;
	uint64_t watermark;
	uint64_t until_ns; /* 0: until the ring is dead */
	int numbers;
	int inline_backend;
} opt = { .max = 256 };

static struct account accounts[DEV_RINGS_MAX];
static uint64_t bad_payload, bad_seq, bad_number, bad_read, waits, overruns;
static unsigned char buf[1 << 18] __attribute__((aligned(8)));

static int time_is_up(void)
{
	return opt.until_ns && now_ns() >= opt.until_ns;
}

static void one_record(unsigned int ring, uint64_t seq, uint64_t lost, const void *payload,
		       uint32_t len)
{
	struct account *a = &accounts[ring];
	uint64_t number;

	if (!test_payload_ok(payload, len, opt.max)) {
		bad_payload++;
		return;
	}
	number = test_payload_number(payload);
	if (!a->read) {
		a->skipped = seq - 1 - lost;
	} else {
		bad_seq += seq != a->next_seq + lost;
		bad_number += opt.numbers && number != a->next_number + lost;
	}
	a->next_seq = seq + 1;
	a->next_number = number + 1;
	a->read++;
	a->lost += lost;
	if (opt.slow_us)
		sleep_us(opt.slow_us);
}

/* The protocol's own functions on the mapping. */

static enum seqring_outcome inline_peek(struct dev *d, unsigned int i)
{
	struct seqring_reader *r = &d->r[i];
	enum seqring_outcome outcome;
	struct seqring_view v;
	int ok;

	outcome = seqring_reader_peek(r, &v);
	if (outcome)
		return outcome;
	/* Checks the payload in place; a mistake counts only if the record was whole. */
	ok = test_payload_ok(v.payload, v.len, opt.max);
	if (v.len > sizeof(buf))
		return SEQRING_CORRUPT;
	seqring_reader_copy(buf, v.payload, v.len);
	outcome = seqring_reader_recheck(r, &v);
	if (outcome)
		return outcome;
	seqring_reader_consume(r, &v);
	bad_payload += !ok;
	one_record(i, v.seq, v.lost, buf, v.len);
	return SEQRING_OK;
}

/* Reads the next records of a ring, each time by another function. */
static enum seqring_outcome inline_some(struct dev *d, unsigned int i)
{
	struct seqring_view v[BATCH] = { 0 };
	struct seqring_reader *r = &d->r[i];
	static unsigned int turn;
	enum seqring_outcome outcome;
	unsigned int n, nr = 1;

	switch (turn++ % 3) {
	case 0:
		outcome = inline_peek(d, i);
		nr = 0;
		break;
	case 1:
		outcome = seqring_reader_read(r, v, buf, sizeof(buf));
		break;
	default:
		outcome = seqring_reader_read_batch(r, v, BATCH, buf, sizeof(buf), &nr);
	}
	for (n = 0; outcome == SEQRING_OK && n < nr; n++)
		one_record(i, v[n].seq, v[n].lost, v[n].payload, v[n].len);
	return outcome;
}

/* Reads all rings until they are empty. Return: whether all of them have ended. */
static int inline_drain(struct dev *d)
{
	enum seqring_outcome outcome;
	unsigned int i, n, dead = 0, more = 1;

	while (more && !time_is_up()) {
		for (i = more = dead = 0; i < d->g.nr_rings; i++) {
			for (n = 0; n < 64; n++) {
				outcome = inline_some(d, i);
				if (outcome == SEQRING_OVERRUN) {
					overruns++;
					if (seqring_reader_resync(&d->r[i]))
						bad_read++;
				} else if (outcome) {
					break;
				}
			}
			more |= n == 64;
			dead += outcome == SEQRING_DEAD;
			bad_read += outcome == SEQRING_CORRUPT;
			if (outcome == SEQRING_EMPTY)
				dev_store_cursor(d, i);
		}
		if (bad_read)
			return 1;
	}
	return dead == d->g.nr_rings;
}

static void inline_follow(void)
{
	struct pollfd p = { .events = POLLIN };
	struct dev d;
	unsigned int i;

	dev_open(&d, opt.name, O_RDONLY);
	dev_reader_page(&d);
	d.page->wake_records = opt.watermark;
	d.page->wake_timeout_ns = opt.watermark ? 20000000 : 0;
	for (i = 0; i < d.g.nr_rings; i++)
		d.r[i].seq = 1; /* records gone already count as lost */
	p.fd = d.fd;
	while (!inline_drain(&d) && !time_is_up()) {
		waits++;
		if (poll(&p, 1, 1000) < 0)
			bad_read++;
	}
	for (i = 0; i < d.g.nr_rings; i++) {
		/* Overrun to an empty place: no record will report this loss. */
		if (d.r[i].any && d.r[i].pos > 0 && d.r[i].pos == d.r[i].ctl->head)
			accounts[i].lost += d.r[i].ctl->seq + 1 - d.r[i].seq;
	}
	dev_close(&d);
}

/* The library. */

static int lib_callback(const struct ring_record *rec, void *arg)
{
	(void)arg;
	one_record(rec->ring, rec->seq, rec->lost, rec->payload, rec->len);
	return 0;
}

static int lib_peek(struct ring_reader *r)
{
	struct ring_record rec;
	int err = ring_peek(r, &rec), ok;

	if (err)
		return err;
	ok = test_payload_ok(rec.payload, rec.len, opt.max);
	memcpy(buf, rec.payload, rec.len < sizeof(buf) ? rec.len : sizeof(buf));
	err = ring_recheck(r);
	if (err)
		return err == -ESTALE ? 0 : err;
	bad_payload += !ok;
	one_record(rec.ring, rec.seq, rec.lost, buf, rec.len);
	return ring_advance(r);
}

static int lib_some(struct ring_reader *r)
{
	struct ring_record rec[BATCH] = { 0 };
	static unsigned int turn;
	unsigned int i, nr = 0;
	int err;

	switch (turn++ % 4) {
	case 0:
		return lib_peek(r);
	case 1:
		return ring_consume(r, lib_callback, NULL, BATCH, NULL);
	case 2:
		err = ring_read(r, rec, buf, sizeof(buf));
		nr = !err;
		break;
	default:
		err = ring_read_batch(r, rec, BATCH, buf, sizeof(buf), &nr);
	}
	for (i = 0; i < nr; i++)
		one_record(rec[i].ring, rec[i].seq, rec[i].lost, rec[i].payload, rec[i].len);
	return err;
}

static void lib_follow(void)
{
	struct ring_open_opts opts = { .size = sizeof(opts),
				       .wake_records = opt.watermark,
				       .wake_timeout_ns = opt.watermark ? 20000000 : 0 };
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t read = 0, lost = 0;
	struct ring_reader *r;
	unsigned int i;
	int err;

	err = ring_open(opt.name, &opts, &r);
	if (err)
		T_DIE("follow.open", "%s: %s", opt.name, ring_strerror());
	while (!time_is_up()) {
		err = lib_some(r);
		if (err == -ENODEV)
			break;
		if (err == -EAGAIN) {
			waits++;
			err = ring_wait(r, 1000);
			if (err == -ETIMEDOUT || err == -ENODEV)
				err = 0;
		}
		if (err && err != -EPIPE) {
			fprintf(stderr, "follow: %s: %s\n", strerror(-err), ring_strerror());
			bad_read++;
			break;
		}
	}
	ring_stats(r, &st);
	overruns = st.overruns;
	for (i = 0; i < DEV_RINGS_MAX; i++) {
		read += accounts[i].read;
		lost += accounts[i].lost;
	}
	/* The library's account; only this has a loss after the last record. */
	if (st.read != read || st.lost < lost || (st.lost > lost && !st.dead))
		bad_seq++;
	accounts[0].lost += st.lost - lost;
	ring_close(r);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = { { "max", required_argument, NULL, 'm' },
						 { "check-numbers", no_argument, NULL, 'n' },
						 { "slow", required_argument, NULL, 's' },
						 { "watermark", required_argument, NULL, 'w' },
						 { "until-dead", no_argument, NULL, 'd' },
						 { "seconds", required_argument, NULL, 't' },
						 { "backend", required_argument, NULL, 'b' },
						 { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			opt.max = atoi(optarg);
			break;
		case 'n':
			opt.numbers = 1;
			break;
		case 's':
			opt.slow_us = atoi(optarg);
			break;
		case 'w':
			opt.watermark = atoi(optarg);
			break;
		case 'd':
			opt.until_ns = 0;
			break;
		case 't':
			opt.until_ns = now_ns() + atoi(optarg) * 1000000000ULL;
			break;
		case 'b':
			opt.inline_backend = !strcmp(optarg, "inline");
			break;
		default:
			exit(2);
		}
	}
	if (optind != argc - 1)
		exit(2);
	opt.name = argv[optind];
}

int main(int argc, char **argv)
{
	uint64_t read = 0, lost = 0, skipped = 0, published = 0;
	unsigned int i, nr;
	int fd, good;

	parse(argc, argv);
	/* For the count of published records, which stays after the end. */
	fd = dev_open_fd(opt.name, O_RDONLY);
	if (fd < 0)
		T_DIE("follow.open", "%s: %s", opt.name, strerror(errno));
	nr = dev_geometry(fd).nr_rings;
	if (opt.inline_backend)
		inline_follow();
	else
		lib_follow();
	for (i = 0; i < nr; i++) {
		read += accounts[i].read;
		lost += accounts[i].lost;
		skipped += accounts[i].skipped;
		/* The account of a reader that left early ends with the last record it saw. */
		if (!opt.until_ns)
			published += dev_stats(fd, i).seq;
		else if (accounts[i].next_seq)
			published += accounts[i].next_seq - 1;
	}
	good = read && read + lost + skipped == published && !bad_payload && !bad_seq &&
	       !bad_number && !bad_read;
	printf("read=%" PRIu64 " lost=%" PRIu64 " skipped=%" PRIu64 " published=%" PRIu64
	       " overruns=%" PRIu64 " waits=%" PRIu64 " bad_payload=%" PRIu64 " bad_seq=%" PRIu64
	       " bad_number=%" PRIu64 " bad_read=%" PRIu64 " result=%s\n",
	       read, lost, skipped, published, overruns, waits, bad_payload, bad_seq, bad_number,
	       bad_read, good ? "good" : "BAD");
	return !good;
}
