// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a device and of the module while readers are there. Needs a module
 * that nobody else uses: seqring_test.ko must not be loaded.
 */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "mod.h"

#define NAME "tl"
#define SIZE 65536
#define MAX  1024

static void create(void)
{
	if (dev_create(NAME, SIZE))
		T_DIE("life.setup", "create: %s", strerror(errno));
}

static void module_in_use(void)
{
	struct pollfd p = { .events = POLLIN };
	int control, reader;
	struct dev d;

	T_EQ("life.module_unused", mod_users("seqring"), 0);
	create();
	T_EQ("life.device_alone", mod_users("seqring"), 0);
	dev_open(&d, NAME, O_RDONLY);
	T_ERR("life.rmmod_open", mod_remove("seqring"), EWOULDBLOCK);
	close(d.fd);
	T_ERR("life.rmmod_mapped", mod_remove("seqring"), EWOULDBLOCK);
	munmap((void *)(uintptr_t)d.map, d.g.total_size);
	T_EQ("life.users_back", mod_users("seqring"), 0);

	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	munmap((void *)(uintptr_t)d.map, d.g.total_size);
	close(d.fd);
	T_ERR("life.rmmod_reader_fd", mod_remove("seqring"), EWOULDBLOCK);
	close(d.reader_fd);
	T_ERR("life.rmmod_reader_page", mod_remove("seqring"), EWOULDBLOCK);
	munmap(d.page, d.g.reader_size);

	control = open(SEQRING_CTL_PATH, O_RDWR);
	T_ERR("life.rmmod_control", mod_remove("seqring"), EWOULDBLOCK);
	close(control);

	/* The file of a destroyed device holds the module as well. */
	reader = dev_open_fd(NAME, O_RDONLY);
	dev_destroy(NAME);
	T_ERR("life.rmmod_dead", mod_remove("seqring"), EWOULDBLOCK);
	p.fd = reader;
	T_TRUE("life.rmmod_no_harm", poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
	close(reader);
	T_EQ("life.users_none", mod_users("seqring"), 0);
}

static int poll_now(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 ? p.revents : 0;
}

/* Reads one record by read(2). */
static ssize_t read_one(int fd, size_t len)
{
	static unsigned char buf[SIZE];

	return read(fd, buf, seqring_record_size(len));
}

static void destroyed_in_use(void)
{
	static unsigned char payload[MAX], saved[SIZE * 2], buf[SIZE * 2];
	struct seqring_view v;
	struct dev d, again;
	uint64_t n, seen = 0;
	ssize_t ret;
	void *anew;

	create();
	dev_open(&d, NAME, O_RDWR);
	dev_reader_page(&d);
	for (n = 1; n <= 100; n++)
		dev_publish(d.fd, n, MAX);
	T_TRUE("life.pollin_alive", poll_now(d.fd, 0) == POLLIN);
	memcpy(saved, d.map, d.g.total_size);
	T_EQ("life.alive", d.r[0].ctl->state, 0);
	T_RET("life.destroy", dev_destroy(NAME), 0);
	T_EQ("life.dead", d.r[0].ctl->state, SEQRING_STATE_DEAD);
	T_EQ("life.dead_stats", dev_stats(d.fd, 0).state, SEQRING_STATE_DEAD);

	/* Another device of that name, while the first one is still in use. */
	create();
	dev_open(&again, NAME, O_RDWR);
	dev_publish(again.fd, 1000, MAX);
	T_EQ("life.name_again", again.r[0].ctl->seq, 1);
	T_EQ("life.first_untouched", d.r[0].ctl->seq, 100);
	((struct seqring_ring_ctl *)(saved + ((uintptr_t)d.r[0].ctl - (uintptr_t)d.map)))
		->state = SEQRING_STATE_DEAD;
	T_TRUE("life.still_mapped", !memcmp(saved, d.map, d.g.total_size));
	anew = mmap(NULL, d.g.total_size, PROT_READ, MAP_SHARED, d.fd, 0);
	T_TRUE("life.mapped_anew", anew != MAP_FAILED && !memcmp(saved, anew, d.g.total_size));
	munmap(anew, d.g.total_size);

	/* EPOLLERR: it was open for writing, too. */
	T_EQ("life.pollin_dead", poll_now(d.fd, 0), POLLIN | POLLERR);
	while (dev_read(&d, 0, &v, payload, sizeof(payload)) == SEQRING_OK)
		seen += v.seq == seen + 1 && test_payload_ok(payload, v.len, MAX);
	T_EQ("life.drained", seen, 100);
	T_EQ("life.reader_dead", dev_read(&d, 0, &v, payload, sizeof(payload)), SEQRING_DEAD);
	dev_store_cursor(&d, 0);
	T_EQ("life.hup_when_drained", poll_now(d.fd, 0), POLLHUP | POLLERR);

	T_RET("life.read_first", read_one(d.fd, test_payload_len(1, MAX)),
	      seqring_record_size(test_payload_len(1, MAX)));
	ret = read(d.fd, buf, sizeof(buf));
	T_TRUE("life.read_drains", ret > 0);
	T_RET("life.read_end", read(d.fd, buf, sizeof(buf)), 0);
	dev_close(&d);
	dev_close(&again);
	dev_destroy(NAME);
}

/* Uses the position of read(2): a file without a reader page. */
static void destroyed_and_read(void)
{
	int fd;

	create();
	fd = dev_open_fd(NAME, O_RDONLY);
	T_EQ("life.quiet", poll_now(fd, 0), 0);
	T_EQ("life.pollout", ({
		     struct pollfd p = { .fd = dev_open_fd(NAME, O_RDWR),
					 .events = POLLOUT | POLLIN };
		     poll(&p, 1, 0);
		     dev_publish(p.fd, 1, MAX);
		     close(p.fd);
		     p.revents;
	     }),
	     POLLOUT);
	dev_destroy(NAME);
	T_EQ("life.read_pollin", poll_now(fd, 0), POLLIN);
	T_TRUE("life.read_gets_it", read_one(fd, MAX) > 0);
	T_EQ("life.read_hup", poll_now(fd, 0), POLLHUP);
	T_RET("life.read_zero", read_one(fd, MAX), 0);
	close(fd);
}

/* Return: the events that wake a sleeping child when the device goes, by poll or epoll. */
static int hup_of_sleeper(int use_epoll, uint32_t events, int flags)
{
	int status;
	pid_t pid;

	create();
	pid = fork();
	if (!pid) {
		struct epoll_event ev = { .events = events };
		int fd = dev_open_fd(NAME, flags), ep;

		alarm(120);
		if (!use_epoll)
			_exit(poll_now(fd, -1));
		ep = epoll_create1(0);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) || epoll_wait(ep, &ev, 1, -1) != 1)
			_exit(255);
		_exit(ev.events & 255);
	}
	if (!wait_asleep(pid))
		T_DIE("life.setup", "a child does not sleep");
	dev_destroy(NAME);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void asleep_at_the_end(void)
{
	T_EQ("life.hup_poll", hup_of_sleeper(0, 0, O_RDONLY), POLLHUP);
	T_EQ("life.hup_poll_writer", hup_of_sleeper(0, 0, O_RDWR), POLLHUP | POLLERR);
	T_EQ("life.hup_epoll", hup_of_sleeper(1, EPOLLIN, O_RDONLY), EPOLLHUP);
	T_EQ("life.hup_epoll_et", hup_of_sleeper(1, EPOLLIN | EPOLLET, O_RDONLY), EPOLLHUP);
	T_EQ("life.hup_epoll_only", hup_of_sleeper(1, 0, O_RDONLY), EPOLLHUP);
}

/* A device is freed with the last of its files, mappings and reader pages. */
static void last_one_frees(void)
{
	static const char *const order[] = { "dfmrp", "pmrfd", "mdfpr", "fmprd", "rpmdf", "frmpd" };
	unsigned int i;
	const char *p;
	struct dev d;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		create();
		dev_open(&d, NAME, O_RDWR);
		dev_reader_page(&d);
		dev_publish(d.fd, 1, MAX);
		for (p = order[i]; *p; p++) {
			if (*p == 'd')
				dev_destroy(NAME);
			else if (*p == 'f')
				close(d.fd);
			else if (*p == 'm')
				munmap((void *)(uintptr_t)d.map, d.g.total_size);
			else if (*p == 'r')
				close(d.reader_fd);
			else
				munmap(d.page, d.g.reader_size);
		}
	}
	T_EQ("life.every_order", mod_users("seqring"), 0);
}

/*
 * An open() that has looked up a node must not get a later device: device numbers
 * are not used again soon.
 */
static void numbers_not_reused(void)
{
	dev_t seen[20];
	struct stat st;
	int i, j, again = 0;

	for (i = 0; i < 20; i++) {
		create();
		if (stat(SEQRING_DEV_DIR "/" NAME, &st))
			T_DIE("life.setup", "stat: %s", strerror(errno));
		seen[i] = st.st_rdev;
		for (j = 0; j < i; j++)
			again += seen[j] == st.st_rdev;
		dev_destroy(NAME);
	}
	T_EQ("life.number_reused", again, 0);
}

int main(void)
{
	alarm(120);
	if (mod_users("seqring") != 0)
		T_DIE("life.setup", "seqring has %ld users already", mod_users("seqring"));
	module_in_use();
	destroyed_in_use();
	destroyed_and_read();
	asleep_at_the_end();
	last_one_frees();
	numbers_not_reused();
	return t_done();
}
