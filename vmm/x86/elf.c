// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ELF kernels, 32 and 64-bit: the PVH entry note and the segments.  Both word
 * sizes are read into one form; each offset and length is checked against the
 * file before it is used.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <xen/elfnote.h>

#define ELF_MAX_PHDRS	64
#define ELF_GUEST_LIMIT	(1ull << 32)	/* entered in 32-bit mode */

struct elf_phdr {
	uint32_t type;
	uint64_t offset, filesz;	/* in the file */
	uint64_t paddr, memsz;		/* in the guest */
};

struct elf {
	struct image file;
	struct elf_phdr ph[ELF_MAX_PHDRS];
	unsigned int nr;
};

/* The bytes [@at, @at + @len) of @f, or NULL if they are not all there. */
static const void *elf_bytes(struct image f, uint64_t at, uint64_t len)
{
	return at <= f.len && len <= f.len - at ? f.data + at : NULL;
}

bool elf_probe(struct image file)
{
	return file.len >= SELFMAG && !memcmp(file.data, ELFMAG, SELFMAG);
}

static int elf_truncated(struct image_error *err)
{
	return image_fail(err, -ENOEXEC,
			  "truncated or corrupt ELF file: copy it again");
}

static int elf_phdrs64(struct elf *e, struct image_error *err)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	const void *p = elf_bytes(e->file, 0, sizeof(eh));

	if (!p)
		return elf_truncated(err);
	memcpy(&eh, p, sizeof(eh));
	if (eh.e_machine != EM_X86_64)
		return image_fail(err, -ENOEXEC,
				  "is an ELF file for another machine (%u): use an x86 kernel",
				  eh.e_machine);
	if (eh.e_phentsize != sizeof(ph) || eh.e_phnum > ELF_MAX_PHDRS)
		return elf_truncated(err);
	for (e->nr = 0; e->nr < eh.e_phnum; e->nr++) {
		p = eh.e_phoff > e->file.len ? NULL :
		    elf_bytes(e->file, eh.e_phoff + e->nr * sizeof(ph),
			      sizeof(ph));
		if (!p)
			return elf_truncated(err);
		memcpy(&ph, p, sizeof(ph));
		e->ph[e->nr] = (struct elf_phdr){
			.type = ph.p_type, .offset = ph.p_offset,
			.filesz = ph.p_filesz, .paddr = ph.p_paddr,
			.memsz = ph.p_memsz,
		};
	}
	return 0;
}

static int elf_phdrs32(struct elf *e, struct image_error *err)
{
	Elf32_Ehdr eh;
	Elf32_Phdr ph;
	const void *p = elf_bytes(e->file, 0, sizeof(eh));

	if (!p)
		return elf_truncated(err);
	memcpy(&eh, p, sizeof(eh));
	/* A 64-bit kernel may come as 32-bit ELF (mini-os, xtf). */
	if (eh.e_machine != EM_386 && eh.e_machine != EM_X86_64)
		return image_fail(err, -ENOEXEC,
				  "is an ELF file for another machine (%u): use an x86 kernel",
				  eh.e_machine);
	if (eh.e_phentsize != sizeof(ph) || eh.e_phnum > ELF_MAX_PHDRS)
		return elf_truncated(err);
	for (e->nr = 0; e->nr < eh.e_phnum; e->nr++) {
		p = elf_bytes(e->file, eh.e_phoff + e->nr * sizeof(ph),
			      sizeof(ph));
		if (!p)
			return elf_truncated(err);
		memcpy(&ph, p, sizeof(ph));
		e->ph[e->nr] = (struct elf_phdr){
			.type = ph.p_type, .offset = ph.p_offset,
			.filesz = ph.p_filesz, .paddr = ph.p_paddr,
			.memsz = ph.p_memsz,
		};
	}
	return 0;
}

/* Read the program headers and check every segment that matters here. */
static int elf_open(struct elf *e, struct image file, struct image_error *err)
{
	const unsigned char *ident = elf_bytes(file, 0, EI_NIDENT);
	int ret;

	e->file = file;
	if (!ident || !elf_probe(file) || ident[EI_DATA] != ELFDATA2LSB)
		return elf_truncated(err);
	if (ident[EI_CLASS] == ELFCLASS64)
		ret = elf_phdrs64(e, err);
	else if (ident[EI_CLASS] == ELFCLASS32)
		ret = elf_phdrs32(e, err);
	else
		ret = elf_truncated(err);
	for (unsigned int i = 0; !ret && i < e->nr; i++) {
		const struct elf_phdr *ph = &e->ph[i];

		if (ph->type != PT_LOAD && ph->type != PT_NOTE)
			continue;
		if (!elf_bytes(file, ph->offset, ph->filesz))
			return elf_truncated(err);
		if (ph->type == PT_LOAD &&
		    (ph->filesz > ph->memsz || ph->memsz > ELF_GUEST_LIMIT ||
		     ph->paddr > ELF_GUEST_LIMIT - ph->memsz))
			return image_fail(err, -ENOEXEC,
					  "its segment %u does not fit below 4 GiB: it is no guest kernel",
					  i);
	}
	return ret;
}

static uint64_t elf_pad4(uint64_t n)
{
	return (n + 3) & ~3ull;
}

/* Look for the PVH note among @notes; its value in *@entry. */
static bool elf_find_note(struct image notes, uint64_t *entry)
{
	const Elf32_Nhdr *p;	/* the same in both word sizes */
	uint64_t at = 0;
	Elf32_Nhdr nh;

	while ((p = elf_bytes(notes, at, sizeof(nh)))) {
		const char *name;
		const void *desc;

		memcpy(&nh, p, sizeof(nh));
		at += sizeof(nh);
		name = elf_bytes(notes, at, nh.n_namesz);
		at += elf_pad4(nh.n_namesz);
		desc = elf_bytes(notes, at, nh.n_descsz);
		at += elf_pad4(nh.n_descsz);
		if (!name || !desc)
			return false;
		if (nh.n_type != XEN_ELFNOTE_PHYS32_ENTRY ||
		    nh.n_namesz != 4 || memcmp(name, "Xen", 4))
			continue;
		if (nh.n_descsz != 4 && nh.n_descsz != 8)
			return false;
		*entry = 0;
		memcpy(entry, desc, nh.n_descsz);
		return true;
	}
	return false;
}

static int elf_entry(const struct elf *e, uint64_t *entry,
		     struct image_error *err)
{
	bool found = false;

	for (unsigned int i = 0; i < e->nr && !found; i++) {
		const struct elf_phdr *ph = &e->ph[i];
		struct image notes;

		if (ph->type != PT_NOTE)
			continue;
		notes = (struct image){ e->file.data + ph->offset, ph->filesz };
		found = elf_find_note(notes, entry);
	}
	if (!found)
		return image_fail(err, -ENOEXEC,
				  "has no PVH entry note: use a kernel built with CONFIG_PVH=y");
	for (unsigned int i = 0; i < e->nr; i++)
		if (e->ph[i].type == PT_LOAD && *entry >= e->ph[i].paddr &&
		    *entry - e->ph[i].paddr < e->ph[i].filesz)
			return 0;
	return image_fail(err, -ENOEXEC,
			  "its PVH entry %#llx lies in none of its segments: it is no guest kernel",
			  (unsigned long long)*entry);
}

int elf_check(struct image file, struct elf_kernel *k, struct image_error *err)
{
	struct elf e;
	uint64_t entry = 0;
	int ret = elf_open(&e, file, err);

	if (!ret)
		ret = elf_entry(&e, &entry, err);
	if (ret)
		return ret;
	k->entry = (uint32_t)entry;
	k->start = UINT64_MAX;
	k->end = 0;
	for (unsigned int i = 0; i < e.nr; i++) {
		const struct elf_phdr *ph = &e.ph[i];

		if (ph->type != PT_LOAD)
			continue;
		if (ph->paddr < k->start)
			k->start = ph->paddr;
		if (ph->paddr + ph->memsz > k->end)
			k->end = ph->paddr + ph->memsz;
	}
	return 0;
}

/*
 * Copy, but leave pieces alone that would get zeros: a third of a kernel is
 * .bss and padding, and untouched guest memory costs the host nothing.  The
 * pieces are small enough for memcpy() to use vectors: string instructions
 * are slow to emulate.
 */
#define ELF_PIECE 2048u

static int elf_copy(struct mem *m, uint64_t to, const uint8_t *from,
		    uint64_t len)
{
	static const uint8_t zero[ELF_PIECE];

	while (len) {
		uint64_t n = ELF_PIECE - (to & (ELF_PIECE - 1));
		int ret;

		if (n > len)
			n = len;
		ret = memcmp(from, zero, n) ? mem_write(m, gpa(to), from, n) : 0;
		if (ret)
			return ret;
		to += n;
		from += n;
		len -= n;
	}
	return 0;
}

int elf_load(struct image file, struct mem *m, struct image_error *err)
{
	struct elf e;
	int ret = elf_open(&e, file, err);

	for (unsigned int i = 0; !ret && i < e.nr; i++) {
		const struct elf_phdr *ph = &e.ph[i];

		if (ph->type == PT_LOAD &&
		    elf_copy(m, ph->paddr, file.data + ph->offset, ph->filesz))
			ret = image_fail(err, -EFAULT,
					 "its segment %u does not fit into the guest's memory",
					 i);
	}
	return ret;
}
