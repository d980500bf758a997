// SPDX-License-Identifier: GPL-2.0-only
/* ringctl doctor: what several checks need. */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

void finding_set(struct finding *f, enum finding_state state, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void finding_fix(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
}

int read_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	int err;

	*buf = '\0';
	if (!file)
		return -errno;
	errno = 0;
	err = fgets(buf, (int)size, file) || !ferror(file) ? 0 : -errno;
	fclose(file);
	buf[strcspn(buf, "\n")] = '\0';
	return err;
}

int read_lockdown(char *buf, size_t size)
{
	char line[128], *begin;
	const int err = read_line("/sys/kernel/security/lockdown", line, sizeof(line));

	*buf = '\0';
	if (err)
		return err;
	begin = strchr(line, '[');
	if (!begin)
		return -EPROTO;
	begin[1 + strcspn(begin + 1, "]")] = '\0';
	snprintf(buf, size, "%s", begin + 1);
	return 0;
}

bool has_capability(unsigned int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[cap / 32].effective & 1u << cap % 32;
}
