// SPDX-License-Identifier: GPL-2.0-only
/* OUT of ringctl export. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/message.h"
#include "output.h"

#define WRITE_BYTES (1u << 16)

static int fail_output(const struct output *o, int err)
{
	return fail("export", "--output %s: %s", o->path, strerror(err));
}

int output_open(struct output *o, const char *path, bool is_dir)
{
	size_t len = strlen(path);
	struct stat st;

	*o = (struct output) { .path = path, .dir = -1, .fd = -1 };
	while (len > 1 && path[len - 1] == '/')
		len--;
	if ((size_t)snprintf(o->partial, sizeof(o->partial), "%.*s.partial", (int)len, path) >=
	    sizeof(o->partial))
		return fail_output(o, ENAMETOOLONG);
	if (!lstat(path, &st))
		return fail("export", "--output %s: exists already (nothing is ever overwritten)",
			    path);
	if (is_dir) {
		if (mkdir(o->partial, 0777))
			goto failed;
		o->exists = true;
		o->dir = open(o->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return o->dir < 0 ? fail_output(o, errno) : 0;
	}
	o->fd = open(o->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd < 0)
		goto failed;
	o->exists = true;
	return 0;
failed:
	if (errno == EEXIST)
		return fail("export",
			    "--output %s: %s is there: another export is running, or was killed "
			    "(then remove it)",
			    path, o->partial);
	return fail_output(o, errno);
}

int output_create(struct output *o, const char *name, struct output_file *f)
{
	*f = (struct output_file) { .out = o, .fd = -1 };
	if (name)
		f->fd = openat(o->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	else
		f->fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
	return f->fd < 0 ? fail_output(o, errno) : 0;
}

/* Writes the whole buffer. */
static int flush(struct output_file *f)
{
	size_t done = 0;
	ssize_t n;

	if (f->buf.err)
		return fail_output(f->out, -f->buf.err);
	while (done < f->buf.len) {
		n = write(f->fd, f->buf.buf + done, f->buf.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_output(f->out, errno);
		done += (size_t)n;
	}
	f->out->bytes += done;
	f->buf.len = 0;
	return 0;
}

int output_write(struct output_file *f)
{
	return f->buf.len >= WRITE_BYTES || f->buf.err ? flush(f) : 0;
}

int output_close(struct output_file *f)
{
	int err = flush(f), fd = f->fd;

	f->fd = -1;
	/* A file system may tell only now that the disk is full. */
	if (close(fd) && !err)
		err = fail_output(f->out, errno);
	return err;
}

void output_free(struct output_file *f)
{
	if (f->out && f->fd >= 0)
		close(f->fd);
	out_free(&f->buf);
}

int output_commit(struct output *o)
{
	if (renameat2(AT_FDCWD, o->partial, AT_FDCWD, o->path, RENAME_NOREPLACE)) {
		/* Not every file system can refuse to replace. */
		if (errno != EINVAL || rename(o->partial, o->path))
			return fail_output(o, errno);
	}
	o->exists = false;
	return 0;
}

static void remove_files(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (!d) {
		close(dir);
		return;
	}
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

void output_discard(struct output *o)
{
	if (o->dir >= 0 && o->exists)
		remove_files(o->dir);
	else if (o->dir >= 0)
		close(o->dir);
	if (o->exists && o->dir >= 0)
		rmdir(o->partial);
	else if (o->exists)
		unlink(o->partial);
	if (o->fd >= 0)
		close(o->fd);
	o->dir = -1;
	o->fd = -1;
	o->exists = false;
}
