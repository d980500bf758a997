/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loader of BPF objects that knows bpf(2) and ELF, and nothing else: no library. It loads what
 * the objects of this project need: maps that the caller makes, constants, and calls of functions
 * in .text.
 */
#ifndef TESTS_BPF_BARE_H
#define TESTS_BPF_BARE_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BARE_MAPS  10
#define BARE_SUBS  32
#define BARE_INSNS 4096

/* Types of relocations in BPF objects; <elf.h> of Debian 12 does not have them. */
#define BARE_REL_DATA 1
#define BARE_REL_CALL 10

/* A map that programs refer to. @name: of its symbol in .maps, or of its section */
struct bare_map {
	const char *name;
	int fd;
};

struct bare_object {
	const unsigned char *elf;
	size_t size;
	const Elf64_Shdr *sections;
	const Elf64_Sym *symbols;
	const char *symbol_names;
	unsigned int nr_symbols;
	struct bare_map maps[BARE_MAPS];
	unsigned int nr_maps;
};

/* A program under construction. @calls: which function of .text an instruction calls, or -1 */
struct bare_code {
	struct bpf_insn insns[BARE_INSNS];
	int calls[BARE_INSNS];
	unsigned int nr;
	struct {
		unsigned int from;
		unsigned int at;
	} subs[BARE_SUBS];
	unsigned int nr_subs;
};

static inline int bare_bpf(unsigned int cmd, union bpf_attr *attr)
{
	long err = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return err < 0 ? -errno : (int)err;
}

static inline uint64_t bare_pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline int bare_create(uint32_t type, uint32_t value_size, uint32_t entries, uint32_t flags)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = value_size ? sizeof(uint32_t) : 0,
		.value_size = value_size,
		.max_entries = entries,
		.map_flags = flags,
	};

	return bare_bpf(BPF_MAP_CREATE, &attr);
}

/* An array of maps that are as @inner. */
static inline int bare_create_outer(int inner, uint32_t entries)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint32_t),
		.max_entries = entries,
		.inner_map_fd = (uint32_t)inner,
	};

	return bare_bpf(BPF_MAP_CREATE, &attr);
}

static inline int bare_update(int map, uint32_t key, const void *value)
{
	union bpf_attr attr = {
		.map_fd = (uint32_t)map,
		.key = bare_pointer(&key),
		.value = bare_pointer(value),
	};

	return bare_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static inline int bare_freeze(int map)
{
	union bpf_attr attr = { .map_fd = (uint32_t)map };

	return bare_bpf(BPF_MAP_FREEZE, &attr);
}

static inline int bare_pin(int fd, const char *path)
{
	union bpf_attr attr = { .pathname = bare_pointer(path), .bpf_fd = (uint32_t)fd };

	return bare_bpf(BPF_OBJ_PIN, &attr);
}

/* Return: a link of @prog to the raw tracepoint @name; -errno. */
static inline int bare_attach(int prog, const char *name)
{
	union bpf_attr attr = {
		.raw_tracepoint = { .name = bare_pointer(name), .prog_fd = (uint32_t)prog },
	};

	return bare_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

/* Runs a program of type syscall. Return: what it returns; -errno. */
static inline int bare_run(int prog, void *ctx, uint32_t size)
{
	union bpf_attr attr = {
		.test = {
			.prog_fd = (uint32_t)prog,
			.ctx_in = bare_pointer(ctx),
			.ctx_size_in = size,
		},
	};
	int err = bare_bpf(BPF_PROG_TEST_RUN, &attr);

	return err ? err : (int)attr.test.retval;
}

/* --- ELF -------------------------------------------------------------------------- */

static inline const char *bare_section_name(const struct bare_object *o, unsigned int i)
{
	const Elf64_Ehdr *h = (const void *)o->elf;

	return (const char *)o->elf + o->sections[h->e_shstrndx].sh_offset + o->sections[i].sh_name;
}

/* Return: the number of the section @name; 0: there is none. */
static inline unsigned int bare_section(const struct bare_object *o, const char *name)
{
	const Elf64_Ehdr *h = (const void *)o->elf;
	unsigned int i;

	for (i = 1; i < h->e_shnum; i++)
		if (!strcmp(bare_section_name(o, i), name))
			return i;
	return 0;
}

static inline const void *bare_bytes(const struct bare_object *o, const char *section, size_t *size)
{
	const unsigned int i = bare_section(o, section);

	*size = i ? o->sections[i].sh_size : 0;
	return i ? o->elf + o->sections[i].sh_offset : NULL;
}

static inline int bare_open(struct bare_object *o, const char *path)
{
	const Elf64_Ehdr *h;
	struct stat st;
	unsigned int i;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(o, 0, sizeof(*o));
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	o->size = (size_t)st.st_size;
	o->elf = mmap(NULL, o->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (o->elf == MAP_FAILED)
		return -errno;
	h = (const void *)o->elf;
	o->sections = (const void *)(o->elf + h->e_shoff);
	i = bare_section(o, ".symtab");
	o->symbols = (const void *)(o->elf + o->sections[i].sh_offset);
	o->nr_symbols = (unsigned int)(o->sections[i].sh_size / sizeof(*o->symbols));
	o->symbol_names = (const char *)o->elf + o->sections[o->sections[i].sh_link].sh_offset;
	return 0;
}

static inline void bare_add_map(struct bare_object *o, const char *name, int fd)
{
	if (o->nr_maps < BARE_MAPS)
		o->maps[o->nr_maps++] = (struct bare_map) { name, fd };
}

static inline int bare_map_fd(const struct bare_object *o, const char *name)
{
	unsigned int i;

	for (i = 0; i < o->nr_maps; i++)
		if (!strcmp(o->maps[i].name, name))
			return o->maps[i].fd;
	return -ENOENT;
}

/* Makes a map of constants for the section @name. Return: its descriptor; -errno. */
static inline int bare_constants(struct bare_object *o, const char *name, const void *bytes,
				 size_t size)
{
	int err, fd = bare_create(BPF_MAP_TYPE_ARRAY, (uint32_t)size, 1, BPF_F_RDONLY_PROG);

	if (fd < 0)
		return fd;
	err = bare_update(fd, 0, bytes);
	/* The verifier takes for constant what is frozen. */
	if (!err)
		err = bare_freeze(fd);
	if (err)
		return err;
	bare_add_map(o, name, fd);
	return fd;
}

/* --- programs --------------------------------------------------------------------- */

/* Lets an instruction refer to a map, or to the bytes in a map of constants. Return: 0; -errno. */
static inline int bare_refer(const struct bare_object *o, struct bpf_insn *insn,
			     const Elf64_Sym *sym)
{
	const char *section;
	int fd;

	/* A weak symbol that nobody defines has the address 0. */
	if (!sym->st_shndx) {
		insn[0].imm = 0;
		insn[1].imm = 0;
		return 0;
	}
	section = bare_section_name(o, sym->st_shndx);
	if (!strcmp(section, ".maps")) {
		insn->src_reg = BPF_PSEUDO_MAP_FD;
		fd = bare_map_fd(o, o->symbol_names + sym->st_name);
	} else {
		insn[1].imm = (int)sym->st_value + insn->imm;
		insn->src_reg = BPF_PSEUDO_MAP_VALUE;
		fd = bare_map_fd(o, section);
	}
	insn->imm = fd;
	return fd < 0 ? fd : 0;
}

/* Appends @nr instructions of @section from number @from on. Return: 0; -errno. */
static inline int bare_append(const struct bare_object *o, struct bare_code *code,
			      unsigned int section, unsigned int from, unsigned int nr)
{
	const struct bpf_insn *insns = (const void *)(o->elf + o->sections[section].sh_offset);
	const bool in_text = !strcmp(bare_section_name(o, section), ".text");
	struct bpf_insn *to = &code->insns[code->nr];
	int *calls = &code->calls[code->nr];
	char name[256];
	const Elf64_Rel *rel;
	const Elf64_Sym *sym;
	unsigned int i, at;
	size_t size;
	int err;

	if (code->nr + nr > BARE_INSNS)
		return -E2BIG;
	memcpy(to, insns + from, nr * sizeof(*to));
	code->nr += nr;
	for (i = 0; i < nr; i++)
		calls[i] = in_text && to[i].code == (BPF_JMP | BPF_CALL) &&
					   to[i].src_reg == BPF_PSEUDO_CALL ?
				   (int)(from + i) + to[i].imm + 1 :
				   -1;
	snprintf(name, sizeof(name), ".rel%s", bare_section_name(o, section));
	rel = bare_bytes(o, name, &size);
	for (; rel && size; size -= sizeof(*rel), rel++) {
		at = (unsigned int)(rel->r_offset / sizeof(*to)) - from;
		sym = &o->symbols[ELF64_R_SYM(rel->r_info)];
		if (at >= nr)
			continue;
		if (ELF64_R_TYPE(rel->r_info) == BARE_REL_DATA) {
			err = bare_refer(o, &to[at], sym);
			if (err)
				return err;
		} else if (sym->st_shndx) {
			calls[at] = (int)(sym->st_value / sizeof(*to)) + to[at].imm + 1;
		} else {
			/* A function that this kernel may lack: the call must not be reached. */
			to[at].src_reg = 0;
			to[at].imm = INT32_MAX;
		}
	}
	return 0;
}

/* Return: how many instructions the function at number @from of .text has. */
static inline unsigned int bare_function(const struct bare_object *o, unsigned int text,
					 unsigned int from)
{
	unsigned int i;

	for (i = 0; i < o->nr_symbols; i++)
		if (o->symbols[i].st_shndx == text &&
		    ELF64_ST_TYPE(o->symbols[i].st_info) == STT_FUNC &&
		    o->symbols[i].st_value / sizeof(struct bpf_insn) == from)
			return (unsigned int)(o->symbols[i].st_size / sizeof(struct bpf_insn));
	return 0;
}

/* Appends each function that is called, once, and lets the calls lead there. Return: 0; -errno. */
static inline int bare_link(const struct bare_object *o, struct bare_code *code)
{
	const unsigned int text = bare_section(o, ".text");
	unsigned int i, j, from;
	int err;

	for (i = 0; i < code->nr; i++) {
		if (code->calls[i] < 0)
			continue;
		from = (unsigned int)code->calls[i];
		for (j = 0; j < code->nr_subs && code->subs[j].from != from; j++)
			;
		if (j == BARE_SUBS)
			return -E2BIG;
		if (j == code->nr_subs) {
			code->subs[j].from = from;
			code->subs[j].at = code->nr;
			code->nr_subs++;
			err = bare_append(o, code, text, from, bare_function(o, text, from));
			if (err)
				return err;
		}
		code->insns[i].imm = (int)code->subs[j].at - (int)i - 1;
	}
	return 0;
}

/* Loads the program of a section that has one. Return: its descriptor; -errno. */
static inline int bare_load(const struct bare_object *o, const char *section, uint32_t type,
			    uint32_t flags)
{
	static struct bare_code code;
	static char log[65536];
	const unsigned int i = bare_section(o, section);
	union bpf_attr attr = {
		.prog_type = type,
		.insns = bare_pointer(code.insns),
		.license = bare_pointer("GPL"),
		.prog_flags = flags,
		.log_level = 1,
		.log_size = sizeof(log),
		.log_buf = bare_pointer(log),
	};
	int err;

	if (!i)
		return -ENOENT;
	code.nr = 0;
	code.nr_subs = 0;
	err = bare_append(o, &code, i, 0,
			  (unsigned int)(o->sections[i].sh_size / sizeof(struct bpf_insn)));
	if (!err)
		err = bare_link(o, &code);
	if (err)
		return err;
	attr.insn_cnt = code.nr;
	err = bare_bpf(BPF_PROG_LOAD, &attr);
	if (err == -ENOSPC) {
		attr.log_level = 0;
		attr.log_size = 0;
		attr.log_buf = 0;
		err = bare_bpf(BPF_PROG_LOAD, &attr);
	}
	if (err < 0)
		fprintf(stderr, "# %s: %s\n", section, log);
	return err;
}

#endif /* TESTS_BPF_BARE_H */
