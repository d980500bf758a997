// SPDX-License-Identifier: GPL-2.0-only
// Tests libring.hpp against live rings. Prints ok or not ok for each test.

#include <libring.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <seqring/abi.h>

using namespace std::chrono_literals;

static int failed;

// What a test throws that does not hold.
struct wrong {
	int line;
	std::string what;
};

#define CHECK(x)                                    \
	do {                                        \
		if (!(x))                           \
			throw wrong{__LINE__, #x};  \
	} while (0)

#define THROWS(x, code_)                                                                  \
	do {                                                                              \
		int got_ = 0;                                                             \
		try {                                                                     \
			(void)(x);                                                        \
		} catch (const ring::error &e) {                                          \
			got_ = e.code().value();                                          \
			CHECK(e.code().category() == std::generic_category());            \
			CHECK(*e.what());                                                 \
		}                                                                         \
		if (got_ != (code_))                                                      \
			throw wrong{__LINE__, #x " gives " + std::to_string(got_)};       \
	} while (0)

static void test(const char *name, const std::function<void()> &fn)
{
	try {
		fn();
		std::printf("ok c++ %s\n", name);
	} catch (const wrong &w) {
		std::printf("not ok c++ %s - line %d: %s\n", name, w.line, w.what.c_str());
		failed = 1;
	} catch (const std::exception &e) {
		std::printf("not ok c++ %s - %s\n", name, e.what());
		failed = 1;
	}
	std::fflush(stdout);
}

struct event {
	std::uint64_t n;
	std::uint32_t twice;
	std::uint32_t zero;
};

static ring::writer make(std::uint64_t size = 1 << 16)
{
	ring::writer_options opts;

	opts.data_size = size;
	opts.name = "cxx";
	opts.clock_id = SEQRING_CLOCK_MONOTONIC;
	return ring::writer(opts);
}

static void publish(ring::writer &w, std::uint64_t from, std::uint64_t to)
{
	for (; from <= to; from++)
		w.publish(7, event{from, static_cast<std::uint32_t>(2 * from), 0});
}

static void check_event(const ring::record &rec, std::uint64_t n)
{
	const auto e = rec.as<event>();

	CHECK(rec.seq() == n && rec.type() == 7 && rec.ring() == 0 && rec.ts_ns());
	CHECK(rec.length() == sizeof(event) && rec.payload().size() == sizeof(event));
	CHECK(e && e->n == n && e->twice == 2 * n);
}

static void batches()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	ring::batch b(3);
	std::uint64_t n = 0;

	CHECK(r.read(b) == ring::status::none && b.empty() && b.begin() == b.end());
	publish(w, 1, 7);
	for (unsigned int size : {3u, 3u, 1u}) {
		CHECK(r.read(b) == ring::status::ok && b.size() == size);
		for (const ring::record &rec : b)
			check_event(rec, ++n);
	}
	CHECK(n == 7 && r.read(b) == ring::status::none && b.empty());
	CHECK(r.stats().read == 7 && r.stats().lost == 0);
}

// A payload that is longer than the batch is cut, and the record tells its length.
static void cut()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	ring::batch b(2, 16);
	char text[] = "0123456789abcdefghijklmnopqrstuv";

	w.publish(1, ring::bytes(static_cast<const void *>(text), 32));
	CHECK(r.read(b) == ring::status::ok && b.size() == 1);
	CHECK(b[0].length() == 32 && b[0].payload().size() == 16);
	CHECK(!std::memcmp(b[0].payload().data(), text, 16));
	CHECK(!b[0].payload().as<std::uint64_t>(9));
	CHECK(b[0].payload().as<std::uint64_t>(8));
	CHECK(!b[0].payload().as<std::uint64_t>(~std::size_t(0)));
	CHECK(static_cast<char>(b[0].payload()[3]) == '3');
}

// The loop sleeps, wakes, and ends with the ring; leaving it early loses nothing.
static void range()
{
	ring::writer w = make(1 << 20);
	ring::reader r(w.fds());
	std::uint64_t n = 0;

	publish(w, 1, 10);
	for (const ring::record &rec : r.records()) {
		check_event(rec, ++n);
		if (n == 4)
			break;
	}
	CHECK(n == 4);

	std::thread other([&w] {
		std::this_thread::sleep_for(20ms);
		publish(w, 11, 2000);
		std::this_thread::sleep_for(20ms);
		ring::writer gone(std::move(w));
	});
	auto records = r.records();

	try {
		for (const ring::record &rec : records)
			check_event(rec, ++n);
	} catch (...) {
		other.join();
		throw;
	}
	other.join();
	CHECK(n == 2000 && records.why() == ring::status::ended);
	CHECK(r.stats().end == RING_ENDED && r.stats().read == 2000);
	CHECK(r.wait() == ring::status::ended);
}

static void range_timeout()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	auto records = r.records(5ms);
	unsigned int n = 0;

	publish(w, 1, 1);
	for (const ring::record &rec : records) {
		check_event(rec, 1);
		n++;
	}
	CHECK(n == 1 && records.why() == ring::status::timeout);
	// The same range goes on.
	publish(w, 2, 2);
	for (const ring::record &rec : records) {
		check_event(rec, 2);
		n++;
	}
	CHECK(n == 2);
}

static void longest()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	const std::string text(r.info().payload_max, 'x');
	unsigned int n = 0;

	w.publish(1, ring::bytes(static_cast<const void *>(text.data()), text.size()));
	for (const ring::record &rec : r.records(0ms)) {
		CHECK(rec.payload().size() == text.size());
		CHECK(!std::memcmp(rec.payload().data(), text.data(), text.size()));
		n++;
	}
	CHECK(n == 1);
	THROWS(w.publish(1, ring::bytes(static_cast<const void *>(text.data()),
					text.size() + 1)), EMSGSIZE);
}

static void losses()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	std::uint64_t read = 0, lost = 0;

	publish(w, 1, 10000);
	for (const ring::record &rec : r.records(0ms)) {
		lost += rec.lost();
		read++;
		check_event(rec, lost + read);
	}
	CHECK(lost && read && lost + read == 10000);
	CHECK(r.stats().lost == lost && r.stats().read == read);
}

static void woken()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	auto records = r.records();

	r.wake();
	for (const ring::record &rec : records)
		CHECK(!rec.seq());
	CHECK(records.why() == ring::status::woken);
	CHECK(r.wait(1ms) == ring::status::timeout);
	CHECK(r.wait(0ms) == ring::status::timeout);
	publish(w, 1, 1);
	CHECK(r.wait(10min) == ring::status::ok && r.wait() == ring::status::ok);
}

static void ignore(int)
{
}

static void signals()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	auto records = r.records();
	struct sigaction sa = {};
	// Again and again: the first may come before the loop sleeps.
	const struct itimerval every = {{0, 10000}, {0, 10000}}, none = {};

	sa.sa_handler = ignore;
	CHECK(!sigaction(SIGALRM, &sa, nullptr) && !setitimer(ITIMER_REAL, &every, nullptr));
	for (const ring::record &rec : records)
		CHECK(!rec.seq());
	setitimer(ITIMER_REAL, &none, nullptr);
	CHECK(records.why() == ring::status::signaled);
}

static void moves()
{
	ring::writer w = make(), w2 = std::move(w);
	ring::reader r(w2.fds()), r2 = std::move(r);
	ring::batch b;

	CHECK(!w.get() && w2.get() && !r.get() && r2.get());
	publish(w2, 1, 1);
	CHECK(r2.read(b) == ring::status::ok);
	r = std::move(r2);
	CHECK(r.stats().read == 1);
	// What the assignment replaces is closed: its ring ends.
	ring::writer w3 = make();
	w3 = std::move(w2);
	CHECK(r.read(b) == ring::status::none);
	w3 = make();
	CHECK(r.read(b) == ring::status::ended);
	static_assert(!std::is_copy_constructible_v<ring::reader> &&
		      !std::is_copy_constructible_v<ring::writer> &&
		      !std::is_copy_constructible_v<ring::reservation>);
}

static void reservations()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	ring::batch b;

	{
		ring::reservation room = w.reserve(8);

		CHECK(room.size() == 8 && !(reinterpret_cast<std::uintptr_t>(room.data()) % 8));
		THROWS(w.reserve(8), EBUSY);
		THROWS(w.publish(1, 1u), EBUSY);
	}
	// It was given up.
	CHECK(r.read(b) == ring::status::none);
	ring::reservation room = w.reserve(4), other = std::move(room);

	std::memcpy(other.data(), "four", 4);
	other.commit(9);
	CHECK(r.read(b) == ring::status::ok && b.size() == 1 && b[0].type() == 9);
	CHECK(!std::memcmp(b[0].payload().data(), "four", 4));
	THROWS(w.reserve(std::size_t(1) << 20), EMSGSIZE);
}

static void serves()
{
	char dir[] = "/tmp/ring-cxx.XXXXXX";

	CHECK(mkdtemp(dir) && !setenv("RINGDIR", dir, 1));
	{
		ring::writer w = make();
		const int fd = w.listen("cxx");
		std::atomic<bool> stop = false;
		std::thread server([&] {
			struct pollfd p = {fd, POLLIN, 0};

			while (!stop) {
				poll(&p, 1, 10);
				w.serve();
			}
		});

		try {
			ring::options opts;

			opts.whence = RING_HEAD;
			publish(w, 1, 3);
			ring::reader all(std::string("cxx")), fresh("cxx", opts);
			ring::batch b;
			struct pollfd p = {fresh.fd(), POLLIN, 0};

			CHECK(!poll(&p, 1, 0));
			publish(w, 4, 4);
			CHECK(poll(&p, 1, 60000) == 1);
			CHECK(fresh.read(b) == ring::status::ok && b.size() == 1);
			check_event(b[0], 4);
			CHECK(all.read(b) == ring::status::ok && b.size() == 4);
			CHECK(std::string(all.info().name) == "cxx" && all.info().nr_rings == 1);
			all.seek(RING_SEQ, 2);
			CHECK(all.read(b) == ring::status::ok && b.size() == 3);
			check_event(b[0], 2);
			CHECK(all.newest(b) == ring::status::ok && b.size() == 1);
			check_event(b[0], 4);
			// Within a minute of the wall clock.
			const auto off = std::chrono::system_clock::now() -
					 all.wall_time(b[0].ts_ns());
			CHECK(off > -1min && off < 1min);
			all.set_wakeup(2);
			publish(w, 5, 5);
			CHECK(all.wait(0ms) == ring::status::timeout);
			publish(w, 6, 6);
			CHECK(all.wait(1min) == ring::status::ok);
			all.set_filter(nullptr);
			THROWS(all.seek(RING_SEQ, 100), ERANGE);
			THROWS(w.listen("other"), EALREADY);
		} catch (...) {
			stop = true;
			server.join();
			throw;
		}
		stop = true;
		server.join();
	}
	CHECK(!rmdir(dir));
}

// RING_FOLLOW: the loop stops when the reader gets its ring, and goes on after that.
static void follows()
{
	char dir[] = "/tmp/ring-cxx.XXXXXX";

	CHECK(mkdtemp(dir) && !setenv("RINGDIR", dir, 1));
	{
		ring::options opts;

		opts.flags = RING_FOLLOW | RING_NONBLOCK;
		ring::reader r("later", opts);
		auto records = r.records(60s);
		ring::batch b;

		CHECK(r.read(b) == ring::status::none);
		THROWS(r.info(), EAGAIN);
		ring::writer w = make();
		w.listen("later");
		publish(w, 1, 2);
		std::atomic<bool> stop = false;
		std::thread server([&] {
			for (; !stop; std::this_thread::sleep_for(10ms))
				w.serve();
		});
		std::uint64_t n = 0;

		for (const ring::record &rec : records)
			check_event(rec, ++n);
		const ring::status first = records.why();

		for (const ring::record &rec : records) {
			check_event(rec, ++n);
			if (n == 2)
				break;
		}
		stop = true;
		server.join();
		CHECK(first == ring::status::changed && n == 2);
	}
	CHECK(!rmdir(dir));
}

static void errors()
{
	ring::writer_options bad;
	ring::batch none(0);
	ring::writer w = make();
	ring::reader r(w.fds());

	THROWS(ring::reader("/nonexistent/ring"), ENOENT);
	THROWS(ring::reader(std::string("a b")), EINVAL);
	THROWS(ring::reader::from_fd(-1), EBADF);
	THROWS(ring::reader(ring_fds{-1, -1, -1}), EBADF);
	THROWS(ring::writer(bad), EINVAL);
	THROWS(r.read(none), EINVAL);
	THROWS(w.publish(1, 1u, 5), ENOENT);
	THROWS(w.serve(), EINVAL);
	THROWS(w.adopt(), EINVAL);
	ring::batch b;
	THROWS(r.newest(b, 3), ENOENT);
	CHECK(r.newest(b) == ring::status::none && b.empty());
}

// By the memfd alone there are no means to sleep.
static void memfd()
{
	ring::writer w = make();
	ring::reader r = ring::reader::from_fd(w.fds().ring);
	ring::batch b;

	publish(w, 1, 1);
	CHECK(r.read(b) == ring::status::ok);
	check_event(b[0], 1);
	THROWS(r.wait(), EOPNOTSUPP);
	THROWS(r.fd(), EOPNOTSUPP);
}

#ifdef __cpp_lib_span
static void spans()
{
	ring::writer w = make();
	ring::reader r(w.fds());
	ring::batch b;
	const std::array<std::byte, 3> data = {std::byte{1}, std::byte{2}, std::byte{3}};

	w.publish(1, std::span<const std::byte>(data));
	CHECK(r.read(b) == ring::status::ok);
	std::span<const std::byte> s = b[0].payload();
	CHECK(s.size() == 3 && s[2] == std::byte{3});
}
#endif

// Nanoseconds of one drain of the ring; the sum keeps the payloads' bytes in use.
template<class Fn>
static double drain_ns(ring::reader &r, std::uint64_t *sum, const Fn &drain)
{
	r.seek(RING_OLDEST);
	const auto start = std::chrono::steady_clock::now();

	drain(sum);
	return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
		.count();
}

static double median(std::vector<double> &v)
{
	std::sort(v.begin(), v.end());
	return v[v.size() / 2];
}

// Batches cost what they cost in C. Asked up to five times: other work may slow one side.
static void cost()
{
	constexpr unsigned int RECORDS = 20000, ROUNDS = 41;
	ring::writer w = make(1 << 20);
	ring::reader r(w.fds());
	ring::batch b;
	std::vector<struct ring_record> recs(ring::batch::DEFAULT_RECORDS);
	std::vector<std::uint64_t> buf(ring::batch::DEFAULT_BYTES / 8);
	const auto in_c = [&](std::uint64_t *sum) {
		unsigned int nr, i;

		while (!ring_read_batch(r.get(), recs.data(), ring::batch::DEFAULT_RECORDS,
					buf.data(), buf.size() * 8, &nr))
			for (i = 0; i < nr; i++)
				*sum += *static_cast<const std::uint64_t *>(recs[i].payload);
	};
	const auto in_cxx = [&](std::uint64_t *sum) {
		while (r.read(b) == ring::status::ok)
			for (const ring::record &rec : b)
				*sum += rec.as<std::uint64_t>().value_or(0);
	};
	double c = 0, cxx = 0;

	publish(w, 1, RECORDS);
	for (int tries = 0; tries < 5; tries++) {
		std::uint64_t sum_c = 0, sum_cxx = 0;
		std::vector<double> ns_c, ns_cxx;

		for (unsigned int i = 0; i < ROUNDS; i++) {
			ns_c.push_back(drain_ns(r, &sum_c, in_c));
			ns_cxx.push_back(drain_ns(r, &sum_cxx, in_cxx));
		}
		CHECK(sum_c == ROUNDS * (RECORDS * (RECORDS + 1ull) / 2) && sum_cxx == sum_c);
		c = median(ns_c) / RECORDS;
		cxx = median(ns_cxx) / RECORDS;
		std::printf("# nanoseconds a record, C %.1f, C++ %.1f: %.2f\n", c, cxx, cxx / c);
		if (cxx <= 1.15 * c)
			return;
	}
	CHECK(cxx <= 1.15 * c);
}

int main(int argc, char **argv)
{
	test("batches", batches);
	test("cut", cut);
	test("range", range);
	test("range_timeout", range_timeout);
	test("longest", longest);
	test("losses", losses);
	test("woken", woken);
	test("signals", signals);
	test("moves", moves);
	test("reservations", reservations);
	test("serves", serves);
	test("follows", follows);
	test("errors", errors);
	test("memfd", memfd);
#ifdef __cpp_lib_span
	test("spans", spans);
#endif
	// Only of an optimized build without a sanitizer.
	if (argc > 1 && std::string(argv[1]) == "--cost")
		test("cost", cost);
	return failed;
}
