/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The socket by which other processes open a ring of this process. */
#ifndef LIBRING_WRITER_SERVE_H
#define LIBRING_WRITER_SERVE_H

struct libring_server;
struct ring_fds;
struct ring_listen_opts;
struct ring_slots;

int libring_serve_open(const char *where, const struct ring_listen_opts *opts,
		       const struct ring_fds *fds, struct ring_slots *slots,
		       struct libring_server **out);
int libring_serve_fd(const struct libring_server *s);
void libring_serve_pending(struct libring_server *s);
void libring_serve_drop(struct libring_server *s);
void libring_serve_close(struct libring_server *s);

#endif /* LIBRING_WRITER_SERVE_H */
