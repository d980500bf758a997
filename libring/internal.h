/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the parts of libring share. Nothing of it is exported. */
#ifndef LIBRING_INTERNAL_H
#define LIBRING_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <seqring/abi.h>
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "libring.h"

#define LIBRING_NEVER	 UINT64_MAX
#define LIBRING_OVERRUNS 64 /* tries in a row before -EPIPE */

/*
 * One ring, as this reader stands on it.
 *
 * @view:    the next record, while @pending
 * @key:     what the merge sorts by
 * @seen:    tick at which the snapshot was taken that @view is below
 * @ring:    its number in the device
 * @overruns:    in a row
 * @corrupt: not to be looked at before the next seek
 * @announced: as in struct seqring_wait, when membarrier() was called for it
 */
struct ring_source {
	struct seqring_reader rd;
	struct seqring_view view;
	uint64_t key;
	uint64_t seen;
	uint32_t ring;
	uint8_t overruns;
	bool pending;
	bool corrupt;
	__u64 announced;
} __attribute__((aligned(64)));

/*
 * How a kind of ring wakes its readers.
 *
 * @arm:   asks for a wake-up, from where every ring stands now. @for_fd: the
 *         application polls, so deadlines are this function's, too
 * @woken: poll() returned @revents; whether that says that the watermark is met
 * @kick:  makes the descriptor readable until the next drain, where it is not
 *         readable by itself for as long as there is something to read
 * @close: gives back what @arm works with
 */
struct ring_backend_ops {
	void (*arm)(struct ring_reader *r, bool for_fd);
	bool (*woken)(struct ring_reader *r, short revents);
	void (*kick)(struct ring_reader *r);
	void (*close)(struct ring_reader *r);
};

/*
 * @src:       the rings that are read
 * @peeked:    what ring_peek() gave, with @peek_view; @whole: rechecked
 * @heap:      those with a pending record, by key; @idle: those found empty
 * @stale:     the top of the heap was consumed
 * @tick:      counts snapshots; @pass: when all idle ones were last looked at, 0:
 *             not yet in this call
 * @due_ns:    when what is held back is due; 0: nothing is
 * @max_ts:    greatest ts delivered, from ring @max_ring; @max_ts_other: from
 *             another one
 * @hup:       the writer's process is gone
 * @ops:       NULL: without the means to sleep
 * @poll_fd:   what ring_wait() polls; @app_fd: what ring_fd() gives
 * @epfd, @timer: what @app_fd may be made of; @fired: the timer, since the last arm
 * @calm:      the timer fired and nothing had come; see wait_memfd.c
 */
struct ring_reader {
	struct ring_source *src;
	uint32_t nr_src;
	uint64_t read;
	struct ring_source *peeked;
	bool whole;
	bool hup;
	bool fd_given;
	bool one_ring;

	struct ring_source **heap;
	struct ring_source **idle;
	uint32_t nr_heap;
	uint32_t nr_idle;
	bool stale;
	uint64_t tick;
	uint64_t pass;
	uint64_t turn;
	uint64_t window_ns;
	uint64_t now_ns;
	uint64_t due_ns;
	uint64_t max_ts;
	uint64_t max_ts_other;
	uint32_t max_ring;
	uint64_t misordered;

	struct seqring_view peek_view;
	void *bounce;

	struct seqring_header hdr;
	unsigned char *map;
	size_t map_size;

	const struct ring_backend_ops *ops;
	uint64_t wake_records;
	uint64_t wake_bytes;
	uint64_t wake_timeout_ns;
	uint64_t since_ns;
	uint64_t since_seq;
	uint32_t since_ring;
	uint64_t waits;
	int poll_fd;
	int app_fd;
	int epfd;
	int timer;
	uint64_t timer_ns;
	uint64_t armed_read;
	bool fired;
	bool calm;

	/* A memfd ring. */
	struct seqring_wait *wait;
	size_t wait_size;
	int doorbell;
	int sock;

	/* A BPF ring; @sock is the pidfd of @owner. */
	__u64 *doorbell_heard;
	__u64 *doorbell_rung;
	uint64_t owner;

	/* A device. */
	int dev;
	struct seqring_reader_page *page;
	size_t page_size;
};

/* For libring-bpf, too: see LIBRING_PRIVATE in libring.map. */
#define LIBRING_SHARED __attribute__((visibility("default")))

/* error.c */
LIBRING_SHARED int libring_fail(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int libring_say(int err, const char *sentence);
int libring_status(int err);
LIBRING_SHARED int libring_get_opts(void *opts, size_t known, const void *user, const char *what);

/* layout.c */
LIBRING_SHARED int libring_check_shape(const char *what, uint32_t clock_id, uint64_t data_size,
				       const void *schema, size_t schema_size);
int libring_map(struct ring_reader *r, int fd, uint64_t file_size);
void libring_reader_init(const struct ring_reader *r, uint32_t ring, struct seqring_reader *rd);

/* name.c */
bool libring_name_ok(const char *name);
LIBRING_SHARED int libring_check_name(const char *name);
int libring_socket_dir(unsigned int i, char *dir, size_t size);
int libring_socket_path(const char *dir, const char *name, char *path, size_t size);

/* open.c */
void libring_close_fds(const struct ring_fds *fds);

/* connect.c */
int libring_connect(const char *path, int *sock);
int libring_receive(int sock, struct ring_fds *fds);

/* read.c */
int libring_outcome(enum seqring_outcome outcome);
int libring_source_peek(struct ring_source *s);
int libring_select(struct ring_reader *r, bool again, struct ring_source **out);

/* merge.c */
int libring_merge_select(struct ring_reader *r, bool again, struct ring_source **out);
void libring_merge_taken(struct ring_reader *r, const struct ring_source *s, uint64_t ts_ns);
void libring_merge_reset(struct ring_reader *r);

/* seek.c */
int libring_seek(struct ring_reader *r, uint32_t whence, uint64_t value);

/* info.c */
void libring_account(const struct ring_source *s, __u64 *records, __u64 *bytes, __u64 *lost);

/* wait.c */
uint64_t libring_now_ns(void);
uint64_t libring_clock_ns(clockid_t id);
void libring_drain(struct ring_reader *r);
int libring_rearm(struct ring_reader *r, struct ring_source **out);
void libring_changed(struct ring_reader *r);
uint64_t libring_watermark_bytes(const struct ring_reader *r);
uint64_t libring_watermark_records(const struct ring_reader *r);
uint64_t libring_next_seq(const struct ring_source *s);
int libring_poll_open(struct ring_reader *r);
int libring_poll_add(struct ring_reader *r, int fd, uint32_t events);
void libring_timer_set(struct ring_reader *r, uint64_t at_ns);

/* wait_chardev.c, wait_memfd.c, wait_bpf.c */
int libring_chardev_open(struct ring_reader *r, int fd);
int libring_memfd_open(struct ring_reader *r, const struct ring_fds *fds, int sock);
LIBRING_SHARED int libring_bpf_dir(char *dir, size_t size);
LIBRING_SHARED bool libring_on_bpffs(const char *path);
bool libring_is_bpf_map(int fd);
int libring_bpf_get(const char *path, bool is_dir, struct ring_fds *fds);
int libring_bpf_open(struct ring_reader *r, const struct ring_fds *fds);
void libring_watch_owner(struct ring_reader *r, bool gone);

/* words.c */
int libring_map_words(struct ring_reader *r, int fd);
void libring_unmap_words(struct ring_reader *r);
int libring_doorbell_open(struct ring_reader *r, int doorbell);
void libring_arm_words(struct ring_reader *r, bool for_fd);
void libring_kick_timer(struct ring_reader *r);
LIBRING_SHARED bool libring_membarrier_has(int cmds);
LIBRING_SHARED int libring_grace_period(void);

/* owner.c */
LIBRING_SHARED void libring_owner_self(__u64 *owner, __u64 *pidns);
LIBRING_SHARED bool libring_owner_alive(uint64_t owner, uint64_t pidns);
bool libring_owner_open(uint64_t owner, uint64_t pidns, int *fd);

/* serve.c: a ring's socket is handed this, with its three descriptors. */
#define LIBRING_HELLO_VERSION 1u

struct libring_hello {
	uint64_t magic; /* SEQRING_MAGIC */
	uint32_t version;
	uint32_t error; /* an errno: no descriptors come */
};

struct libring_server;
int libring_serve_open(const char *where, const struct ring_fds *fds, struct libring_server **out);
int libring_serve_fd(const struct libring_server *s);
void libring_serve(struct libring_server *s);
void libring_serve_close(struct libring_server *s);

static inline uint64_t libring_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

#endif /* LIBRING_INTERNAL_H */
