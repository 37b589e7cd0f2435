// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest memory: the map, the bounds, overlays, ballooning. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/mem.h"

#define MIB (1ull << 20)

const char *tap_precondition(void)
{
	return NULL;
}

static struct mem *make(uint64_t bytes)
{
	struct mem *m;

	CHECK_EQ(mem_create(&m, bytes), 0);
	return m;
}

TEST(sizes, "sizes that are no memory are refused")
{
	struct mem *m;

	CHECK(mem_create(&m, 0) == -EINVAL);
	CHECK(mem_create(&m, 4095) == -EINVAL);
	CHECK(mem_create(&m, MIB + 1) == -EINVAL);
	CHECK(mem_create(&m, UINT64_MAX - 4095) == -EINVAL);
}

TEST(layout, "RAM lies below the hole, and the rest from 4 GiB on")
{
	const struct mem_range *r;
	struct mem *m = make(8 * MIB);

	CHECK_EQ(mem_ranges(m, &r), 1);
	CHECK_EQ(r[0].gpa, 0);
	CHECK_EQ(r[0].len, 8 * MIB);
	mem_destroy(m);

	m = make(MEM_HOLE_START + 16 * MIB);
	CHECK_EQ(mem_ranges(m, &r), 2);
	CHECK_EQ(r[0].len, MEM_HOLE_START);
	CHECK_EQ(r[1].gpa, 1ull << 32);
	CHECK_EQ(r[1].len, 16 * MIB);
	CHECK(!mem_ptr(m, gpa(MEM_HOLE_START), 1));
	CHECK(!mem_ptr(m, gpa(MEM_HOLE_START - 1), 2));
	CHECK(mem_ptr(m, gpa(1ull << 32), 1));
	mem_destroy(m);
}

TEST(bounds, "no access leaves RAM, however its numbers wrap")
{
	struct mem *m = make(MIB);
	char buf[16] = "0123456789abcde";

	CHECK_EQ(mem_write(m, gpa(MIB - 16), buf, 16), 0);
	CHECK(mem_write(m, gpa(MIB - 15), buf, 16) == -EFAULT);
	CHECK(mem_read(m, gpa(MIB), buf, 1) == -EFAULT);
	CHECK(mem_read(m, gpa(UINT64_MAX), buf, 16) == -EFAULT);
	CHECK(mem_read(m, gpa(UINT64_MAX - 7), buf, 16) == -EFAULT);
	CHECK(!mem_ptr(m, gpa(0), SIZE_MAX));
	CHECK(!mem_ptr(m, gpa(16), SIZE_MAX - 8));
	CHECK(mem_ptr(m, gpa(0), MIB));
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(mem_read(m, gpa(MIB - 16), buf, 16), 0);
	CHECK(!strcmp(buf, "0123456789abcde"));
	mem_destroy(m);
}

static int special(void)
{
	int fd = memfd_create("special", MFD_CLOEXEC);

	CHECK_OK(fd);
	CHECK_OK(ftruncate(fd, 2 * GUEST_PAGE_SIZE));
	return fd;
}

TEST(overlay, "an overlay hides a page, and what it hid comes back")
{
	int fd = special();
	struct mem *m = make(4 * MIB);
	char *page = mem_ptr(m, gfn_to_gpa(gfn(100)), GUEST_PAGE_SIZE), c;

	memset(page - GUEST_PAGE_SIZE, 'x', 3 * GUEST_PAGE_SIZE);
	CHECK_EQ(mem_overlay_set(m, gfn(100), fd, GUEST_PAGE_SIZE), 0);
	CHECK_EQ(page[0], 0);
	CHECK_EQ(page[-1], 'x');
	CHECK_EQ(page[GUEST_PAGE_SIZE], 'x');
	CHECK_EQ(mem_write(m, gpa(100 * GUEST_PAGE_SIZE + 7), "y", 1), 0);
	CHECK(pread(fd, &c, 1, GUEST_PAGE_SIZE + 7) == 1 && c == 'y');
	CHECK(mem_release(m, gfn(100)) == -EBUSY);
	CHECK_EQ(mem_overlay_clear(m, gfn(100)), 0);
	CHECK_EQ(page[0], 'x');
	CHECK_EQ(page[7], 'x');
	CHECK(mem_overlay_clear(m, gfn(100)) == -ENOENT);
	mem_destroy(m);
}

TEST(alias, "accesses within a frame go where the guest sees it")
{
	static char other[GUEST_PAGE_SIZE];
	struct mem *m = make(4 * MIB);
	char *ram = mem_ptr(m, gpa(0), 4 * MIB);
	gpa_t at = gpa(100 * GUEST_PAGE_SIZE);

	ram[at.v + 5] = 'r';
	other[5] = 'o';
	CHECK_EQ(mem_alias_set(m, gfn(100), other), 0);
	CHECK(mem_ptr(m, at, GUEST_PAGE_SIZE) == (void *)other);
	CHECK(mem_ptr(m, gpa(at.v + 5), 1) == (void *)(other + 5));
	CHECK(mem_ptr(m, gpa(at.v - 1), 2) == (void *)(ram + at.v - 1));
	CHECK_EQ(mem_write(m, gpa(at.v + 6), "w", 1), 0);
	CHECK(other[6] == 'w' && !ram[at.v + 6]);
	CHECK(mem_release(m, gfn(100)) == -EBUSY);
	mem_alias_clear(m, gfn(100));
	CHECK(mem_ptr(m, gpa(at.v + 5), 1) == (void *)(ram + at.v + 5));
	CHECK_EQ(mem_release(m, gfn(100)), 0);

	CHECK(mem_alias_set(m, gfn(4 * MIB / GUEST_PAGE_SIZE), other) ==
	      -EFAULT);
	for (unsigned int i = 0; i < MEM_NR_ALIASES; i++)
		CHECK_EQ(mem_alias_set(m, gfn(i), other), 0);
	CHECK(mem_alias_set(m, gfn(200), other) == -ENOSPC);
	mem_alias_clear(m, gfn(7));
	CHECK_EQ(mem_alias_set(m, gfn(200), other), 0);
	CHECK(mem_ptr(m, gpa(7 * GUEST_PAGE_SIZE), 1) != (void *)other);
	mem_destroy(m);
}

TEST(overlay_bounds, "an overlay beyond RAM is refused")
{
	int fd = special();
	struct mem *m = make(MIB);

	CHECK(mem_overlay_set(m, gfn(256), fd, 0) == -EFAULT);
	CHECK(mem_overlay_set(m, gfn(UINT64_MAX), fd, 0) == -EFAULT);
	CHECK(mem_overlay_set(m, gfn(1ull << 52), fd, 0) == -EFAULT);
	CHECK_EQ(mem_overlay_set(m, gfn(255), fd, 0), 0);
	mem_destroy(m);
}

TEST(balloon, "pages are released and populated once each")
{
	struct mem *m = make(MIB);
	uint64_t n;

	memset(mem_ptr(m, gpa(0), MIB), 'x', MIB);
	CHECK_EQ(mem_pages(m, &n), 256);
	CHECK_EQ(n, 256);
	CHECK(mem_populate(m, gfn(3)) == -EEXIST);
	CHECK_EQ(mem_release(m, gfn(3)), 0);
	CHECK(mem_release(m, gfn(3)) == -EINVAL);
	CHECK(mem_release(m, gfn(256)) == -EINVAL);
	CHECK(mem_release(m, gfn(1ull << 52 | 4)) == -EINVAL);
	CHECK_EQ(mem_pages(m, &n), 256);
	CHECK_EQ(n, 255);
	CHECK_EQ(*(char *)mem_ptr(m, gpa(3 * GUEST_PAGE_SIZE), 1), 0);
	CHECK_EQ(*(char *)mem_ptr(m, gpa(4 * GUEST_PAGE_SIZE), 1), 'x');
	CHECK_EQ(mem_populate(m, gfn(3)), 0);
	CHECK(mem_populate(m, gfn(3)) == -EEXIST);
	CHECK(mem_populate(m, gfn(UINT64_MAX)) == -EINVAL);
	mem_pages(m, &n);
	CHECK_EQ(n, 256);
	mem_destroy(m);
}
