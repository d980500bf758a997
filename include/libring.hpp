/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * libring for C++17. Link with -lring. libring.h describes the concepts, and each function here
 * names the one of libring.h that it calls: what that page says of threads, sleep and order holds.
 * All functions are inline, so a program depends on no C++ ABI of the library.
 *
 *	ring::reader r("sched");
 *	auto records = r.records();
 *
 *	for (const ring::record &rec : records)
 *		std::printf("%llu: type %u\n", (unsigned long long)rec.seq(), rec.type());
 *
 * Errors are exceptions of the type ring::error. What happens in the normal life of a reader is no
 * error: a ring::status tells that there is nothing to read now, or that the ring has ended.
 *
 * Objects own what they opened, can be moved, and cannot be copied. A function of an object that
 * was moved from may not be called, except its destructor and assignment to it.
 */
#ifndef LIBRING_HPP
#define LIBRING_HPP

#include <libring.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<span>) && __cplusplus >= 202002L
#include <span>
#endif

namespace ring {

/**
 * error - a function of libring failed
 *
 * code() is the errno in std::generic_category(). what() has ring_strerror()'s sentence.
 */
class error : public std::system_error {
public:
	/* Right after the failed call, in the thread that made it. @rc: what it returned. */
	explicit error(int rc)
		: std::system_error(-rc, std::generic_category(), ring_strerror())
	{
	}
};

namespace detail {

/* Throws unless @rc is 0. */
inline void check(int rc)
{
	if (rc)
		throw error(rc);
}

/* Durations as the library counts them: up, so that a wait is never too short. */
template<class Rep, class Period>
int milliseconds(std::chrono::duration<Rep, Period> d)
{
	const auto ms = std::chrono::ceil<std::chrono::milliseconds>(d).count();

	return ms < 0 ? 0 : ms > 0x7fffffff ? 0x7fffffff : static_cast<int>(ms);
}

} // namespace detail

/* What a call found, other than a failure. */
enum class status {
	ok,	  /* records, or the watermark is met */
	none,	  /* nothing to read now */
	ended,	  /* nothing is left, and the writer is gone: reader::stats().end says how */
	changed,  /* RING_FOLLOW, RING_NONBLOCK: the reader got its ring, or the next one */
	timeout,  /* the time is over */
	woken,	  /* reader::wake() was called */
	signaled, /* a signal came */
};

/**
 * bytes - a view of bytes that somebody else owns, as std::span<const std::byte> of C++20 is
 *
 * In C++20 each converts to the other.
 */
class bytes {
public:
	constexpr bytes() noexcept = default;
	constexpr bytes(const std::byte *data, std::size_t size) noexcept
		: data_(data), size_(size)
	{
	}
	bytes(const void *data, std::size_t size) noexcept
		: data_(static_cast<const std::byte *>(data)), size_(size)
	{
	}
#ifdef __cpp_lib_span
	constexpr bytes(std::span<const std::byte> s) noexcept : data_(s.data()), size_(s.size())
	{
	}
#endif

	constexpr const std::byte *data() const noexcept
	{
		return data_;
	}
	constexpr std::size_t size() const noexcept
	{
		return size_;
	}
	constexpr bool empty() const noexcept
	{
		return !size_;
	}
	constexpr const std::byte *begin() const noexcept
	{
		return data_;
	}
	constexpr const std::byte *end() const noexcept
	{
		return data_ + size_;
	}
	/* @i: less than size(), which is not checked. */
	constexpr std::byte operator[](std::size_t i) const noexcept
	{
		return data_[i];
	}

	/*
	 * Copies an object out that begins at the byte @offset. Return: nothing: the bytes are too
	 * few. More of them are allowed: a later version of a program may add fields at the end.
	 */
	template<class T>
	std::optional<T> as(std::size_t offset = 0) const
	{
		static_assert(std::is_trivially_copyable_v<T>, "the bytes of the record are copied");
		T value;

		if (offset > size_ || size_ - offset < sizeof(T))
			return std::nullopt;
		std::memcpy(&value, data_ + offset, sizeof(T));
		return value;
	}

private:
	const std::byte *data_ = nullptr;
	std::size_t size_ = 0;
};

/**
 * record - one record; see struct ring_record
 *
 * It owns nothing: what gave it says how long its payload is valid. Copy what you keep.
 */
class record {
public:
	constexpr record() noexcept = default;
	constexpr explicit record(const struct ring_record &rec, std::size_t copied) noexcept
		: rec_(rec), copied_(copied)
	{
	}

	constexpr std::uint64_t seq() const noexcept
	{
		return rec_.seq;
	}
	constexpr std::uint64_t ts_ns() const noexcept
	{
		return rec_.ts_ns;
	}
	/* Records of the same ring that were lost between the one read before and this one. */
	constexpr std::uint64_t lost() const noexcept
	{
		return rec_.lost;
	}
	constexpr std::uint16_t type() const noexcept
	{
		return rec_.type;
	}
	/* Number of its ring in the device, from 0. */
	constexpr std::uint32_t ring() const noexcept
	{
		return rec_.ring;
	}
	bytes payload() const noexcept
	{
		return {rec_.payload, copied_};
	}
	/* Bytes of the payload in the ring, also if the buffer had room for fewer. */
	constexpr std::uint32_t length() const noexcept
	{
		return rec_.len;
	}
	/* payload().as<T>(). */
	template<class T>
	std::optional<T> as() const
	{
		return payload().as<T>();
	}

private:
	struct ring_record rec_ = {};
	std::size_t copied_ = 0;
};

/**
 * batch - room for records, to be filled again and again
 *
 * The records, and their payloads, are valid until the batch is filled again or destroyed.
 */
class batch {
public:
	static constexpr unsigned int DEFAULT_RECORDS = 256;
	static constexpr std::size_t DEFAULT_BYTES = 1 << 16;

	/*
	 * @records: how many at most, at least 1.
	 * @bytes: room for their payloads. Only a first payload that is longer is cut.
	 */
	explicit batch(unsigned int records = DEFAULT_RECORDS, std::size_t bytes = DEFAULT_BYTES)
		: recs_(records), buf_((bytes + 7) / 8)
	{
	}

	class iterator {
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = record;
		using difference_type = std::ptrdiff_t;
		using pointer = void;
		using reference = record;

		constexpr iterator() noexcept = default;
		record operator*() const noexcept
		{
			return (*batch_)[i_];
		}
		iterator &operator++() noexcept
		{
			i_++;
			return *this;
		}
		iterator operator++(int) noexcept
		{
			iterator old = *this;

			i_++;
			return old;
		}
		constexpr bool operator==(const iterator &o) const noexcept
		{
			return i_ == o.i_;
		}
		constexpr bool operator!=(const iterator &o) const noexcept
		{
			return i_ != o.i_;
		}

	private:
		friend class batch;
		constexpr iterator(const batch *b, unsigned int i) noexcept : batch_(b), i_(i)
		{
		}
		const batch *batch_ = nullptr;
		unsigned int i_ = 0;
	};

	iterator begin() const noexcept
	{
		return {this, 0};
	}
	iterator end() const noexcept
	{
		return {this, nr_};
	}
	unsigned int size() const noexcept
	{
		return nr_;
	}
	bool empty() const noexcept
	{
		return !nr_;
	}
	/* @i: less than size(), which is not checked. */
	record operator[](unsigned int i) const noexcept
	{
		const struct ring_record &rec = recs_[i];
		const std::size_t room = buf_.size() * 8;

		return record(rec, rec.len < room ? rec.len : room);
	}

private:
	friend class reader;
	std::vector<struct ring_record> recs_;
	std::vector<std::uint64_t> buf_;
	unsigned int nr_ = 0;
};

/**
 * options - struct ring_open_opts, with its size filled and all else 0
 *
 *	ring::options opts;
 *	opts.whence = RING_HEAD;
 */
struct options : ring_open_opts {
	options() noexcept : ring_open_opts()
	{
		size = sizeof(ring_open_opts);
	}
};

/* As options, of ring_writer_opts: data_size has to be set. */
struct writer_options : ring_writer_opts {
	writer_options() noexcept : ring_writer_opts()
	{
		size = sizeof(ring_writer_opts);
	}
};

class record_range;

/**
 * reader - reads a ring; one thread at a time, as struct ring_reader
 */
class reader {
public:
	/* ring_open(). */
	explicit reader(const char *where, const options &opts = {})
	{
		struct ring_reader *r;

		detail::check(ring_open(where, &opts, &r));
		r_.reset(r);
	}
	explicit reader(const std::string &where, const options &opts = {})
		: reader(where.c_str(), opts)
	{
	}
	/* ring_open_fds(). */
	explicit reader(const ring_fds &fds, const options &opts = {})
	{
		struct ring_reader *r;

		detail::check(ring_open_fds(&fds, &opts, &r));
		r_.reset(r);
	}
	/* ring_open_fd(). */
	static reader from_fd(int fd, const options &opts = {})
	{
		struct ring_reader *r;

		detail::check(ring_open_fd(fd, &opts, &r));
		return reader(r);
	}
	/* Takes a reader of the C API over: it is closed with this object. */
	explicit reader(struct ring_reader *r) noexcept : r_(r)
	{
	}

	/* For calls of the C API. It stays this object's. */
	struct ring_reader *get() const noexcept
	{
		return r_.get();
	}

	/*
	 * ring_read_batch(). Return: status::ok, and @b has at least one record; otherwise @b is
	 * empty: none, ended, changed. A writer that overruns the reader all the time (-EPIPE)
	 * counts as none: wait() returns at once then.
	 */
	status read(batch &b)
	{
		b.nr_ = 0;
		return outcome(ring_read_batch(r_.get(), b.recs_.data(),
					       static_cast<unsigned int>(b.recs_.size()),
					       b.buf_.data(), b.buf_.size() * 8, &b.nr_));
	}

	/*
	 * The records, for a range-based for: it sleeps when there are none. The range belongs to
	 * this reader, which may not be moved or destroyed before it.
	 *
	 * @timeout: how long to sleep at most for the next record; the default is no limit.
	 */
	record_range records();
	template<class Rep, class Period>
	record_range records(std::chrono::duration<Rep, Period> timeout);

	/* ring_wait() without a limit. Return: ok, ended, woken, signaled. */
	status wait()
	{
		return outcome(ring_wait(r_.get(), -1));
	}
	/* ring_wait(). Return: as wait(), or timeout. */
	template<class Rep, class Period>
	status wait(std::chrono::duration<Rep, Period> timeout)
	{
		return outcome(ring_wait(r_.get(), detail::milliseconds(timeout)));
	}
	/* ring_wake(): any thread, also a signal handler. */
	void wake() noexcept
	{
		ring_wake(r_.get());
	}
	/* ring_fd(): the descriptor stays the reader's. */
	int fd()
	{
		int fd;

		detail::check(ring_fd(r_.get(), &fd));
		return fd;
	}
	/* ring_set_wakeup(). 0: no such limit. */
	void set_wakeup(std::uint64_t records, std::uint64_t bytes = 0,
			std::chrono::nanoseconds timeout = std::chrono::nanoseconds(0))
	{
		detail::check(ring_set_wakeup(r_.get(), records, bytes,
					      static_cast<std::uint64_t>(timeout.count())));
	}
	/* ring_seek(). */
	void seek(enum ring_whence whence, std::uint64_t value = 0)
	{
		detail::check(ring_seek(r_.get(), whence, value));
	}
	/* ring_set_filter(): the filter is copied. nullptr: none any more. */
	void set_filter(const struct ring_filter *f)
	{
		detail::check(ring_set_filter(r_.get(), f));
	}
	/*
	 * ring_newest(): a consistent snapshot of shared state, in the first record of @b. Return:
	 * ok, none, ended.
	 */
	status newest(batch &b, unsigned int ring = 0)
	{
		const int rc = ring_newest(r_.get(), ring, b.recs_.data(), b.buf_.data(),
					   b.buf_.size() * 8);

		b.nr_ = !rc;
		return outcome(rc);
	}
	/* ring_wall_time(). */
	std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>
	wall_time(std::uint64_t ts_ns)
	{
		std::uint64_t ns;

		detail::check(ring_wall_time(r_.get(), ts_ns, &ns));
		return std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>(
			std::chrono::nanoseconds(ns));
	}
	/* ring_info(). */
	struct ring_info info() const
	{
		struct ring_info info = {};

		info.size = sizeof(info);
		detail::check(::ring_info(r_.get(), &info));
		return info;
	}
	/* ring_stats(). */
	struct ring_stats stats() const
	{
		struct ring_stats stats = {};

		stats.size = sizeof(stats);
		detail::check(::ring_stats(r_.get(), &stats));
		return stats;
	}

private:
	friend class record_range;
	struct closer {
		void operator()(struct ring_reader *r) const noexcept
		{
			ring_close(r);
		}
	};

	static status outcome(int rc)
	{
		switch (rc) {
		case 0:
			return status::ok;
		case -EAGAIN:
		case -EPIPE:
			return status::none;
		case -ENODEV:
			return status::ended;
		case -EREMCHG:
			return status::changed;
		case -ETIMEDOUT:
			return status::timeout;
		case -ECANCELED:
			return status::woken;
		case -EINTR:
			return status::signaled;
		}
		throw error(rc);
	}

	std::unique_ptr<struct ring_reader, closer> r_;
};

/**
 * record_range - the records of a reader, one after the other, as they come
 *
 * A single pass: begin() goes on where the loop before it left off. A record and its payload are
 * valid until the next step of the loop. It reads one record at a time, so a loop that is left
 * early leaves the others to the reader. A batch is faster.
 */
class record_range {
public:
	struct sentinel {};

	class iterator {
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = record;
		using difference_type = std::ptrdiff_t;
		using pointer = const record *;
		using reference = const record &;

		const record &operator*() const noexcept
		{
			return range_->current_;
		}
		const record *operator->() const noexcept
		{
			return &range_->current_;
		}
		iterator &operator++()
		{
			range_->next();
			return *this;
		}
		void operator++(int)
		{
			range_->next();
		}
		friend bool operator==(const iterator &i, sentinel) noexcept
		{
			return i.range_->why() != status::ok;
		}
		friend bool operator!=(const iterator &i, sentinel) noexcept
		{
			return i.range_->why() == status::ok;
		}

	private:
		friend class record_range;
		explicit iterator(record_range *range) noexcept : range_(range)
		{
		}
		record_range *range_;
	};

	iterator begin()
	{
		grow();
		next();
		return iterator(this);
	}
	sentinel end() const noexcept
	{
		return {};
	}
	/*
	 * Why the loop is over: ended, timeout, woken, signaled, or changed: then ask info() again,
	 * and begin another loop. ok: it is not.
	 */
	status why() const noexcept
	{
		return why_;
	}

private:
	friend class reader;
	record_range(reader &r, int timeout_ms) : reader_(&r), timeout_ms_(timeout_ms)
	{
	}

	/* Gets room for the longest payload. The next ring of a name may have longer ones. */
	void grow()
	{
		struct ring_info info = {};

		info.size = sizeof(info);
		/* Without a ring yet, the first thing that the loop sees is status::changed. */
		if (::ring_info(reader_->get(), &info) || info.payload_max <= room_)
			return;
		/* Not filled with zeroes: what no record uses takes no memory. */
		buf_.reset(new unsigned char[info.payload_max]);
		room_ = info.payload_max;
	}

	void next()
	{
		struct ring_record rec;

		while ((why_ = reader::outcome(ring_read(reader_->get(), &rec, buf_.get(),
							 room_))) == status::none) {
			why_ = timeout_ms_ < 0
				       ? reader_->wait()
				       : reader_->wait(std::chrono::milliseconds(timeout_ms_));
			if (why_ != status::ok)
				return;
		}
		if (why_ == status::ok)
			current_ = record(rec, rec.len < room_ ? rec.len : room_);
	}

	reader *reader_;
	std::unique_ptr<unsigned char[]> buf_;
	std::size_t room_ = 0;
	record current_;
	status why_ = status::ok;
	int timeout_ms_;
};

inline record_range reader::records()
{
	return record_range(*this, -1);
}

template<class Rep, class Period>
record_range reader::records(std::chrono::duration<Rep, Period> timeout)
{
	return record_range(*this, detail::milliseconds(timeout));
}

class writer;

/**
 * reservation - room in the ring; without commit() it is given up
 */
class reservation {
public:
	reservation(reservation &&o) noexcept
		: w_(std::exchange(o.w_, nullptr)), data_(o.data_), size_(o.size_), ring_(o.ring_)
	{
	}
	reservation &operator=(reservation &&) = delete;
	~reservation()
	{
		if (w_)
			ring_writer_discard(w_, ring_);
	}

	/* Bytes in the ring, 8-byte aligned, which contain old data. */
	void *data() const noexcept
	{
		return data_;
	}
	std::size_t size() const noexcept
	{
		return size_;
	}
	/* ring_writer_commit(). The reservation is used up. */
	void commit(std::uint16_t type)
	{
		detail::check(ring_writer_commit(std::exchange(w_, nullptr), ring_, type));
	}

private:
	friend class writer;
	reservation(struct ring_writer *w, unsigned int ring, void *data, std::size_t size) noexcept
		: w_(w), data_(data), size_(size), ring_(ring)
	{
	}

	struct ring_writer *w_;
	void *data_;
	std::size_t size_;
	unsigned int ring_;
};

/**
 * writer - writes a ring of this process; its destructor ends the ring
 */
class writer {
public:
	/* ring_writer_create(). */
	explicit writer(const writer_options &opts)
	{
		struct ring_writer *w;

		detail::check(ring_writer_create(&opts, &w));
		w_.reset(w);
	}

	struct ring_writer *get() const noexcept
	{
		return w_.get();
	}

	/* ring_writer_publish(). */
	void publish(std::uint16_t type, bytes payload, unsigned int ring = 0)
	{
		detail::check(ring_writer_publish(w_.get(), ring, type, payload.data(),
						  payload.size()));
	}
	/* The bytes of @value, with what lies between its fields: fill that, or leave no gaps. */
	template<class T, class = std::enable_if_t<std::is_trivially_copyable_v<T> &&
						   !std::is_convertible_v<const T &, bytes> &&
						   !std::is_pointer_v<T>>>
	void publish(std::uint16_t type, const T &value, unsigned int ring = 0)
	{
		publish(type, bytes(static_cast<const void *>(&value), sizeof(value)), ring);
	}
	/* ring_writer_reserve(). It may not outlive the writer. */
	reservation reserve(std::size_t size, unsigned int ring = 0)
	{
		void *data;

		detail::check(ring_writer_reserve(w_.get(), ring, size, &data));
		return reservation(w_.get(), ring, data, size);
	}
	/* ring_writer_listen(). Return: a descriptor that is readable when serve() has work. */
	int listen(const char *where)
	{
		int fd;

		detail::check(ring_writer_listen(w_.get(), where, &fd));
		return fd;
	}
	int listen(const std::string &where)
	{
		return listen(where.c_str());
	}
	/* ring_writer_serve(). */
	void serve()
	{
		detail::check(ring_writer_serve(w_.get()));
	}
	/* ring_writer_adopt(): in a child that goes on with a writer that it inherited. */
	void adopt()
	{
		detail::check(ring_writer_adopt(w_.get()));
	}
	/* ring_writer_fds(): for reader(fds). They stay the writer's. */
	ring_fds fds() const
	{
		ring_fds fds;

		detail::check(ring_writer_fds(w_.get(), &fds));
		return fds;
	}

private:
	struct closer {
		void operator()(struct ring_writer *w) const noexcept
		{
			ring_writer_close(w);
		}
	};

	std::unique_ptr<struct ring_writer, closer> w_;
};

} // namespace ring

#endif /* LIBRING_HPP */
