// SPDX-License-Identifier: GPL-2.0-only
/* ringctl schema: what describes the records of a ring. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <json-c/json.h>
#include <libring/schema.h>

#include "decode.h"

struct schema_opts {
	const char *what; /* a file or a ring */
	const char *output;
	const char *symbol; /* with --c-array */
	bool json;
};

/* A regular file that begins like ELF or BTF; a memfd of a ring is one, too. */
static bool is_source(const char *path)
{
	static const unsigned char elf[] = { 0x7f, 'E', 'L', 'F' };
	unsigned char head[4] = { 0 };
	struct stat st;
	uint16_t magic;
	ssize_t n;
	int fd;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	close(fd);
	memcpy(&magic, head, sizeof(magic));
	return n == sizeof(head) &&
	       (!memcmp(head, elf, sizeof(elf)) || magic == 0xeb9f || magic == 0x9feb);
}

/* Return: EXIT_OK with a copy at @blob. */
static int from_ring(const char *name, void **blob, size_t *size)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *ring;
	int err;

	err = ring_open(name, NULL, &ring);
	if (err == -ENOENT)
		return fail("schema", "%s: neither a ring nor a file with BTF", name);
	if (err)
		return fail_ring("schema", name, err);
	err = ring_info(ring, &info);
	if (err) {
		err = fail_ring("schema", name, err);
	} else if (!info.schema_size) {
		err = fail("schema", "%s: the ring has no schema", name);
	} else {
		*blob = malloc(info.schema_size);
		if (*blob)
			memcpy(*blob, info.schema, info.schema_size);
		else
			err = fail("schema", "%s: %s", name, strerror(ENOMEM));
		*size = info.schema_size;
	}
	ring_close(ring);
	return err;
}

static int print_text(const char *text, size_t len, void *arg)
{
	return fwrite(text, 1, len, arg) == len ? 0 : -EIO;
}

static int print_array(FILE *f, const char *symbol, const unsigned char *p, size_t size)
{
	size_t i;

	fprintf(f,
		"/* Made by ringctl schema. */\n"
		"static const unsigned char %s[] = {",
		symbol);
	for (i = 0; i < size; i++)
		fprintf(f, "%s0x%02x,", i % 12 ? " " : "\n\t", p[i]);
	fprintf(f, "\n};\n");
	return 0;
}

/* JSON: the fields of a type, as ring_schema_describe() goes through them. */

static const char *const kinds[] = {
	[RING_FIELD_STRUCT] = "struct", [RING_FIELD_UNION] = "union", [RING_FIELD_ARRAY] = "array",
	[RING_FIELD_INT] = "int",	[RING_FIELD_UINT] = "uint",   [RING_FIELD_BOOL] = "bool",
	[RING_FIELD_ENUM] = "enum",	[RING_FIELD_HEX] = "hex",     [RING_FIELD_FLOAT] = "float",
	[RING_FIELD_TEXT] = "text",	[RING_FIELD_BYTES] = "bytes", [RING_FIELD_IP4] = "ip4",
	[RING_FIELD_IP6] = "ip6",
};

struct tree {
	unsigned int depth;
	struct json_object *open[RING_SCHEMA_DEPTH_MAX + 1];
};

static int add_uint(struct json_object *obj, const char *key, uint64_t v)
{
	return json_add(obj, key, json_object_new_uint64(v));
}

static int add_array(struct json_object *obj, const char *key, struct json_object **out)
{
	*out = json_object_new_array();
	return json_add(obj, key, *out);
}

static int describe(const struct ring_field *f, void *arg)
{
	struct tree *t = arg;
	struct json_object *obj;

	if (f->kind == RING_FIELD_END) {
		t->depth--;
		return 0;
	}
	obj = json_object_new_object();
	if (!obj || json_object_array_add(t->open[t->depth], obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	if ((f->name && json_add(obj, "name", json_object_new_string(f->name))) ||
	    json_add(obj, "kind", json_object_new_string(kinds[f->kind])) ||
	    add_uint(obj, "bit_offset", f->bit_offset))
		return -ENOMEM;
	switch (f->kind) {
	case RING_FIELD_ARRAY:
		if (add_uint(obj, "count", f->count))
			return -ENOMEM;
		/* fallthrough */
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		t->depth++;
		return add_array(obj, f->kind == RING_FIELD_ARRAY ? "element" : "fields",
				 &t->open[t->depth]);
	case RING_FIELD_TEXT:
	case RING_FIELD_BYTES:
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		return add_uint(obj, "len", f->len);
	}
	return add_uint(obj, "bits", f->bits);
}

int schema_type_json(struct json_object *obj, const struct ring_schema_type *type)
{
	return add_uint(obj, "type", type->type) ||
	       json_add(obj, "name", json_object_new_string(type->name)) ||
	       add_uint(obj, "min_len", type->min_len) ||
	       json_add(obj, "open_ended", json_object_new_boolean(type->open_ended));
}

static int add_type(struct json_object *types, const struct ring_schema *s,
		    const struct ring_schema_type *type)
{
	struct json_object *obj = json_object_new_object();
	struct tree t = { 0 };

	if (!obj || json_object_array_add(types, obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	if (schema_type_json(obj, type) || add_array(obj, "fields", &t.open[0]))
		return -ENOMEM;
	return ring_schema_describe(s, type->type, describe, &t);
}

/* Return: 0 or -errno. */
static int print_json(FILE *f, const struct ring_schema *s)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct json_object *obj = json_object_new_object(), *types;
	const char *text = NULL;
	uint32_t from = 0;
	int err;

	err = !obj || add_array(obj, "types", &types) ? -ENOMEM : 0;
	while (!err && !ring_schema_next(s, from, &type)) {
		err = add_type(types, s, &type);
		from = type.type + 1u;
	}
	if (!err)
		text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
								   JSON_C_TO_STRING_SPACED);
	if (text)
		fprintf(f, "%s\n", text);
	else if (!err)
		err = -ENOMEM;
	json_object_put(obj);
	return err;
}

static int write_schema(const struct schema_opts *o, FILE *f, const void *blob, size_t size)
{
	struct decoder *d;
	int err;

	if (o->symbol)
		return print_array(f, o->symbol, blob, size);
	if (o->output && !o->json)
		return fwrite(blob, 1, size, f) == size ? 0 : -EIO;
	err = decoder_open_blob(blob, size, &d);
	if (err)
		return err;
	if (o->json)
		err = print_json(f, decoder_schema(d));
	else
		err = ring_schema_print(decoder_schema(d), print_text, f);
	decoder_close(d);
	return err;
}

/* Return: EXIT_OK or EXIT_FAIL. */
static int put_schema(const struct schema_opts *o, const void *blob, size_t size)
{
	bool file = o->output && strcmp(o->output, "-");
	FILE *f = file ? fopen(o->output, "we") : stdout;
	struct stat st;
	int err;

	if (!f)
		return fail("schema", "%s: %s", o->output, strerror(errno));
	err = write_schema(o, f, blob, size);
	if (err == -EPROTO || err == -E2BIG)
		err = fail("schema", "%s: %s", o->what, ring_strerror());
	else if (err && err != -EIO)
		err = fail("schema", "%s", strerror(-err));
	if (!file)
		return err > 0 ? err : finish_stdout("schema");
	if (fflush(f) || ferror(f))
		err = fail("schema", "%s: %s", o->output, strerror(errno));
	/* Half a schema is worse than none; but OUT may be a device. */
	if (err && (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)))
		file = false;
	fclose(f);
	if (err && file)
		unlink(o->output);
	return err;
}

/* The library's sentence may begin with the file's name, too. */
static const char *sentence_of(const char *path)
{
	const char *why = ring_strerror();
	size_t len = strlen(path);

	return !strncmp(why, path, len) && !strncmp(why + len, ": ", 2) ? why + len + 2 : why;
}

static int schema(const struct schema_opts *o)
{
	libbpf_print_fn_t print;
	void *blob = NULL;
	size_t size = 0;
	int err;

	if (is_source(o->what)) {
		print = libbpf_set_print(NULL);
		err = ring_schema_from_file(o->what, &blob, &size);
		libbpf_set_print(print);
		if (err)
			err = fail("schema", "%s: %s", o->what, sentence_of(o->what));
	} else {
		err = from_ring(o->what, &blob, &size);
	}
	if (!err)
		err = put_schema(o, blob, size);
	free(blob);
	return err;
}

static const char help[] =
	"usage: ringctl schema FILE|NAME [OPTION]...\n"
	"\n"
	"Shows what describes the records of a ring, as C: enum seqring_schema has the\n"
	"number of each type, the struct of that name its fields. NAME is a ring, as for\n"
	"ringctl cat. FILE is what a schema is made from: an object of clang -target bpf\n"
	"-g, or another ELF file with BTF (pahole -J); or a schema. A FILE that is there\n"
	"comes first.\n"
	"\n"
	"  --output OUT, -o OUT write the schema itself, for ringctl create and publish,\n"
	"                       or what the options below say; -: to standard output\n"
	"  --c-array SYMBOL     as a C array of bytes\n"
	"  --json               as a JSON object: types and their fields\n"
	"  --help               show this\n"
	"\n"
	"Examples:\n"
	"  ringctl schema sched\n"
	"  clang -target bpf -g -c conn.schema.c\n"
	"  ringctl schema conn.schema.o -o conn.schema\n"
	"  ringctl create conn --size 1M --schema conn.schema\n";

enum { OPT_C_ARRAY = 256, OPT_JSON };

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "c-array", required_argument, NULL, OPT_C_ARRAY },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool is_symbol(const char *s)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	return *s && !(*s >= '0' && *s <= '9') && !s[strspn(s, chars)];
}

static int run(int argc, char **argv)
{
	struct schema_opts o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return show_help(&schema_command);
		case 'o':
			o.output = optarg;
			break;
		case OPT_C_ARRAY:
			o.symbol = optarg;
			if (!is_symbol(optarg))
				return usage("schema",
					     "--c-array %s: not the name of a variable "
					     "(letters, digits, underscores)",
					     optarg);
			break;
		case OPT_JSON:
			o.json = true;
			break;
		default:
			return bad_option("schema", c, argv, options);
		}
	}
	if (o.json && o.symbol)
		return usage("schema", "--json, --c-array: contradict each other (one of them)");
	if (optind + 1 != argc)
		return usage("schema",
			     "%s: one file or ring is to be named (ringctl schema FILE|NAME)",
			     optind < argc ? argv[optind + 1] : "no name");
	o.what = argv[optind];
	return schema(&o);
}

const struct command schema_command = {
	.name = "schema",
	.run = run,
	.summary = "show or make the description of records",
	.help = help,
};
