// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU goes and comes back, again and again, while floods, a timer interrupt and
 * processes publish, and readers sleep: no record is lost from the account, no wake-up
 * is lost, nothing is torn. Needs two CPUs, the second of which can go.
 *
 *   t_hotplug [SECONDS]
 */
#include "mod.h"

#define NAME "hp"
#define SIZE 65536
#define MAX  256

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

static const char *const modes[] = { "", "locked", "percpu" };

/* Shared by all processes. */
struct shared {
	int stop;
	unsigned int toggles;
	unsigned int floods;
	unsigned int wakeups;
};

static struct shared *shared;

static int over(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

static int did_enough(unsigned int seconds)
{
	return shared->toggles >= seconds && shared->floods >= seconds &&
	       shared->wakeups >= seconds;
}

/* The CPU is offline at least as long as online; both times vary. */
static void toggle(void)
{
	uint64_t rnd = 1;

	while (!over()) {
		if (mod_write(ONLINE, "0"))
			_exit(1);
		sleep_us(1000 + next_random(&rnd) % 30000);
		if (mod_write(ONLINE, "1"))
			_exit(2);
		sleep_us(1000 + next_random(&rnd) % 30000);
		shared->toggles++;
	}
	_exit(0);
}

static void flood(unsigned int how)
{
	while (!over()) {
		if (dev_command("flood " NAME " 200 256 %u", how))
			_exit(1);
		__atomic_fetch_add(&shared->floods, 1, __ATOMIC_RELAXED);
		sleep_us(1000);
	}
	_exit(0);
}

/*
 * Interrupts on the CPU that is about to go: work queued there must not be lost with the
 * CPU. Meanwhile the other CPU sends NMIs to that CPU or to itself.
 */
static void interrupts(const char *verb)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	while (!over()) {
		sched_setaffinity(0, sizeof(set), &set);
		if (dev_command("%s " NAME " 20 256", verb))
			_exit(1);
		sleep_us(500);
	}
	_exit(0);
}

/*
 * Single records for a sleeper, on a device of their own. The publisher tries to be on
 * the CPU that goes; each record waits until the sleeper has the one before.
 */
static void single_records(void)
{
	static unsigned char buf[SIZE];
	struct seqring_view v;
	struct dev d;
	pid_t pid;
	int to_child[2], n = 0;
	char c = 'x';

	if (pipe(to_child))
		_exit(1);
	pid = fork();
	if (!pid) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(1, &set);
		close(to_child[1]);
		while (read(to_child[0], &c, 1) == 1) {
			sched_setaffinity(0, sizeof(set), &set);
			/* In turn: by a timer, which leaves a CPU that goes, and directly. */
			if (n++ % 2 ? dev_command("flood hp-single 1 256 0") :
				      dev_command("later hp-single %u 0", 200000 + n % 7 * 300000))
				_exit(1);
		}
		_exit(0);
	}
	dev_open(&d, "hp-single", O_RDONLY);
	dev_reader_page(&d);
	while (!over()) {
		unsigned int got = 0;

		if (write(to_child[1], &c, 1) != 1)
			_exit(2);
		/* One on any ring: the CPU is not known. */
		while (!got) {
			unsigned int i;

			for (i = 0; i < d.g.nr_rings; i++) {
				while (dev_read(&d, i, &v, buf, sizeof(buf)) == SEQRING_OK) {
					if (!test_payload_ok(buf, v.len, MAX))
						_exit(3);
					got++;
				}
				dev_store_cursor(&d, i);
			}
			if (!got && !dev_woken(d.fd, 20000))
				_exit(4);
		}
		if (got != 1)
			_exit(5);
		shared->wakeups++;
	}
	close(to_child[1]);
	_exit(ended(pid) ? 6 : 0);
}

#define JOBS 6

static void job(unsigned int i)
{
	alarm(300);
	switch (i) {
	case 0:
		toggle();
		break;
	case 1:
		single_records();
		break;
	case 2:
		flood(4 | 3);
		break;
	case 3:
		flood(4);
		break;
	case 4:
		interrupts("irq");
		break;
	default:
		interrupts("nmi");
	}
	_exit(0);
}

static void run(unsigned int mode, unsigned int seconds)
{
	struct tried tried, counted;
	int status[JOBS], i;
	pid_t reader, pid[JOBS];
	char name[64];

	memset(shared, 0, sizeof(*shared));
	if (dev_command("create " NAME " %u %u 0", mode, SIZE) ||
	    dev_command("create hp-single %u %u 0", mode, SIZE))
		T_DIE("hotplug.setup", "create: %s", strerror(errno));
	reader = follower(NAME, MAX);
	/* This starts on the CPU that goes, and has to be moved. */
	mod_pin(1);
	if (dev_command("later " NAME " 1000000 500000"))
		T_DIE("hotplug.setup", "later: %s", strerror(errno));
	for (i = 0; i < JOBS; i++) {
		fflush(stdout);
		pid[i] = fork();
		if (!pid[i]) {
			if (i != 4)
				mod_pin(0);
			if (i == 2 || i == 3) {
				cpu_set_t both;

				memset(&both, 0xff, sizeof(both));
				sched_setaffinity(0, sizeof(both), &both);
			}
			job(i);
		}
	}
	sleep_us(seconds * 1000000);
	/* A slow machine may have done too little by then to show anything. */
	for (i = 0; i < 4 * (int)seconds && !did_enough(seconds); i++)
		sleep_us(1000000);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < JOBS; i++) {
		static const char *const names[JOBS] = { "toggler", "sleeper",	  "flood",
							 "flood2",  "interrupts", "interrupts2" };

		status[i] = ended(pid[i]);
		snprintf(name, sizeof(name), "hotplug.%s.%s", modes[mode], names[i]);
		T_EQ(name, status[i], 0);
	}
	mod_write(ONLINE, "1");
	dev_command("later " NAME " 1 0");
	sleep_us(50000);
	tried = mod_tried(NAME);
	counted = mod_counted(NAME);
	snprintf(name, sizeof(name), "hotplug.%s.published", modes[mode]);
	T_EQ(name, counted.published, tried.published);
	snprintf(name, sizeof(name), "hotplug.%s.dropped", modes[mode]);
	T_EQ(name, counted.busy, tried.busy);
	snprintf(name, sizeof(name), "hotplug.%s.was_one", modes[mode]);
	T_TRUE(name, did_enough(seconds) && counted.published > 100 * seconds);
	t_note("hotplug %s: %u times off and on, %u floods, %u single wake-ups, %llu published, "
	       "%llu busy",
	       modes[mode], shared->toggles, shared->floods, shared->wakeups,
	       (unsigned long long)counted.published, (unsigned long long)counted.busy);
	dev_command("destroy hp-single");
	dev_command("destroy " NAME);
	snprintf(name, sizeof(name), "hotplug.%s.follower", modes[mode]);
	T_EQ(name, ended(reader), 0);
}

/* A device is created while a CPU is offline; the CPU comes back and publishes. */
static void made_before(void)
{
	struct seqring_stats st;
	struct tried counted;
	pid_t reader, pid;
	int fd;

	if (mod_write(ONLINE, "0"))
		T_DIE("hotplug.setup", "%s: %s", ONLINE, strerror(errno));
	T_RET("hotplug.created_without", dev_command("create " NAME " 2 65536 0"), 0);
	reader = follower(NAME, MAX);
	if (mod_write(ONLINE, "1"))
		T_DIE("hotplug.setup", "%s: %s", ONLINE, strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		mod_pin(1);
		_exit(!!dev_command("flood " NAME " 500 256 3"));
	}
	T_EQ("hotplug.new_cpu_publishes", ended(pid), 0);
	counted = mod_counted(NAME);
	T_EQ("hotplug.new_cpu_published", counted.published, mod_tried(NAME).published);
	fd = dev_open_fd(NAME, O_RDONLY);
	st = dev_stats(fd, 1);
	T_EQ("hotplug.on_its_ring", st.seq, counted.published);
	close(fd);
	dev_command("destroy " NAME);
	T_EQ("hotplug.new_cpu_follower", ended(reader), 0);
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? strtoul(argv[1], NULL, 0) : mod_number("HOTPLUG", 4);
	unsigned int mode;

	alarm(100 + 12 * seconds);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (access(ONLINE, W_OK))
		T_DIE("hotplug.setup", "%s: %s", ONLINE, strerror(errno));
	for (mode = SEQRING_MODE_LOCKED; mode <= SEQRING_MODE_PERCPU; mode++)
		run(mode, seconds);
	made_before();
	return t_done();
}
