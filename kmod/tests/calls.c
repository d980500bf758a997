// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the kernel API that no other test makes: times of the caller's own, gathered payloads,
 * readers in the kernel, and devices that end with a driver. For the test driver, and for KUnit.
 */

#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "calls.h"

/* Says where a test failed, which a return value does not. */
static bool failed(bool good, const char *function, const char *what)
{
	if (!good)
		pr_err("%s: false: %s\n", function, what);
	return !good;
}

#define FAILED(cond) failed(cond, __func__, #cond)

/* A reader for each ring, since a record may be on any CPU's. */
struct readers {
	u32 nr;
	struct seqring_kreader kr[];
};

static void close_all(struct readers *all)
{
	u32 i;

	for (i = 0; all && i < all->nr; i++)
		seqring_kreader_close(&all->kr[i]);
	kfree(all);
}

static struct readers *open_all(struct seqring_device *sdev)
{
	u32 nr = seqring_nr_rings(sdev);
	struct readers *all = kzalloc(struct_size(all, kr, nr), GFP_KERNEL);

	while (all && all->nr < nr) {
		if (seqring_kreader_open(sdev, all->nr, &all->kr[all->nr]) ||
		    seqring_reader_seek_head(&all->kr[all->nr++].r)) {
			close_all(all);
			return NULL;
		}
	}
	return all;
}

/* The next record of any ring. Return: as seqring_kreader_read(). */
static int next_of(struct readers *all, struct seqring_view *v, void *buf, u32 size)
{
	int ret = -EAGAIN;
	u32 i;

	for (i = 0; i < all->nr && ret == -EAGAIN; i++)
		ret = seqring_kreader_read(&all->kr[i], v, buf, size);
	return ret;
}

static int with_readers(struct seqring_device *sdev,
			int (*test)(struct seqring_device *sdev, struct readers *all, bool nests),
			bool nests)
{
	struct readers *all = open_all(sdev);
	int err;

	if (!all)
		return -ENOMEM;
	/* All records of a test are in one ring. */
	migrate_disable();
	err = test(sdev, all, nests);
	migrate_enable();
	close_all(all);
	return err;
}

static int times(struct seqring_device *sdev, struct readers *all, bool nests)
{
	struct seqring_resv resv;
	struct seqring_view v;
	u64 buf, now;

	if (FAILED(!seqring_publish(sdev, 1, "now", 3)))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns))
		return -EPROTO;
	now = v.ts_ns;
	/* A time after the last is kept, one before it is raised. */
	if (FAILED(!seqring_publish_at(sdev, 2, now + 5, "later", 5)))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, &buf, sizeof(buf))))
		return -EPROTO;
	if (FAILED(v.ts_ns == now + 5 && v.type == 2 && v.len == 5 && !memcmp(&buf, "later", 5)))
		return -EPROTO;
	if (FAILED(!seqring_publish_at(sdev, 2, now, "early", 5)))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 5))
		return -EPROTO;
	if (FAILED(!seqring_reserve(sdev, 8, &resv)))
		return -EPROTO;
	memset(resv.data, 1, 8);
	seqring_commit_at(&resv, 3, now + 7);
	if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 7 && v.type == 3))
		return -EPROTO;
	if (FAILED(!seqring_reserve(sdev, 8, &resv)))
		return -EPROTO;
	memset(resv.data, 1, 8);
	seqring_commit_at(&resv, 3, 1);
	if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 7))
		return -EPROTO;
	if (FAILED(seqring_publish_at(sdev, 1, now, NULL, U32_MAX) == -EMSGSIZE))
		return -EPROTO;
	if (!nests)
		return 0;
	/* Nested in a record with a later time, and in one with an earlier one. */
	if (!seqring_reserve(sdev, 8, &resv)) {
		int ret = seqring_publish_at(sdev, 4, now + 100, "nested", 6);

		memset(resv.data, 1, 8);
		seqring_commit_at(&resv, 3, now + 50);
		if (FAILED(!ret && !next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 50))
			return -EPROTO;
		if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 100 &&
			   v.type == 4))
			return -EPROTO;
	}
	if (!seqring_reserve(sdev, 8, &resv)) {
		int ret = seqring_publish_at(sdev, 4, now + 150, "nested", 6);

		memset(resv.data, 1, 8);
		seqring_commit_at(&resv, 3, now + 200);
		if (FAILED(!ret && !next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 200))
			return -EPROTO;
		if (FAILED(!next_of(all, &v, &buf, sizeof(buf)) && v.ts_ns == now + 200 &&
			   v.type == 4))
			return -EPROTO;
	}
	return 0;
}

int test_call_times(struct seqring_device *sdev, bool nests)
{
	return with_readers(sdev, times, nests);
}

static int pieces(struct seqring_device *sdev, struct readers *all, bool nests)
{
	static const struct seqring_vec vec[] = {
		{ "abc", 3 },
		{ NULL, 0 },
		{ "defghijk", 8 },
		{ "lmnopqrstuvwx", 13 },
	};
	static const struct seqring_vec huge[] = {
		/* The sum of two is 0 in 32 bits. */
		{ "abc", 3 },
		{ NULL, U32_MAX - 2 },
		{ NULL, U64_MAX - 2 },
	};
	struct seqring_resv resv;
	struct seqring_view v;
	char buf[32];
	int ret[3];

	if (FAILED(!seqring_publish_vec(sdev, 5, vec, ARRAY_SIZE(vec))))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, buf, sizeof(buf))))
		return -EPROTO;
	if (FAILED(v.type == 5 && v.len == 24 && !memcmp(buf, "abcdefghijklmnopqrstuvwx", 24)))
		return -EPROTO;
	if (FAILED(!seqring_publish_vec(sdev, 6, NULL, 0)))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, buf, sizeof(buf)) && v.type == 6 && !v.len))
		return -EPROTO;
	if (FAILED(seqring_publish_vec(sdev, 5, huge, 2) == -EMSGSIZE))
		return -EPROTO;
	if (FAILED(seqring_publish_vec(sdev, 5, huge, 3) == -EMSGSIZE))
		return -EPROTO;
	if (!nests)
		return 0;
	if (FAILED(!seqring_reserve(sdev, 0, &resv)))
		return -EPROTO;
	ret[0] = seqring_publish_vec(sdev, 7, vec, ARRAY_SIZE(vec));
	ret[1] = seqring_publish_vec(sdev, 7, huge, 2);
	ret[2] = seqring_publish_vec(sdev, 7, huge, 3);
	seqring_discard(&resv);
	if (FAILED(!ret[0] && ret[1] == -EMSGSIZE && ret[2] == -EMSGSIZE))
		return -EPROTO;
	if (FAILED(!next_of(all, &v, buf, sizeof(buf))))
		return -EPROTO;
	if (FAILED(v.type == 7 && v.len == 24 && !memcmp(buf, "abcdefghijklmnopqrstuvwx", 24)))
		return -EPROTO;
	if (FAILED(next_of(all, &v, buf, sizeof(buf)) == -EAGAIN))
		return -EPROTO;
	return 0;
}

int test_call_pieces(struct seqring_device *sdev, bool nests)
{
	return with_readers(sdev, pieces, nests);
}

static int reading(struct seqring_device *sdev, struct readers *all, bool nests)
{
	struct seqring_kreader none = {};
	u64 n, number, read = 0, lost = 0;
	struct seqring_view v;

	if (FAILED(seqring_kreader_open(sdev, seqring_nr_rings(sdev), &none) == -EINVAL &&
		   !none.sdev))
		return -EPROTO;
	if (FAILED(next_of(all, &v, &number, sizeof(number)) == -EAGAIN))
		return -EPROTO;
	n = 0x1122334455667788;
	if (FAILED(!seqring_publish(sdev, 1, &n, sizeof(n))))
		return -EPROTO;
	number = 0;
	/* A short buffer gets a part, and the length. */
	if (FAILED(!next_of(all, &v, &number, 4) && v.len == 8 && !memcmp(&number, &n, 4)))
		return -EPROTO;
	if (FAILED(!(number >> 32)))
		return -EPROTO;
	/* Far more than a ring holds. */
	for (n = 1; n <= 10000; n++)
		if (FAILED(!seqring_publish(sdev, 1, &n, sizeof(n))))
			return -EPROTO;
	while (!next_of(all, &v, &number, sizeof(number))) {
		read++;
		lost += v.lost;
		if (FAILED(number == read + lost))
			return -EPROTO;
	}
	if (FAILED(lost > 0 && read + lost == 10000))
		return -EPROTO;
	return 0;
}

int test_call_reading(struct seqring_device *sdev, bool nests)
{
	return with_readers(sdev, reading, nests);
}

static struct seqring_device *bound;

static int test_probe_driver(struct platform_device *pdev)
{
	const struct seqring_params params = {
		.name = "test-bound",
		.data_size = SEQRING_DATA_SIZE_MIN,
		.mode = SEQRING_MODE_LOCKED,
	};
	struct seqring_device *other = NULL;
	int err = devm_seqring_create(&pdev->dev, &params, &bound);

	/* The second fails, and the first is not touched. */
	if (!err && (devm_seqring_create(&pdev->dev, &params, &other) != -EEXIST || other))
		err = -EPROTO;
	return err;
}

static struct platform_driver test_driver = {
	.driver.name = "seqring-test-bound",
	.driver.bus = &platform_bus_type,
	.probe = test_probe_driver,
};

/* A device ends with the driver of its parent; a reader finds its last record, and the end. */
int test_call_bound(void)
{
	struct platform_device *pdev;
	struct seqring_kreader kr;
	struct seqring_view v;
	int err, ret[3] = {};
	char buf[8];

	/*
	 * Not by platform_driver_register(), which makes this module the owner: KUnit runs
	 * before the module has a kobject.
	 */
	err = driver_register(&test_driver.driver);
	if (err)
		return err;
	bound = NULL;
	pdev = platform_device_register_simple("seqring-test-bound", PLATFORM_DEVID_NONE, NULL, 0);
	err = PTR_ERR_OR_ZERO(pdev);
	if (!err && bound)
		err = seqring_kreader_open(bound, 0, &kr);
	if (!err && bound)
		ret[0] = seqring_publish(bound, 1, "last", 4);
	if (!IS_ERR(pdev))
		platform_device_unregister(pdev);
	driver_unregister(&test_driver.driver);
	if (err)
		return err;
	if (FAILED(bound))
		return -EPROTO;
	ret[1] = seqring_kreader_read(&kr, &v, buf, sizeof(buf));
	ret[2] = seqring_kreader_read(&kr, &v, buf, sizeof(buf));
	seqring_kreader_close(&kr);
	if (FAILED(!ret[0] && !ret[1] && ret[2] == -ENODEV))
		return -EPROTO;
	return 0;
}
