// SPDX-License-Identifier: GPL-2.0-only
/*
 * A writer that dies at any point. First at each of its stores, one after the other: a
 * reader then finds whole records, in order, and EMPTY. Then as a process that is killed at
 * random: its readers get the published records and the end, and its name is free.
 *
 * usage: dies [--kills N]
 */
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SEQRING_BARRIER_BACKEND "../../tests/stress/dies_backend.h"

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "crowd.h"

#define DATA SEQRING_DATA_SIZE_MIN

static jmp_buf died;
static uint64_t left; /* stores until the writer dies */

void before_store(void)
{
	if (!left--)
		longjmp(died, 1);
}

/* --- at each store ------------------------------------------------------------- */

struct world {
	struct seqring_ring_ctl ctl;
	struct seqring_writer w;
	unsigned char data[DATA] __attribute__((aligned(8)));
};

static struct world before, now;

static uint32_t len_of(uint64_t seq)
{
	/* Mostly short records, some of which end a lap with a PAD. */
	return (uint32_t)(seq % 61 ? seq * 7 % 90 : SEQRING_PAYLOAD_MAX(DATA) - seq % 8);
}

static void publish(struct seqring_writer *w)
{
	static unsigned char payload[DATA];
	uint64_t seq = w->seq + 1;

	payload_fill(payload, seq, len_of(seq));
	if (seqring_writer_publish(w, (uint16_t)seq, seq, payload, len_of(seq)))
		die("publish");
}

static bool whole(const struct seqring_view *v, const unsigned char *p)
{
	return v->len == len_of(v->seq) && v->ts_ns == v->seq && v->type == (uint16_t)v->seq &&
	       test_payload_is(p, v->seq, v->len);
}

/*
 * Reads all records; @r may know the next seq or not. Return: seq of the newest; 0: a
 * record is wrong.
 */
static uint64_t read_all(struct seqring_reader *r, uint64_t next)
{
	static unsigned char buf[DATA];
	enum seqring_outcome outcome;
	struct seqring_view v;
	int overruns = 0;

	for (;;) {
		outcome = seqring_reader_read(r, &v, buf, sizeof(buf));
		if (outcome == SEQRING_OVERRUN && !seqring_reader_resync(r) && overruns++ < 3)
			continue;
		if (outcome)
			break;
		if (!whole(&v, buf) || (next && v.seq != next + v.lost))
			return 0;
		next = v.seq + 1;
	}
	return outcome == SEQRING_EMPTY && next ? next - 1 : 0;
}

/* Checks the ring of a dead writer by readers of each kind. */
static bool good_for_readers(const struct seqring_reader *follower, uint64_t seq, bool last_word)
{
	static unsigned char buf[DATA];
	struct seqring_reader r = *follower;
	struct seqring_view v;
	uint64_t got;

	/* The stamp decides whether the last record is there; head follows later. */
	r.eager = 1;
	got = read_all(&r, follower->seq);
	if (got != seq && got != seq + 1)
		return false;
	if (last_word && got != seq + 1)
		return false;
	/* Late readers, from the oldest record and from the newest. */
	if (seqring_reader_init(&r, &now.ctl, now.data, DATA))
		return false;
	got = read_all(&r, 0);
	if (got != seq && got != seq + 1)
		return false;
	if (seqring_reader_newest(&r, &v, buf, sizeof(buf)) || !whole(&v, buf) || v.seq < seq)
		return false;
	return !seqring_reader_seek(&r, 0, seq) && read_all(&r, 0) >= seq;
}

/* Reads up to here, @behind the writer, so that it stands on what comes now. */
static void follow(struct seqring_reader *r)
{
	uint64_t got = read_all(r, r->seq);

	if (got != now.w.seq)
		die("the follower");
}

static void at_each_store(void)
{
	struct seqring_reader follower;
	volatile uint64_t n, points = 0, wrong = 0, first_wrong = 0;
	volatile bool done;

	left = ~0ULL;
	seqring_writer_init(&now.w, &now.ctl, now.data, DATA);
	publish(&now.w);
	if (seqring_reader_init(&follower, &now.ctl, now.data, DATA))
		die("seqring_reader_init");
	follower.seq = 1;
	follower.any = 0;
	/* Three laps: into fresh memory, then over old records. */
	while (now.w.pos < 3 * DATA) {
		/* Rarely, so that the writer also overruns the reader. */
		if (now.w.seq % 250 == 0)
			follow(&follower);
		before = now;
		for (n = 0, done = false; !done; n++) {
			now = before;
			left = n;
			if (!setjmp(died)) {
				publish(&now.w);
				done = true;
			}
			left = ~0ULL;
			points++;
			if (!good_for_readers(&follower, before.w.seq, done) && !wrong++)
				first_wrong = before.w.seq;
		}
	}
	/* The writer was killed in a PAD, in a move of tail and in a long copy. */
	t_check(points > 20000, "dies.everywhere", "at %" PRIu64 " points only", points);
	t_check(!wrong, "dies.at_each_store",
		"of %" PRIu64 " points %" PRIu64 " are wrong, the "
		"first behind record %" PRIu64,
		points, wrong, first_wrong);
	t_note("dies.at_each_store: %" PRIu64 " points in %" PRIu64 " records", points,
	       (uint64_t)now.w.seq);
	t_check(follower.overruns, "dies.follower_is_overrun", "never");
}

/* --- as a process ------------------------------------------------------------------ */

/* Publishes at full speed, and serves the ring by its name meanwhile. */
__attribute__((noreturn)) static void writer_process(const char *name, int ready)
{
	struct ring_writer *w = crowd_writer(DATA);
	uint64_t seq = 0;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ring_writer_listen(w, name, &fd))
		die("ring_writer_listen");
	crowd_publish(w, ++seq);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;) {
		unsigned int i;

		for (i = 0; i < 200; i++)
			crowd_publish(w, ++seq);
		ring_writer_serve(w);
	}
}

/* Sleeps and reads until the end. Return: -ENODEV or another error; 1: a bad record. */
static int read_to_end(struct ring_reader *r, uint64_t *got, uint64_t *next)
{
	unsigned char buf[PAYLOAD_LEN];
	struct ring_record rec;
	int err;

	for (;;) {
		err = ring_read(r, &rec, buf, sizeof(buf));
		if (err == -EAGAIN) {
			err = ring_wait(r, 20000);
			if (err)
				return err;
			continue;
		}
		if (err == -EPIPE)
			continue;
		if (err)
			return err;
		if (!crowd_ok(&rec, buf) || (*next && rec.seq != *next + rec.lost))
			return 1;
		*next = rec.seq + 1;
		++*got;
	}
}

struct ends {
	unsigned int ended;
	unsigned int torn;
	unsigned int refused;
	unsigned int counts;
	uint64_t got;
};

/* Kills a writer after @us. It has the same name as the writer of the last round. */
static void one_life(const char *name, unsigned int us, struct ends *e)
{
	uint64_t got = 0, next = 0;
	struct ring_stats_at st = { .size = sizeof(st) };
	struct ring_reader *r, *late;
	int ready[2], err;
	char c;
	pid_t pid;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (!pid) {
		close(ready[0]);
		writer_process(name, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the writer");
	close(ready[0]);
	if (ring_open(name, NULL, &r))
		die("ring_open");
	sleep_us(us);
	kill(pid, SIGKILL);
	err = read_to_end(r, &got, &next);
	e->ended += err == -ENODEV;
	e->torn += err == 1 || err == -EBADMSG;
	waitpid(pid, NULL, 0);
	/*
	 * All published records were read. Only an eager reader finds a record when the writer
	 * died between its seq and head. No more readers can open the ring.
	 */
	if (ring_stats_at(r, 0, &st) || (st.published + 1 != next && st.published != next))
		e->counts++;
	e->refused += ring_open(name, NULL, &late) == -ECONNREFUSED;
	e->got += got;
	ring_close(r);
}

static void killed(unsigned int n)
{
	struct ends e = { 0 };
	unsigned int i, seed = 3;
	char dir[] = "/tmp/seqring-dies-XXXXXX", name[64];

	if (!mkdtemp(dir))
		die("mkdtemp");
	snprintf(name, sizeof(name), "%s/ring", dir);
	for (i = 0; i < n; i++)
		one_life(name, (unsigned int)rand_r(&seed) % 1000, &e);
	t_check(e.ended == n, "dies.killed.end", "%u of %u ends were seen", e.ended, n);
	t_check(!e.torn, "dies.killed.whole", "%u times a torn record", e.torn);
	t_check(!e.counts, "dies.killed.accounts", "%u times it is not what was published",
		e.counts);
	t_check(e.refused == n, "dies.killed.refused", "%u of %u", e.refused, n);
	t_note("dies.killed: %u writers, %" PRIu64 " records read", n, e.got);
	unlink(name);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kills", 1, NULL, 'k' }, { 0 } };
	unsigned int kills = 1000;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'k')
			return 2;
		kills = (unsigned int)strtoul(optarg, NULL, 0);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	at_each_store();
	killed(kills);
	return t_done();
}
