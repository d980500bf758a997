// SPDX-License-Identifier: GPL-2.0-only
/* How a record looks in text and in JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "decode.h"

static const char hex_digits[] = "0123456789abcdef";

size_t print_hex(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i;

	for (i = 0; i < n; i++) {
		*dst++ = hex_digits[p[i] >> 4];
		*dst++ = hex_digits[p[i] & 15];
	}
	return 2 * n;
}

/* Characters that move the cursor, turn the writing direction or do not show. */
static bool hidden(uint32_t c)
{
	return c < 0xa0 || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfdd0 && c <= 0xfdef) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

/* Bytes of the printable UTF-8 character at @p, 0 when there is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || hidden(c) ? 0 : len;
}

size_t escape_text(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	char *start = dst;
	size_t i = 0, len;

	while (i < n) {
		unsigned char c = p[i];

		len = c < 0x80 ? 0 : utf8(p + i, n - i);
		if (len) {
			memcpy(dst, p + i, len);
			dst += len;
			i += len;
			continue;
		}
		i++;
		if (c >= 0x20 && c < 0x7f && c != '\\') {
			*dst++ = (char)c;
			continue;
		}
		*dst++ = '\\';
		if (c == '\\') {
			*dst++ = '\\';
		} else if (c == '\n') {
			*dst++ = 'n';
		} else if (c == '\t') {
			*dst++ = 't';
		} else if (c == '\r') {
			*dst++ = 'r';
		} else {
			*dst++ = 'x';
			dst += print_hex(dst, &c, 1);
		}
	}
	return (size_t)(dst - start);
}

static void raw_text(struct out *o, const struct ring_record *rec, bool full)
{
	size_t nhex = rec->len, ntext = rec->len;
	char *p;

	if (!full && nhex > HEX_SHORT)
		nhex = HEX_SHORT;
	if (!full && ntext > TEXT_SHORT)
		ntext = TEXT_SHORT;

	/* No overflow: payloads are below 2^28 bytes, see SEQRING_PAYLOAD_MAX. */
	p = out_room(o, 2 * nhex + 4 * ntext + sizeof("... | ..."));
	if (!p)
		return;
	p += print_hex(p, rec->payload, nhex);
	p = stpcpy(p, nhex < rec->len ? "... | " : " | ");
	p += escape_text(p, rec->payload, ntext);
	if (ntext < rec->len)
		p = stpcpy(p, "...");
	o->len = (size_t)(p - o->buf);
}

void record_text(struct out *o, const struct ring_record *rec, const struct decoder *d, bool full)
{
	int err;

	if (rec->lost)
		out_printf(o, "[%u] -- %llu records lost --\n", rec->ring,
			   (unsigned long long)rec->lost);
	out_printf(o, "[%u] %llu %llu.%09llu ", rec->ring, (unsigned long long)rec->seq,
		   (unsigned long long)(rec->ts_ns / NSEC_PER_SEC),
		   (unsigned long long)(rec->ts_ns % NSEC_PER_SEC));
	err = d ? decode_text(d, rec, full, o) : -ENOENT;
	if (err) {
		out_printf(o, "%u %u  ", rec->type, rec->len);
		if (d)
			out_printf(o, "(%s)  ", ring_strerror());
		raw_text(o, rec, full);
	}
	out_bytes(o, "\n", 1);
}

int json_add(struct json_object *obj, const char *key, struct json_object *val)
{
	if (!val)
		return -1;
	if (!json_object_object_add_ex(obj, key, val,
				       JSON_C_OBJECT_ADD_KEY_IS_NEW |
					       JSON_C_OBJECT_ADD_CONSTANT_KEY))
		return 0;
	json_object_put(val);
	return -1;
}

static struct json_object *json_in(size_t (*form)(char *, const void *, size_t), size_t room,
				   const void *p, size_t n)
{
	struct json_object *val;
	char small[256], *buf = small;

	if (n * room > sizeof(small))
		buf = malloc(n * room);
	if (!buf)
		return NULL;
	/* Of no bytes form() makes nothing. */
	buf[0] = '\0';
	val = json_object_new_string_len(buf, (int)form(buf, p, n));
	if (buf != small)
		free(buf);
	return val;
}

struct json_object *json_hex(const void *p, size_t n)
{
	return json_in(print_hex, 2, p, n);
}

struct json_object *json_text(const void *p, size_t n)
{
	return json_in(escape_text, 4, p, n);
}

/* The payload by its fields, or as it is, and why. */
static int add_payload(struct json_object *obj, const struct ring_record *rec,
		       const struct decoder *d)
{
	int err = d ? decode_json(d, rec, obj) : -ENOENT;

	if (!err || err == -ENOMEM)
		return err;
	if (json_add(obj, "hex", json_hex(rec->payload, rec->len)) ||
	    json_add(obj, "text", json_text(rec->payload, rec->len)))
		return -1;
	return d ? json_add(obj, "error", json_object_new_string(ring_strerror())) : 0;
}

void record_json(struct out *o, const struct ring_record *rec, const struct decoder *d)
{
	struct json_object *obj = json_object_new_object();
	const char *s = NULL;
	size_t len = 0;

	if (obj && !json_add(obj, "seq", json_object_new_uint64(rec->seq)) &&
	    !json_add(obj, "ring", json_object_new_uint64(rec->ring)) &&
	    !json_add(obj, "ts_ns", json_object_new_uint64(rec->ts_ns)) &&
	    !json_add(obj, "type", json_object_new_uint64(rec->type)) &&
	    !json_add(obj, "len", json_object_new_uint64(rec->len)) &&
	    !json_add(obj, "lost", json_object_new_uint64(rec->lost)) && !add_payload(obj, rec, d))
		s = json_object_to_json_string_length(obj,
						      JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE,
						      &len);
	if (s) {
		out_bytes(o, s, len);
		out_bytes(o, "\n", 1);
	} else if (!o->err) {
		o->err = -ENOMEM;
	}
	json_object_put(obj);
}
