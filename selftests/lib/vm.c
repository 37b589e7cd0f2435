// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node, VMs, their memory and what stands in it before guest code runs:
 * page tables, descriptor tables, the program's guest sections.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define PTE_PWU		0x7ull		/* present, writable, user */
#define PTE_PS		0x80ull
#define PAGE_2M		0x200000ull

extern const char __start_guest_text[], __stop_guest_text[];
extern const char __start_guest_data[], __stop_guest_data[];
extern const char guest_stubs[];

const char *dev_path(void)
{
	const char *path = getenv("XKVM_DEV");

	return path && *path ? path : "/dev/xkvm";
}

int dev_open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int dev_open(void)
{
	int fd = dev_open_path(dev_path());

	CHECK_MSG(fd >= 0, "%s: %s", dev_path(), strerror(-fd));
	return fd;
}

const char *tap_precondition(void)
{
	static char why[300];
	int fd = dev_open_path(dev_path());

	if (fd < 0) {
		snprintf(why, sizeof(why), "%s: %s", dev_path(), strerror(-fd));
		return why;
	}
	close(fd);
	return NULL;
}

int dev_cap(int cap)
{
	int fd = dev_open();
	int r = ioctl(fd, KVM_CHECK_EXTENSION, (long)cap);

	close(fd);
	return r;
}

static uint64_t segment(unsigned int type, unsigned int flags)
{
	/* Base 0, limit 0xfffff; type with S, DPL, P; flags AVL, L, D, G. */
	return 0xffffull | (uint64_t)type << 40 | 0xfull << 48 |
	       (uint64_t)flags << 52;
}

static void init_gdt(struct vm *vm)
{
	uint64_t *gdt = vm_ptr(vm, GUEST_GDT);

	gdt[SEL_CODE64 / 8] = segment(0x9b, 0xa);
	gdt[SEL_DATA / 8] = segment(0x93, 0xc);
	gdt[SEL_CODE32 / 8] = segment(0x9b, 0xc);
	gdt[SEL_UCODE32 / 8] = segment(0xfb, 0xc);
	gdt[SEL_UDATA / 8] = segment(0xf3, 0xc);
	gdt[SEL_UCODE64 / 8] = segment(0xfb, 0xa);
	gdt[SEL_CODE16 / 8] = segment(0x9b, 0x0);
	gdt[SEL_DATA16 / 8] = segment(0x93, 0x0);
	for (unsigned int i = 0; i < VM_MAX_VCPUS; i++) {
		uint64_t base = GUEST_TSS + i * 0x68;
		uint8_t *tss = vm_ptr(vm, base);
		uint64_t rsp0 = GUEST_RSP0 + (i + 1) * 0x1000;

		gdt[SEL_TSS / 8 + i * 2] = 0x67 | (base & 0xffffff) << 16 |
					   0x8bull << 40;
		memcpy(tss + 4, &rsp0, 8);
		tss[0x66] = 0x68;	/* no I/O bitmap */
	}
}

static void init_idt(struct vm *vm)
{
	uint64_t *idt = vm_ptr(vm, GUEST_IDT);
	uint64_t stub = (uintptr_t)guest_stubs;

	for (int i = 0; i < 256; i++, stub += 16) {
		/*
		 * Exceptions through trap gates, the rest through interrupt
		 * gates; breakpoint and overflow may come from ring 3.
		 */
		uint64_t type = i < 32 && i != 2 ? 0x8f : 0x8e;

		if (i == 3 || i == 4)
			type |= 0x60;

		idt[i * 2] = (stub & 0xffff) | SEL_CODE64 << 16 | type << 40 |
			     (stub >> 16 & 0xffff) << 48;
		idt[i * 2 + 1] = stub >> 32;
	}
}

static void init_page_tables(struct vm *vm)
{
	uint64_t *pml4 = vm_ptr(vm, GUEST_PT);
	uint64_t *pdpt = vm_ptr(vm, GUEST_PT + 0x1000);
	uint64_t *pd = vm_ptr(vm, GUEST_PT + 0x2000);
	uint64_t *pae = vm_ptr(vm, GUEST_PDPT32);
	uint32_t *pd32 = vm_ptr(vm, GUEST_PD32);

	pml4[0] = (GUEST_PT + 0x1000) | PTE_PWU;
	for (uint64_t i = 0; i < 4; i++) {
		pdpt[i] = (GUEST_PT + 0x2000 + i * 0x1000) | PTE_PWU;
		pae[i] = (GUEST_PT + 0x2000 + i * 0x1000) | 1;
	}
	for (uint64_t i = 0; i < 2048; i++)
		pd[i] = i * PAGE_2M | PTE_PS | PTE_PWU;
	for (uint32_t i = 0; i < 1024; i++)
		pd32[i] = i << 22 | PTE_PS | PTE_PWU;
}

static void load_sections(struct vm *vm)
{
	memcpy(vm_ptr(vm, (uintptr_t)__start_guest_text), __start_guest_text,
	       __stop_guest_text - __start_guest_text);
	memcpy(vm_ptr(vm, (uintptr_t)__start_guest_data), __start_guest_data,
	       __stop_guest_data - __start_guest_data);
}

/* Two-megabyte alignment, so that huge pages are possible. */
static void *map_aligned(size_t size)
{
	uint8_t *p = mmap(NULL, size + PAGE_2M, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *a;

	CHECK_MSG(p != MAP_FAILED, "mmap: %s", strerror(errno));
	a = (uint8_t *)(((uintptr_t)p + PAGE_2M - 1) & ~(PAGE_2M - 1));
	if (a > p)
		munmap(p, a - p);
	munmap(a + size, p + PAGE_2M - a);
	return a;
}

static void init_memory(struct vm *vm)
{
	vm->mem_size = VM_MEM_SIZE;
	vm->mem = map_aligned(vm->mem_size);
	/* Same cost on every kernel, whatever its THP setting. */
	madvise(vm->mem, vm->mem_size, MADV_NOHUGEPAGE);
	CHECK_OK(vm_set_slot(vm, 0, 0, 0, vm->mem_size, vm->mem));
	init_gdt(vm);
	init_idt(vm);
	init_page_tables(vm);
	load_sections(vm);
}

static void init_irqchip(struct vm *vm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP,
		.args[0] = 24,
	};

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap) == 0)
		return;
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
}

struct vm *vm_new_on(int dev, unsigned int flags)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	CHECK(vm);
	vm->fd = ioctl(dev, KVM_CREATE_VM, 0L);
	CHECK_MSG(vm->fd >= 0, "KVM_CREATE_VM: %s", strerror(errno));
	if (!(flags & VM_EMPTY))
		init_memory(vm);
	if (flags & VM_IRQCHIP)
		init_irqchip(vm);
	return vm;
}

struct vm *vm_new(unsigned int flags)
{
	int dev = dev_open();
	struct vm *vm = vm_new_on(dev, flags);

	close(dev);
	return vm;
}

void vm_free(struct vm *vm)
{
	close(vm->fd);
	if (vm->mem)
		munmap(vm->mem, vm->mem_size);
	free(vm);
}

int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

void *vm_add_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		  uint64_t size)
{
	void *p = map_aligned(size);

	CHECK_OK(vm_set_slot(vm, slot, flags, gpa, size, p));
	return p;
}

void *vm_ptr(struct vm *vm, uint64_t gpa)
{
	CHECK_MSG(gpa < vm->mem_size, "no guest memory at %#llx",
		  (unsigned long long)gpa);
	return vm->mem + gpa;
}
