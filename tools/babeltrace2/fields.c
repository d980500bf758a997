// SPDX-License-Identifier: GPL-2.0-only
/* Fields of records as fields of babeltrace2. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/out.h"
#include "../lib/value.h"
#include "../ringctl/export/ctf.h"
#include "../ringctl/export/utf8.h"
#include "fields.h"

static void set_width(bt_field_class *fc, unsigned int bits, bool hex)
{
	bt_field_class_integer_set_field_value_range(fc, bits);
	if (hex)
		bt_field_class_integer_set_preferred_display_base(
			fc, BT_FIELD_CLASS_INTEGER_PREFERRED_DISPLAY_BASE_HEXADECIMAL);
}

bt_field_class *fields_new_uint(bt_trace_class *tc, unsigned int bits, bool hex)
{
	bt_field_class *fc = bt_field_class_integer_unsigned_create(tc);

	if (fc)
		set_width(fc, bits, hex);
	return fc;
}

static bt_field_class *new_int(bt_trace_class *tc, const struct ring_field *f, bool is_signed)
{
	unsigned int bytes = ctf_int_bytes(f->bits);
	bt_field_class *fc;

	if (!bytes)
		return bt_field_class_string_create(tc);
	if (!is_signed)
		return fields_new_uint(tc, 8 * bytes, f->kind == RING_FIELD_HEX);
	fc = bt_field_class_integer_signed_create(tc);
	if (fc)
		set_width(fc, 8 * bytes, false);
	return fc;
}

static bool add_label(bt_field_class *fc, const char *name, bool is_signed, uint64_t v)
{
	bt_integer_range_set_unsigned *u;
	bt_integer_range_set_signed *s;
	bool ok;

	if (is_signed) {
		s = bt_integer_range_set_signed_create();
		ok = s && !bt_integer_range_set_signed_add_range(s, (int64_t)v, (int64_t)v) &&
		     !bt_field_class_enumeration_signed_add_mapping(fc, name, s);
		bt_integer_range_set_signed_put_ref(s);
		return ok;
	}
	u = bt_integer_range_set_unsigned_create();
	ok = u && !bt_integer_range_set_unsigned_add_range(u, v, v) &&
	     !bt_field_class_enumeration_unsigned_add_mapping(fc, name, u);
	bt_integer_range_set_unsigned_put_ref(u);
	return ok;
}

static bool has_label(const bt_field_class *fc, const char *name, bool is_signed)
{
	if (is_signed)
		return bt_field_class_enumeration_signed_borrow_mapping_by_label_const(fc, name);
	return bt_field_class_enumeration_unsigned_borrow_mapping_by_label_const(fc, name);
}

static bt_field_class *new_enum(bt_trace_class *tc, const struct ring_field *f)
{
	const struct ring_enumerator *e = f->data;
	bt_field_class *fc;
	uint64_t v;
	uint32_t i;

	if (!f->count || f->bits > 64)
		return new_int(tc, f, f->is_signed);
	fc = f->is_signed ? bt_field_class_enumeration_signed_create(tc) :
			    bt_field_class_enumeration_unsigned_create(tc);
	if (!fc)
		return NULL;
	set_width(fc, 8 * ctf_int_bytes(f->bits), false);
	for (i = 0; i < f->count; i++) {
		if (!ctf_label(f, i, &v) || has_label(fc, e[i].name, f->is_signed))
			continue;
		if (!add_label(fc, e[i].name, f->is_signed, v)) {
			bt_field_class_put_ref(fc);
			return NULL;
		}
	}
	return fc;
}

/* The library aborts at a second member or label of the same name. */
static bool append_member(bt_field_class *in, const char *name, bt_field_class *fc)
{
	return !bt_field_class_structure_borrow_member_by_name_const(in, name) &&
	       !bt_field_class_structure_append_member(in, name, fc);
}

bool fields_add_member(bt_field_class *in, const char *name, bt_field_class *fc)
{
	bool ok = fc && append_member(in, name, fc);

	bt_field_class_put_ref(fc);
	return ok;
}

/* Adds an array of @elem, whose reference it takes; @count: 0: the record decides. */
static bool add_array(bt_trace_class *tc, bt_field_class *in, const char *name,
		      const char *length_name, bt_field_class *elem, uint64_t count)
{
	bt_field_class *length = NULL, *fc = NULL;
	bool ok = elem;

	if (ok && !count) {
		length = fields_new_uint(tc, 32, false);
		ok = length && append_member(in, length_name, length);
		if (ok)
			fc = bt_field_class_array_dynamic_create(tc, elem, length);
	} else if (ok) {
		fc = bt_field_class_array_static_create(tc, elem, count);
	}
	ok = fields_add_member(in, name, fc) && ok;
	bt_field_class_put_ref(length);
	bt_field_class_put_ref(elem);
	return ok;
}

bool fields_add_bytes(bt_trace_class *tc, bt_field_class *in, const char *name)
{
	char length_name[32];

	snprintf(length_name, sizeof(length_name), "%s_length", name);
	return add_array(tc, in, name, length_name, fields_new_uint(tc, 8, true), 0);
}

static bt_field_class *new_type(bt_trace_class *tc, const struct plan *p, uint32_t i);

/* The members from node @i to @end. */
static bool add_members(bt_trace_class *tc, bt_field_class *in, const struct plan *p, uint32_t i,
			uint32_t end)
{
	char length_name[RING_SCHEMA_NAME_MAX + 16];
	bool ok = true;

	for (; i < end && ok; i = p->nodes[i].end ? p->nodes[i].end : i + 1) {
		const struct ring_field *f = &p->nodes[i].field;

		snprintf(length_name, sizeof(length_name), "_%s_length", f->name);
		if (f->kind == RING_FIELD_ARRAY)
			ok = add_array(tc, in, f->name, length_name, new_type(tc, p, i + 1),
				       f->count);
		else if (f->kind == RING_FIELD_BYTES)
			ok = add_array(tc, in, f->name, length_name, fields_new_uint(tc, 8, true),
				       f->len);
		else
			ok = fields_add_member(in, f->name, new_type(tc, p, i));
	}
	return ok;
}

/* The type of node @i. An array within an array is in a struct. */
static bt_field_class *new_type(bt_trace_class *tc, const struct plan *p, uint32_t i)
{
	const struct plan_node *n = &p->nodes[i];
	const struct ring_field *f = &n->field;
	bt_field_class *fc;
	bool ok;

	switch (f->kind) {
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
	case RING_FIELD_ARRAY:
		fc = bt_field_class_structure_create(tc);
		if (!fc)
			return NULL;
		if (f->kind == RING_FIELD_ARRAY)
			ok = add_array(tc, fc, "v", "_v_length", new_type(tc, p, i + 1), f->count);
		else
			ok = add_members(tc, fc, p, i + 1, n->end - 1);
		if (ok)
			return fc;
		bt_field_class_put_ref(fc);
		return NULL;
	case RING_FIELD_ENUM:
		return new_enum(tc, f);
	case RING_FIELD_INT:
		return new_int(tc, f, true);
	case RING_FIELD_UINT:
	case RING_FIELD_HEX:
		return new_int(tc, f, false);
	case RING_FIELD_BOOL:
		return fields_new_uint(tc, 8, false);
	case RING_FIELD_FLOAT:
		return f->bits == 32 ? bt_field_class_real_single_precision_create(tc) :
				       bt_field_class_real_double_precision_create(tc);
	case RING_FIELD_BYTES:
		/* Only an array of arrays of bytes leads here. */
		fc = bt_field_class_structure_create(tc);
		if (!fc ||
		    add_array(tc, fc, "v", "_v_length", fields_new_uint(tc, 8, true), f->len))
			return fc;
		bt_field_class_put_ref(fc);
		return NULL;
	default:
		return bt_field_class_string_create(tc);
	}
}

bt_field_class *fields_new_record(bt_trace_class *tc, const struct plan *plan, bool extra)
{
	bt_field_class *fc = bt_field_class_structure_create(tc);

	if (fc && add_members(tc, fc, plan, 0, plan->nr) &&
	    (!extra || fields_add_bytes(tc, fc, "extra")))
		return fc;
	bt_field_class_put_ref(fc);
	return NULL;
}

/* A container around the present field. @next: its next member or element */
struct level {
	bt_field *in;
	uint64_t next;
	bool wrapped;
};

/* The fields of a record are set. */
struct filling {
	struct plan_cursor cursor;
	struct out *tmp;
	unsigned int depth;
	struct level levels[2 * RING_SCHEMA_DEPTH_MAX + 2];
};

/* The field of the next member or element. */
static bt_field *take(struct filling *w)
{
	bt_field *in = w->levels[w->depth].in;
	uint64_t i = w->levels[w->depth].next++;

	if (bt_field_get_class_type(in) == BT_FIELD_CLASS_TYPE_STRUCTURE)
		return bt_field_structure_borrow_member_field_by_index(in, i);
	return bt_field_array_borrow_element_field_by_index(in, i);
}

static void enter(struct filling *w, bt_field *field, bool wrapped)
{
	w->levels[++w->depth] = (struct level) { .in = field, .wrapped = wrapped };
}

static int set_text(struct filling *w, bt_field *field, const char *p, size_t n)
{
	w->tmp->len = 0;
	append_utf8(w->tmp, p, n);
	out_append(w->tmp, "", 1);
	if (w->tmp->err || bt_field_string_set_value(field, w->tmp->buf))
		return -ENOMEM;
	return 0;
}

static void set_bytes(bt_field *array, const unsigned char *data, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		bt_field_integer_unsigned_set_value(
			bt_field_array_borrow_element_field_by_index(array, i), data[i]);
}

void fields_set_bytes(bt_field *in, uint64_t index, const void *data, size_t n)
{
	bt_field *array = bt_field_structure_borrow_member_field_by_index(in, index + 1);

	bt_field_integer_unsigned_set_value(bt_field_structure_borrow_member_field_by_index(in,
											    index),
					    n);
	if (!bt_field_array_dynamic_set_length(array, n))
		set_bytes(array, data, n);
}

/* Begins an array of @count elements. Its length is a member in front of it unless it is fixed. */
static bt_field *begin_array(struct filling *w, bool fixed, uint64_t count)
{
	bt_field *array;

	if (!fixed)
		bt_field_integer_unsigned_set_value(take(w), count);
	array = take(w);
	return !fixed && bt_field_array_dynamic_set_length(array, count) ? NULL : array;
}

static int set_number(struct filling *w, bt_field *field, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	if (f->bits > 64) {
		format_number(buf, f);
		return set_text(w, field, buf, strlen(buf));
	}
	if (is_signed_field(f))
		bt_field_integer_signed_set_value(field, (int64_t)f->u);
	else
		bt_field_integer_unsigned_set_value(field, f->u);
	return 0;
}

static int set_value(struct filling *w, const struct ring_field *f)
{
	bt_field *field = take(w);
	char buf[VALUE_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		return set_text(w, field, f->data, f->len);
	case RING_FIELD_BOOL:
		bt_field_integer_unsigned_set_value(field, f->u != 0);
		return 0;
	case RING_FIELD_FLOAT:
		if (f->bits == 32)
			bt_field_real_single_precision_set_value(field, (float)f->f);
		else
			bt_field_real_double_precision_set_value(field, f->f);
		return 0;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		return set_text(w, field, buf, strlen(buf));
	}
	return set_number(w, field, f);
}

/* True if the next field is an element of an array, not a member. */
static bool in_array(const struct filling *w)
{
	return bt_field_get_class_type(w->levels[w->depth].in) != BT_FIELD_CLASS_TYPE_STRUCTURE;
}

/* For ring_schema_walk(). */
static int fill(const struct ring_field *f, void *arg)
{
	struct filling *w = arg;
	const struct plan_node *n = plan_step(&w->cursor, f);
	bool wrapped = false;
	bt_field *array;

	if (!n)
		return -EPROTO;
	switch (f->kind) {
	case RING_FIELD_END:
		w->depth -= w->levels[w->depth].wrapped ? 2 : 1;
		return 0;
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		enter(w, take(w), false);
		return 0;
	case RING_FIELD_ARRAY:
	case RING_FIELD_BYTES:
		wrapped = in_array(w);
		if (wrapped)
			enter(w, take(w), false);
		if (f->kind == RING_FIELD_ARRAY) {
			array = begin_array(w, n->field.count, f->count);
			if (!array)
				return -ENOMEM;
			enter(w, array, wrapped);
			return 0;
		}
		array = begin_array(w, n->field.len, f->len);
		if (!array)
			return -ENOMEM;
		set_bytes(array, f->data, f->len);
		w->depth -= wrapped;
		return 0;
	}
	return set_value(w, f);
}

int fields_fill(bt_field *root, const struct ring_schema *s, const struct plan *plan,
		const struct ring_record *rec, struct out *tmp, size_t *used)
{
	struct filling w = { .cursor.plan = plan, .tmp = tmp, .levels[0].in = root };

	return ring_schema_walk(s, rec->type, rec->payload, rec->len, fill, &w, used);
}
