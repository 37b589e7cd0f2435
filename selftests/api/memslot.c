// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM_SET_USER_MEMORY_REGION: what it takes and everything it refuses. */
#include <sys/mman.h>

#include "guest.h"

#define PAGE	4096ull
#define A	0x40000000ull

static struct vm *vm;
static uint8_t *mem;		/* 64 pages */

static void setup(void)
{
	vm = vm_new(VM_EMPTY);
	mem = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED);
}

static int set(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size)
{
	return vm_set_slot(vm, slot, flags, gpa, size, mem);
}

TEST(alignment, "everything is aligned to pages, or refused")
{
	setup();
	CHECK_ERRNO(set(0, 0, A + 1, PAGE), EINVAL);
	CHECK_ERRNO(set(0, 0, A + 2048, PAGE), EINVAL);
	CHECK_ERRNO(set(0, 0, A, PAGE + 1), EINVAL);
	CHECK_ERRNO(set(0, 0, A, 1), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0, 0, A, PAGE, mem + 8), EINVAL);
	CHECK_OK(set(0, 0, A, PAGE));
}

TEST(overlap, "overlapping slots are refused with EEXIST, neighbours are not")
{
	setup();
	CHECK_OK(set(0, 0, A + 4 * PAGE, 4 * PAGE));
	CHECK_ERRNO(set(1, 0, A + 4 * PAGE, 4 * PAGE), EEXIST);
	CHECK_ERRNO(set(1, 0, A + 7 * PAGE, PAGE), EEXIST);
	CHECK_ERRNO(set(1, 0, A + 3 * PAGE, 2 * PAGE), EEXIST);
	CHECK_ERRNO(set(1, 0, A, 64 * PAGE), EEXIST);
	CHECK_OK(set(1, 0, A + 8 * PAGE, PAGE));
	CHECK_OK(set(2, 0, A, 4 * PAGE));
	/* Moving onto another is an overlap too. */
	CHECK_ERRNO(set(2, 0, A + 5 * PAGE, 4 * PAGE), EEXIST);
	/* ... but not onto oneself. */
	CHECK_OK(set(1, 0, A + 9 * PAGE, PAGE));
	CHECK_OK(set(1, 0, A + 8 * PAGE, PAGE));
}

TEST(deletion, "deletion by size 0; what is not there is EINVAL")
{
	setup();
	CHECK_ERRNO(set(3, 0, A, 0), EINVAL);
	CHECK_OK(set(3, 0, A, 2 * PAGE));
	CHECK_OK(set(3, 0, A, 0));
	CHECK_ERRNO(set(3, 0, A, 0), EINVAL);
	CHECK_OK(set(4, 0, A, 2 * PAGE));
	CHECK_OK(vm_set_slot(vm, 4, 0, 0, 0, NULL));
	CHECK_OK(set(4, 0, A + PAGE, 2 * PAGE));
}

TEST(resize, "a slot can be moved, not resized, nor its memory exchanged")
{
	setup();
	CHECK_OK(set(0, 0, A, 4 * PAGE));
	CHECK_ERRNO(set(0, 0, A, 8 * PAGE), EINVAL);
	CHECK_ERRNO(set(0, 0, A, 2 * PAGE), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0, 0, A, 4 * PAGE, mem + PAGE), EINVAL);
	CHECK_OK(set(0, 0, A + 32 * PAGE, 4 * PAGE));
	CHECK_OK(set(1, 0, A, 4 * PAGE));
	/* Nothing changed: fine. */
	CHECK_OK(set(1, 0, A, 4 * PAGE));
	/* Read-only is for good, too. */
	if (dev_cap(KVM_CAP_READONLY_MEM) > 0)
		CHECK_ERRNO(set(1, KVM_MEM_READONLY, A, 4 * PAGE), EINVAL);
}

TEST(flags, "unknown flags are refused")
{
	setup();
	CHECK_ERRNO(set(0, 1u << 31, A, PAGE), EINVAL);
	CHECK_ERRNO(set(0, 1u << 7, A, PAGE), EINVAL);
	if (dev_cap(KVM_CAP_READONLY_MEM) > 0)
		CHECK_OK(set(0, KVM_MEM_READONLY, A, PAGE));
	else
		CHECK_ERRNO(set(0, KVM_MEM_READONLY, A, PAGE), EINVAL);
}

TEST(ids, "slot numbers up to the limit, no address spaces beyond the first")
{
	int n = dev_cap(KVM_CAP_NR_MEMSLOTS);

	setup();
	CHECK_OK(set(n - 1, 0, A, PAGE));
	CHECK_ERRNO(set(n, 0, A + PAGE, PAGE), EINVAL);
	CHECK_ERRNO(set(0xffff, 0, A + PAGE, PAGE), EINVAL);
	CHECK_ERRNO(set(7u << 16, 0, A + PAGE, PAGE), EINVAL);
	CHECK_ERRNO(set(~0u, 0, A + PAGE, PAGE), EINVAL);
}

TEST(wrap, "addresses that wrap or are no user addresses are refused")
{
	setup();
	CHECK_ERRNO(set(0, 0, ~0ull & ~(PAGE - 1), 2 * PAGE), EINVAL);
	CHECK_ERRNO(set(0, 0, 0ull - 2 * PAGE, 4 * PAGE), EINVAL);
	CHECK_ERRNO(set(0, 0, A, 0ull - PAGE), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0, 0, A, PAGE,
				(void *)0xffff800000000000), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0, 0, A, 1ull << 47,
				(void *)0x1000), EINVAL);
	CHECK_ERRNO(vm_set_slot(vm, 0, 0, A, 2 * PAGE,
				(void *)(~0ull & ~(PAGE - 1))), EINVAL);
}

TEST(far_away, "a slot near the end of the physical address space")
{
	setup();
	CHECK_OK(set(0, 0, (1ull << 36) - 4 * PAGE, 4 * PAGE));
	CHECK_OK(set(1, 0, 1ull << 36, 4 * PAGE));
}

TEST(many, "as many small slots as there may be, found again, in any order")
{
	int n = dev_cap(KVM_CAP_NR_MEMSLOTS);

	setup();
	if (n > 200)
		n = 200;
	for (int i = 0; i < n; i++)
		CHECK_OK(set(i, 0, A + (i * 37 % 256) * 2 * PAGE, PAGE));
	for (int i = 0; i < n; i++)
		CHECK_ERRNO(set(n + 1, 0, A + (i * 37 % 256) * 2 * PAGE, PAGE),
			    EEXIST);
	for (int i = n - 1; i >= 0; i--)
		CHECK_OK(set(i, 0, 0, 0));
	CHECK_OK(set(0, 0, A, 64 * PAGE));
}

GUEST static void spread(void)
{
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t *p = (uint64_t *)(A + i * 0x100000);

		g_check_eq(*p, i + 1);
		*p = i + 1000;
	}
	g_done();
}

TEST(lookup, "the guest reaches the right one of many slots")
{
	uint64_t *p;
	struct vcpu *v;

	setup();
	vm = vm_new(0);
	p = (uint64_t *)mem;
	for (int i = 0; i < 40; i++) {
		p[i * 512] = i + 1;
		CHECK_OK(vm_set_slot(vm, 1 + i * 7 % 41, 0, A + i * 0x100000,
				     PAGE, mem + i * PAGE));
	}
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, spread);
	vcpu_done(v);
	for (int i = 0; i < 40; i++)
		CHECK_EQ(p[i * 512], i + 1000);
}
