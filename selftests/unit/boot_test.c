// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PVH loader: what it puts where, what it refuses and how it says so, and
 * that no bytes of a kernel file lead it astray.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "../lib/tap.h"
#include "../../vmm/x86/boot.h"
#include "../../vmm/x86/unpacked.h"
#include "boot_images.h"

#define MIB (1ull << 20)

const char *tap_precondition(void)
{
	return NULL;
}

/* What lab/setup has fetched; the tests are started in the tree's root. */
#define LAB_KERNELS	"build/cache/kernel-*/boot/vmlinuz-*-amd64"

static struct blob elf, image;
static char err[512];

static int memfd(const void *data, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	CHECK_OK(fd);
	CHECK(write(fd, data, len) == (ssize_t)len);
	return fd;
}

static struct boot_files files_of(const void *kernel, size_t len)
{
	struct boot_files files = BOOT_FILES_NONE;

	files.kernel = memfd(kernel, len);
	return files;
}

static struct vm_config config(void)
{
	return (struct vm_config){
		.kernel = "K", .cmdline = "root=/dev/xvda x=y",
		.vcpus = 2, .maxvcpus = 4,
	};
}

/* Load @b as the kernel into fresh memory of @bytes. */
static int load(const struct blob *b, uint64_t bytes, struct mem **m,
		struct boot_info *info)
{
	struct boot_files files = files_of(b->data, b->len);
	struct vm_config cfg = config();
	int ret;

	CHECK_EQ(mem_create(m, bytes), 0);
	err[0] = 0;
	ret = boot_pvh_files(*m, &cfg, &files, info, err, sizeof(err));
	close(files.kernel);
	return ret;
}

static void check_contents(const struct mem *m, const struct boot_info *info)
{
	const uint8_t *text = mem_ptr(m, gpa(TEST_PADDR), TEST_TEXT_LEN);
	const uint8_t *data = mem_ptr(m, gpa(TEST_DATA_PADDR),
				      2 * TEST_DATA_LEN);

	CHECK_EQ(info->entry, TEST_ENTRY);
	for (size_t i = 0; i < TEST_TEXT_LEN; i++)
		CHECK_EQ(text[i], test_text_byte(i));
	for (size_t i = 0; i < TEST_DATA_LEN; i++) {
		CHECK_EQ(data[i], test_text_byte(TEST_TEXT_LEN + i));
		CHECK_EQ(data[TEST_DATA_LEN + i], 0);
	}
}

/*
 * 32-bit Linux has mapped what its last page table reaches past its end, at
 * least a page; 64-bit Linux 1 GiB: all that is read that early is right there.
 */
#define TEST_KERNEL_END	(TEST_DATA_PADDR + 2 * TEST_DATA_LEN)

static void check_early(const struct boot_info *info, uint64_t at, uint64_t len)
{
	CHECK(at >= info->start_info);
	CHECK(at + len <= info->start_info + GUEST_PAGE_SIZE);
}

/* Everything a guest can see of the layout holds together. */
static void check_layout(const struct mem *m, const struct boot_info *info,
			 const struct vm_config *cfg)
{
	const struct hvm_memmap_table_entry *map;
	const struct hvm_start_info *si;
	const struct mem_range *r;
	uint64_t specials, at = 0, ram = 0;
	const char *cmdline;
	size_t nr = mem_ranges(m, &r);

	si = mem_ptr(m, gpa(info->start_info), sizeof(*si));
	CHECK(si);
	CHECK_EQ(si->magic, XEN_HVM_START_MAGIC_VALUE);
	CHECK_EQ(si->version, 1);
	CHECK_EQ(si->flags, 0);
	CHECK_EQ(si->reserved, 0);
	CHECK_EQ(si->nr_modules, cfg->ramdisk ? 1 : 0);
	cmdline = mem_ptr(m, gpa(si->cmdline_paddr), strlen(cfg->cmdline) + 1);
	CHECK(cmdline && !strcmp(cmdline, cfg->cmdline));

	check_early(info, info->start_info, sizeof(*si));
	/* What takes more than Linux does maps what it reads. */
	if (strlen(cfg->cmdline) <= 2047)
		check_early(info, si->cmdline_paddr, strlen(cfg->cmdline) + 1);
	check_early(info, si->memmap_paddr, si->memmap_entries * sizeof(*map));
	if (si->nr_modules)
		check_early(info, si->modlist_paddr,
			    sizeof(struct hvm_modlist_entry));
	CHECK_EQ(si->memmap_entries, 3 + nr - 1);
	map = mem_ptr(m, gpa(si->memmap_paddr),
		      si->memmap_entries * sizeof(*map));
	CHECK(map);
	for (uint32_t i = 0; i < si->memmap_entries; i++) {
		if (i == 3)
			at = 1ull << 32;
		CHECK_EQ(map[i].addr, at);
		CHECK_EQ(map[i].addr % GUEST_PAGE_SIZE, 0);
		CHECK_EQ(map[i].size % GUEST_PAGE_SIZE, 0);
		CHECK_EQ(map[i].reserved, 0);
		CHECK(map[i].size);
		at += map[i].size;
		if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
			ram += map[i].size;
		if (i == 2)
			CHECK_EQ(at, r[0].len);
	}
	if (nr == 2)
		CHECK_EQ(at, r[1].gpa + r[1].len);
	CHECK_EQ(map[0].type, XEN_HVM_MEMMAP_TYPE_RAM);
	CHECK_EQ(map[1].type, XEN_HVM_MEMMAP_TYPE_ACPI);
	CHECK_EQ(map[2].type, XEN_HVM_MEMMAP_TYPE_RESERVED);
	CHECK_EQ(map[2].size, BOOT_SPECIAL_GFNS * GUEST_PAGE_SIZE);
	CHECK(ram > r[0].len - MIB);
	CHECK(si->rsdp_paddr >= map[1].addr &&
	      si->rsdp_paddr + 36 <= map[1].addr + map[1].size);
	CHECK(info->start_info < map[1].addr);
	/* for kernels that kexec starts */
	CHECK(!memcmp(mem_ptr(m, gpa(0xfffc0), 36),
		      mem_ptr(m, gpa(si->rsdp_paddr), 36), 36));

	/* The special frames: distinct, reserved, zero. */
	specials = map[2].addr >> GUEST_PAGE_SHIFT;
	CHECK(info->spare.v >= specials && info->console.v >= specials &&
	      info->xenstore.v >= specials);
	CHECK(info->spare.v + BOOT_SPARE_GFNS <= specials + BOOT_SPECIAL_GFNS);
	CHECK(info->console.v < specials + BOOT_SPECIAL_GFNS);
	CHECK(info->xenstore.v < specials + BOOT_SPECIAL_GFNS);
	CHECK(info->console.v != info->xenstore.v);
	CHECK(info->console.v - info->spare.v >= BOOT_SPARE_GFNS);
	CHECK(info->xenstore.v - info->spare.v >= BOOT_SPARE_GFNS);
	for (uint64_t i = 0; i < map[2].size; i += 8)
		CHECK_EQ(*(uint64_t *)mem_ptr(m, gpa(map[2].addr + i), 8), 0);
}

TEST(elf, "an ELF kernel of either word size is loaded")
{
	struct vm_config cfg = config();
	struct boot_info info;
	struct mem *m;

	make_elf64(&elf);
	CHECK_MSG(!load(&elf, 64 * MIB, &m, &info), "%s", err);
	check_contents(m, &info);
	check_layout(m, &info, &cfg);
	mem_destroy(m);

	make_elf32(&elf);
	CHECK_MSG(!load(&elf, 64 * MIB, &m, &info), "%s", err);
	check_contents(m, &info);
	mem_destroy(m);
}

TEST(bzimage, "a bzImage with each packing is loaded")
{
	struct vm_config cfg = config();
	struct boot_info info;
	struct mem *m;

	for (enum packing how = PACK_NONE; how <= PACK_LAST; how++) {
		make_elf64(&elf);
		make_bzimage(&image, &elf, how);
		CHECK_MSG(!load(&image, 64 * MIB, &m, &info), "%d: %s", how,
			  err);
		check_contents(m, &info);
		check_layout(m, &info, &cfg);
		mem_destroy(m);
	}
}

TEST(packed_elf, "a compressed ELF file without a bzImage around is loaded")
{
	struct boot_info info;
	struct mem *m;

	make_elf64(&elf);
	make_bzimage(&image, &elf, PACK_XZ);
	image.len -= BZ_TEST_PAYLOAD;
	memmove(image.data, image.data + BZ_TEST_PAYLOAD, image.len);
	CHECK_MSG(!load(&image, 64 * MIB, &m, &info), "%s", err);
	check_contents(m, &info);
	mem_destroy(m);
}

TEST(wrong_hint, "the length appended to the packed kernel is only a hint")
{
	static const uint32_t hints[] = { 0, 1, 4096, 0xffffffff };
	struct boot_info info;
	struct mem *m;
	uint32_t len;

	for (enum packing how = PACK_XZ; how <= PACK_LAST; how++) {
		for (size_t i = 0; i < 4; i++) {
			make_elf64(&elf);
			make_bzimage(&image, &elf, how);
			memcpy(&len, image.data + 0x24c, 4);
			memcpy(image.data + BZ_TEST_PAYLOAD + len - 4,
			       &hints[i], 4);
			CHECK_MSG(!load(&image, 64 * MIB, &m, &info),
				  "%#x: %s", hints[i], err);
			check_contents(m, &info);
			mem_destroy(m);
		}
	}
}

TEST(sizes, "the layout holds together at every size of memory")
{
	static const uint64_t mib[] = {
		2, 8, 127, 128, 256, 1023, 1024, 1025, 1030, 2047, 2048, 3071,
		3072, 3583, 3584, 3585, 3839, 3840, 3841, 4095, 4096, 4097,
		6000, 6144, 65536,
	};
	struct vm_config cfg = config();
	struct boot_info info;
	struct mem *m;

	for (size_t i = 0; i < 2 * sizeof(mib) / sizeof(*mib); i++) {
		if (i & 1)
			make_elf32(&elf);
		else
			make_elf64(&elf);
		CHECK_MSG(!load(&elf, mib[i / 2] * MIB, &m, &info), "%s", err);
		CHECK_EQ(info.start_info, TEST_KERNEL_END);
		check_contents(m, &info);
		check_layout(m, &info, &cfg);
		mem_destroy(m);
	}
}

TEST(high_memory, "memory past the hole is in the map, and a ramdisk whole")
{
	struct vm_config cfg = config();
	struct boot_files files = BOOT_FILES_NONE;
	const struct hvm_start_info *si;
	const struct hvm_modlist_entry *mod;
	const uint8_t *p;
	struct boot_info info;
	struct mem *m;

	make_elf64(&elf);
	make_bzimage(&image, &elf, PACK_NONE);
	cfg.ramdisk = "R";
	files.kernel = memfd(elf.data, elf.len);
	files.module[0] = memfd(image.data, image.len);
	CHECK_EQ(mem_create(&m, 4096 * MIB), 0);
	CHECK_MSG(!boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)),
		  "%s", err);
	check_layout(m, &info, &cfg);
	si = mem_ptr(m, gpa(info.start_info), sizeof(*si));
	mod = mem_ptr(m, gpa(si->modlist_paddr), sizeof(*mod));
	CHECK(mod);
	CHECK_EQ(mod->size, image.len);
	CHECK_EQ(mod->paddr % GUEST_PAGE_SIZE, 0);
	CHECK_EQ(mod->reserved, 0);
	CHECK_EQ(mod->paddr, TEST_KERNEL_END + GUEST_PAGE_SIZE);
	p = mem_ptr(m, gpa(mod->paddr), mod->size);
	CHECK(p && !memcmp(p, image.data, image.len));
	mem_destroy(m);
}

/* A command line of the kernel's @max characters is taken, one more is not. */
static void check_cmdline_max(const struct blob *b, size_t max)
{
	struct vm_config cfg = config();
	struct boot_info info;
	char want[100];
	struct mem *m;

	for (size_t len = max - 1; len <= max + 1; len++) {
		struct boot_files files = files_of(b->data, b->len);
		char *text = malloc(len + 1);
		int ret;

		memset(text, 'x', len);
		text[len] = 0;
		cfg.cmdline = text;
		CHECK_EQ(mem_create(&m, 64 * MIB), 0);
		ret = boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err));
		CHECK_EQ(ret, len > max ? -E2BIG : 0);
		if (!ret)
			check_layout(m, &info, &cfg);
		mem_destroy(m);
		boot_files_close(&files);
		free(text);
	}
	snprintf(want, sizeof(want), "kernel K: takes a command line of at most %zu characters: shorten cmdline=, which has %zu",
		 max, max + 1);
	CHECK_MSG(!strcmp(err, want), "%s", err);
}

TEST(cmdline, "the command line's limit is the kernel's own")
{
	static const uint32_t max[] = { 1, 255, 2047, 65534, 65535 };

	make_elf64(&elf);
	check_cmdline_max(&elf, 2047);
	make_bzimage(&image, &elf, PACK_GZIP);
	check_cmdline_max(&image, TEST_CMDLINE_MAX);
	for (size_t i = 0; i < sizeof(max) / sizeof(*max); i++) {
		memcpy(image.data + 0x238, &max[i], 4);
		check_cmdline_max(&image, max[i]);
	}
	/* A header of nonsense does not take the guest's memory. */
	memset(image.data + 0x238, 0xff, 4);
	check_cmdline_max(&image, 65535);
}

TEST(restart, "the same descriptors load again")
{
	struct vm_config cfg = config();
	struct boot_files files = BOOT_FILES_NONE;
	struct boot_info info;
	struct mem *m;

	make_elf64(&elf);
	files.kernel = memfd(elf.data, elf.len);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(mem_create(&m, 64 * MIB), 0);
		CHECK(!boot_pvh_files(m, &cfg, &files, &info, err,
				      sizeof(err)));
		check_contents(m, &info);
		mem_destroy(m);
	}
	boot_files_close(&files);
	CHECK_EQ(files.kernel, -1);
}

static void put(struct blob *b, size_t at, uint64_t v, size_t len)
{
	memcpy(b->data + at, &v, len);
}

static void check_refused(const struct blob *b, uint64_t mib, const char *says)
{
	struct boot_info info;
	struct mem *m;

	CHECK_MSG(load(b, mib * MIB, &m, &info) < 0, "accepted: %s", says);
	CHECK_MSG(strstr(err, says) && !strncmp(err, "kernel K: ", 10) &&
		  !strchr(err, '\n'), "'%s', wanted '%s'", err, says);
	mem_destroy(m);
}

#define PH64(n, field) \
	(TEST_PHOFF64 + (n) * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, field))
#define PH32(n, field) \
	(TEST_PHOFF32 + (n) * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, field))

TEST(bad_elf, "each broken field of an ELF file is one line")
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t len;
		const char *says;
	} t[] = {
		{ 0, 0, 1, "is neither an ELF file nor a bzImage" },
		{ EI_CLASS, 3, 1, "truncated or corrupt ELF" },
		{ EI_DATA, ELFDATA2MSB, 1, "truncated or corrupt ELF" },
		{ 18, EM_AARCH64, 2, "another machine (183)" },
		{ 32, ~0ull, 8, "truncated or corrupt ELF" },
		{ 32, -24ull, 8, "truncated or corrupt ELF" },
		{ 32, 0x2000000, 8, "truncated or corrupt ELF" },
		{ 54, 55, 2, "truncated or corrupt ELF" },
		{ 56, 65, 2, "truncated or corrupt ELF" },
		{ 56, 0xffff, 2, "truncated or corrupt ELF" },
		{ 56, 0, 2, "has no PVH entry note" },
		{ 56, 2, 2, "has no PVH entry note" },
		{ PH64(0, p_offset), ~0ull, 8, "truncated or corrupt ELF" },
		{ PH64(0, p_offset), 0x10000000, 8, "truncated or corrupt" },
		{ PH64(0, p_filesz), ~0ull, 8, "truncated or corrupt ELF" },
		{ PH64(0, p_filesz), TEST_TEXT_LEN + 1, 8, "its segment 0 does not fit" },
		{ PH64(0, p_memsz), TEST_TEXT_LEN - 1, 8, "its segment 0 does not fit" },
		{ PH64(0, p_memsz), ~0ull, 8, "its segment 0 does not fit" },
		{ PH64(0, p_paddr), ~0ull, 8, "its segment 0 does not fit" },
		{ PH64(0, p_paddr), 0xfffff000, 8, "its segment 0 does not fit" },
		{ PH64(0, p_paddr), 0x200000, 8, "PVH entry 0x100040 lies in none" },
		{ PH64(1, p_paddr), 0x10000000, 8, "set memory=257 or more" },
		{ PH64(1, p_memsz), 0x8000000, 8, "set memory=130 or more" },
		{ PH64(1, p_paddr), 0xf0000000, 8, "below the 32-bit hole" },
		{ PH64(2, p_offset), ~0ull, 8, "truncated or corrupt ELF" },
		{ PH64(2, p_filesz), 43, 8, "has no PVH entry note" },
		{ PH64(2, p_filesz), 20, 8, "has no PVH entry note" },
		{ PH64(2, p_type), PT_NULL, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF, ~0u, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF + 4, ~0u, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF + 20, 3, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF + 24, 2, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF + 28, 17, 4, "has no PVH entry note" },
		{ TEST_NOTE_OFF + 36, 0, 4, "PVH entry 0 lies in none" },
		{ TEST_NOTE_OFF + 40, 1, 4, "PVH entry 0x100100040 lies in" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		make_elf64(&elf);
		put(&elf, t[i].at, t[i].value, t[i].len);
		check_refused(&elf, 64, t[i].says);
	}
	make_elf32(&elf);
	put(&elf, PH32(0, p_offset), ~0u, 4);
	check_refused(&elf, 64, "truncated or corrupt ELF");
	make_elf32(&elf);
	put(&elf, 28, ~0u, 4);
	check_refused(&elf, 64, "truncated or corrupt ELF");
	make_elf64(&elf);
	for (elf.len = 4; elf.len < TEST_TEXT_OFF + 4; elf.len += 7)
		check_refused(&elf, 64, "truncated or corrupt ELF");
}

TEST(bad_bzimage, "each broken field of a bzImage is one line")
{
	size_t len;

	make_elf64(&elf);
	make_bzimage(&image, &elf, PACK_XZ);
	len = image.len;
	image.len = 0x24f;
	check_refused(&image, 64, "truncated: its setup header ends");
	for (image.len = 0x250; image.len < len - 64; image.len += 211)
		check_refused(&image, 64, "truncated: ");
	image.len = 0x205;
	check_refused(&image, 64, "is neither an ELF file nor a bzImage");

	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x206, 0x207, 2);
	check_refused(&image, 64, "boot protocol 2.07 has no kernel to unpack");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x211, 0, 1);
	check_refused(&image, 64, "has no kernel to unpack");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x24c, 0, 4);
	check_refused(&image, 64, "holds no kernel to unpack");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x24c, ~0u, 4);
	check_refused(&image, 64, "truncated: ");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x248, ~0u, 4);
	check_refused(&image, 64, "truncated: ");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, 0x24c, 100, 4);
	check_refused(&image, 64, "its xz data is corrupt or truncated");
	make_bzimage(&image, &elf, PACK_ZSTD);
	put(&image, 0x24c, 100, 4);
	check_refused(&image, 64, "its zstd data is corrupt or truncated");
	make_bzimage(&image, &elf, PACK_GZIP);
	put(&image, 0x24c, 100, 4);
	check_refused(&image, 64, "its gzip data is corrupt or truncated");
	make_bzimage(&image, &elf, PACK_XZ);
	put(&image, BZ_TEST_PAYLOAD, 0x12345678, 4);
	check_refused(&image, 64, "is compressed in an unknown way");
	memset(&elf, 1, 4096);
	elf.len = 4096;
	make_bzimage(&image, &elf, PACK_ZSTD);
	check_refused(&image, 64, "what is compressed in it is no ELF kernel");
	elf.len = 0;
	check_refused(&elf, 64, "is empty");
}

TEST(truncated, "what ends too early is refused in every packing")
{
	static const char *const says[] = {
		[PACK_GZIP] = "its gzip data", [PACK_XZ] = "its xz data",
		[PACK_ZSTD] = "its zstd data", [PACK_BZIP2] = "its bzip2 data",
		[PACK_LZMA] = "its lzma data", [PACK_LZO] = "its lzo data",
		[PACK_LZ4] = "its lz4 data", [PACK_LZ4_FRAME] = "its lz4 data",
	};
	uint32_t len;

	make_elf64(&elf);
	for (enum packing how = PACK_GZIP; how <= PACK_LAST; how++) {
		make_bzimage(&image, &elf, how);
		memcpy(&len, image.data + 0x24c, 4);
		for (uint32_t n = 20; n < len - 24; n += 1 + len / 40) {
			put(&image, 0x24c, n, 4);
			check_refused(&image, 64, says[how]);
		}
	}
}

static void check_bomb(const void *data, size_t len)
{
	struct boot_files files = files_of(data, len);
	struct vm_config cfg = config();
	struct boot_info info;
	struct mem *m;

	CHECK_EQ(mem_create(&m, 64 * MIB), 0);
	CHECK_EQ(boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)),
		 -EFBIG);
	CHECK_MSG(strstr(err, "unpacks to more than 512 MiB"), "%s", err);
	mem_destroy(m);
	boot_files_close(&files);
}

TEST(bomb, "what unpacks without end is stopped")
{
	FILE *f = popen("head -c 520M /dev/zero | zstd -q -c", "r");

	CHECK(f);
	elf.len = fread(elf.data, 1, sizeof(elf.data), f);
	pclose(f);
	CHECK_MSG(elf.len > 100, "no output of zstd");
	check_bomb(elf.data, elf.len);
}

TEST(block_bomb, "blocks that are too many, or one that is too large")
{
	static const uint8_t head[38] =
		"\x89LZO\0\r\n\x1a\n\x10\x30\x20\xa0\x09\x40\x01\x05";
	static const uint8_t block[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4 };
	char *zeroes = calloc(1, 8 * MIB);
	uint8_t *bomb = malloc(8 * MIB);
	size_t len = 4;
	int n;

	memcpy(bomb, "\x02\x21\x4c\x18", 4);
	n = LZ4_compress_default(zeroes, (char *)bomb + 8, 8 * MIB, MIB);
	CHECK(n > 0);
	memcpy(bomb + 4, &n, 4);
	for (unsigned int i = 0; i < 66; i++, len += 4 + (size_t)n)
		memmove(bomb + len, bomb + 4, 4 + (size_t)n);
	check_bomb(bomb, len);

	memset(bomb, 0, 100);
	memcpy(bomb, head, sizeof(head));
	memcpy(bomb + sizeof(head), block, sizeof(block));
	check_bomb(bomb, 100);
	free(bomb);
	free(zeroes);
}

TEST(files, "missing files and things that are no files are one line")
{
	struct vm_config cfg = config();
	struct boot_files files = BOOT_FILES_NONE;
	struct boot_info info;
	struct mem *m;

	cfg.kernel = "/nonexistent";
	CHECK_EQ(boot_files_open(&files, &cfg, err, sizeof(err)), -ENOENT);
	CHECK(!strcmp(err, "kernel /nonexistent: cannot be opened: No such file or directory: check kernel= in the configuration"));
	CHECK_EQ(files.kernel, -1);
	cfg.kernel = "/dev/null";
	cfg.ramdisk = "/nonexistent";
	CHECK_EQ(boot_files_open(&files, &cfg, err, sizeof(err)), -ENOENT);
	CHECK(!strncmp(err, "ramdisk /nonexistent: ", 22));
	CHECK_EQ(files.kernel, -1);
	cfg.ramdisk = NULL;
	CHECK_EQ(mem_create(&m, 64 * MIB), 0);
	CHECK_EQ(boot_pvh(m, &cfg, &info, err, sizeof(err)), -EINVAL);
	CHECK(!strcmp(err, "kernel /dev/null: is not a regular file"));
	cfg.kernel = "/tmp";
	CHECK_EQ(boot_pvh(m, &cfg, &info, err, sizeof(err)), -EINVAL);
	mem_destroy(m);
}

TEST(ramdisk_too_big, "the memory that would do is named, and does")
{
	struct vm_config cfg = config();
	struct boot_files files = BOOT_FILES_NONE;
	struct boot_info info;
	unsigned int need = 0;
	struct mem *m;

	make_elf64(&elf);
	cfg.ramdisk = "R";
	files.kernel = memfd(elf.data, elf.len);
	files.module[0] = memfd("x", 1);
	CHECK_OK(ftruncate(files.module[0], 63 * MIB + 1));
	CHECK_EQ(mem_create(&m, 64 * MIB), 0);
	CHECK_EQ(boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)),
		 -ENOSPC);
	CHECK(sscanf(err, "kernel K: kernel and ramdisk take 65 MiB, the guest has 64: set memory=%u or more",
		     &need) == 1);
	CHECK_EQ(need, 65);
	mem_destroy(m);
	CHECK_EQ(mem_create(&m, need * MIB), 0);
	CHECK_MSG(!boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)),
		  "%s", err);
	mem_destroy(m);
	CHECK_OK(ftruncate(files.module[0], 4096 * MIB));
	CHECK_EQ(mem_create(&m, 64 * MIB), 0);
	CHECK_EQ(boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)),
		 -EFBIG);
	CHECK(!strcmp(err, "ramdisk R: 4096 MiB is too big for a ramdisk"));
	mem_destroy(m);
}

TEST(tiny_memory, "memory too small for anything is refused, not overrun")
{
	struct boot_info info;
	struct mem *m;

	make_elf64(&elf);
	for (uint64_t pages = 1; pages < 40; pages++) {
		CHECK(load(&elf, pages * GUEST_PAGE_SIZE, &m, &info) < 0);
		mem_destroy(m);
	}
}

static uint64_t seed = 4711;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

/* Break up to four bytes of the first @within, or cut the file. */
static void mutate(struct blob *b, uint32_t within)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };

	for (unsigned int n = 1 + rnd(4); n; n--)
		b->data[rnd(within)] = rnd(2) ? odd[rnd(sizeof(odd))] :
				       (uint8_t)rnd(256);
	if (!rnd(8))
		b->len = rnd((uint32_t)b->len) + 1;
}

static void fuzz(struct mem *m, const struct blob *good, uint32_t at,
		 uint32_t within, unsigned int rounds)
{
	static struct blob b;
	struct vm_config cfg = config();
	struct boot_info info;
	unsigned int accepted = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		struct boot_files files = BOOT_FILES_NONE;

		memcpy(b.data, good->data, good->len);
		b.len = good->len;
		if (at) {
			for (unsigned int n = 1 + rnd(4); n; n--)
				b.data[at + rnd(within)] = (uint8_t)rnd(256);
		} else {
			mutate(&b, within);
		}
		files.kernel = memfd(b.data, b.len);
		err[0] = 0;
		if (!boot_pvh_files(m, &cfg, &files, &info, err, sizeof(err)))
			accepted++;
		else
			CHECK(!strncmp(err, "kernel K: ", 10));
		close(files.kernel);
	}
	tap_diag("%u of %u accepted", accepted, rounds);
}

TEST(fuzz_elf, "no ELF header or note leads the loader astray")
{
	struct mem *m;

	CHECK_EQ(mem_create(&m, 8 * MIB), 0);
	make_elf64(&elf);
	fuzz(m, &elf, 0, TEST_PHOFF64 + 3 * sizeof(Elf64_Phdr), 6000);
	fuzz(m, &elf, TEST_NOTE_OFF, 44, 2000);
	make_elf32(&elf);
	fuzz(m, &elf, 0, TEST_PHOFF32 + 3 * sizeof(Elf32_Phdr), 4000);
	mem_destroy(m);
}

TEST(fuzz_bzimage, "no setup header or packed data leads the loader astray")
{
	struct mem *m;

	CHECK_EQ(mem_create(&m, 8 * MIB), 0);
	for (enum packing how = PACK_NONE; how <= PACK_LAST; how++) {
		make_elf64(&elf);
		make_bzimage(&image, &elf, how);
		fuzz(m, &image, 0x1f0, 0x60, 500);
		fuzz(m, &image, BZ_TEST_PAYLOAD,
		     (uint32_t)image.len - BZ_TEST_PAYLOAD, 1500);
	}
	mem_destroy(m);
}

/* --- The unpacked copy --- */

static char dir[] = "/tmp/boot-test-XXXXXX", kernel[64], copy[72];

static void write_file(const char *path, const struct blob *b)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fwrite(b->data, 1, b->len, f) == b->len);
	fclose(f);
}

/* Load the kernel file; the first byte of its text in the guest. */
static uint8_t first_byte(void)
{
	struct vm_config cfg = config();
	struct boot_info info;
	uint8_t byte;
	struct mem *m;

	cfg.kernel = kernel;
	CHECK_EQ(mem_create(&m, 64 * MIB), 0);
	CHECK_MSG(!boot_pvh(m, &cfg, &info, err, sizeof(err)), "%s", err);
	CHECK_EQ(mem_read(m, gpa(TEST_PADDR), &byte, 1), 0);
	mem_destroy(m);
	return byte;
}

/* Make the copy, with its text's first byte changed to tell it by. */
static void make_copy(void)
{
	uint8_t mark = 0xee;
	int fd;

	CHECK_EQ(unpacked_write(kernel, err, sizeof(err)), 1);
	fd = open(copy, O_WRONLY);
	CHECK(pwrite(fd, &mark, 1, 4096 + TEST_TEXT_OFF) == 1);
	close(fd);
}

TEST(unpacked, "a copy is used if it is this kernel's, whole and trusted")
{
	struct stat st;
	uint8_t good;

	CHECK(mkdtemp(dir));
	snprintf(kernel, sizeof(kernel), "%s/vmlinuz", dir);
	snprintf(copy, sizeof(copy), "%s" UNPACKED_SUFFIX, kernel);
	make_elf64(&elf);
	make_bzimage(&image, &elf, PACK_XZ);
	write_file(kernel, &image);
	good = first_byte();
	CHECK_EQ(good, test_text_byte(0));
	make_copy();
	CHECK_EQ(first_byte(), 0xee);

	CHECK_OK(chmod(copy, 0666));
	CHECK_EQ(first_byte(), good);
	CHECK_OK(chmod(copy, 0664));
	CHECK_EQ(first_byte(), good);
	CHECK_OK(chmod(copy, 0644));
	CHECK_EQ(first_byte(), 0xee);
	if (!geteuid()) {
		CHECK_OK(chown(copy, 65534, -1));
		CHECK_EQ(first_byte(), good);
		CHECK_OK(chown(copy, 0, -1));
	}
	CHECK_OK(stat(copy, &st));
	for (off_t len = 0; len < st.st_size; len += 1021) {
		make_copy();
		CHECK_OK(truncate(copy, len));
		CHECK_EQ(first_byte(), good);
	}
	make_copy();
	CHECK_OK(truncate(copy, st.st_size + 1));
	CHECK_EQ(first_byte(), good);

	/* Another kernel in its place, of the same length. */
	make_copy();
	elf.data[TEST_TEXT_OFF + 1] ^= 1;
	make_bzimage(&image, &elf, PACK_XZ);
	write_file(kernel, &image);
	CHECK_EQ(first_byte(), good);
	make_copy();
	CHECK_EQ(first_byte(), 0xee);

	/* No copy of a kernel that is not packed, nor of a bad one. */
	write_file(kernel, &elf);
	CHECK_EQ(unpacked_write(kernel, err, sizeof(err)), 0);
	CHECK_EQ(first_byte(), good);
	image.len /= 2;
	write_file(kernel, &image);
	CHECK_EQ(unpacked_write(kernel, err, sizeof(err)), -ENOEXEC);
	CHECK(strstr(err, "truncated"));
	CHECK_EQ(unpacked_write("/dev/null", err, sizeof(err)), -EINVAL);
	CHECK_EQ(unlink(copy), 0);
	CHECK_EQ(unlink(kernel), 0);
	CHECK_EQ(unpacked_write(kernel, err, sizeof(err)), -ENOENT);
	CHECK_EQ(rmdir(dir), 0);
}

/* --- Real kernels --- */

static void load_real(const char *path, const char *ramdisk)
{
	struct vm_config cfg = config();
	struct boot_info info;
	uint8_t code[16] = { 0 };
	struct mem *m;

	cfg.kernel = (char *)path;
	cfg.ramdisk = (char *)ramdisk;
	CHECK_EQ(mem_create(&m, 512 * MIB), 0);
	CHECK_MSG(!boot_pvh(m, &cfg, &info, err, sizeof(err)), "%s", err);
	check_layout(m, &info, &cfg);
	CHECK(info.entry >= 0x1000000 && info.entry < 0x8000000);
	/* Linux's PVH entry starts with cld. */
	CHECK_EQ(mem_read(m, gpa(info.entry), code, sizeof(code)), 0);
	CHECK(memchr(code, 0xfc, sizeof(code)));
	mem_destroy(m);
}

TEST(debian, "the kernels of this machine and of the lab are loaded")
{
	glob_t g;

	glob("/boot/vmlinuz-*", 0, NULL, &g);
	glob(LAB_KERNELS, GLOB_APPEND, NULL, &g);
	CHECK_MSG(g.gl_pathc, "no kernel in /boot nor " LAB_KERNELS);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (access(g.gl_pathv[i], R_OK))
			continue;
		tap_diag("%s", g.gl_pathv[i]);
		load_real(g.gl_pathv[i], NULL);
		load_real(g.gl_pathv[i], g.gl_pathv[i]);
	}
	globfree(&g);
}
