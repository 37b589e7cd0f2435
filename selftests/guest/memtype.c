// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How guest memory is cached: what the tables say of RAM, special pages and a
 * host's device, with and without non-coherent DMA, under MTRRs that disagree.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include <linux/xkvm.h>

#define PAGE	4096ull
#define RAM	0x40000000ull		/* slot */
#define SPECIAL	(RAM + 8 * PAGE)	/* in it */
#define BAR	0x50000000ull		/* a special page where no slot is */
#define HOST	0x60000000ull		/* the host's VGA memory */
#define VGA	0xa0000

#define MSR_MTRR_CAP	0xfe
#define MSR_MTRR_BASE(n) (0x200 + 2 * (n))
#define MSR_MTRR_MASK(n) (0x201 + 2 * (n))
#define MSR_MTRR_FIX	0x250
#define MSR_MTRR_DEF	0x2ff
#define DEF_E		0x800
#define DEF_FE		0x400
#define VALID		0x800

enum { UC = 0, WC = 1, WT = 4, WP = 5, WB = 6 };

static volatile uint64_t look_at GUEST_VAR;

GUEST static void look(void)
{
	for (;;) {
		if (look_at)
			g_read8(look_at);
		g_sync(0);
	}
}

static void touch(struct vcpu *v, uint64_t gpa)
{
	G(v->vm, look_at) = gpa;
	CHECK_EQ(vcpu_sync(v), 0);
}

/* The VM's tables are in the only folder of this process. */
static FILE *open_ept(void)
{
	char name[128];

	/* each test has a process of its own, and one VM */
	for (int serial = 1; serial < 100000; serial++) {
		FILE *f;

		snprintf(name, sizeof(name), "/sys/kernel/debug/xkvm/%d-%d/ept",
			 getpid(), serial);
		f = fopen(name, "r");
		if (f)
			return f;
	}
	return NULL;
}

/* "WB ipat" and the like, of the range that has @gpa; "" if none has. */
static const char *type_at(uint64_t gpa)
{
	static char type[32];
	unsigned long long start, end;
	char name[8], pat[8], rights[8];
	FILE *f = open_ept();

	if (!f)
		tap_skip("no debugfs of xkvm");
	*type = 0;
	while (fscanf(f, "%llx-%llx %7s %7s %7s", &start, &end, name, pat,
		      rights) == 5)
		if (gpa >= start && gpa <= end)
			snprintf(type, sizeof(type), "%s %s", name, pat);
	fclose(f);
	return type;
}

static void check_type(struct vcpu *v, uint64_t gpa, const char *want)
{
	const char *have;

	touch(v, gpa);
	have = type_at(gpa);
	CHECK_MSG(!strcmp(have, want), "%#llx is \"%s\", wanted \"%s\"",
		  (unsigned long long)gpa, have, want);
}

static void noncoherent(struct vm *vm, bool on)
{
	struct kvm_enable_cap c = {
		.cap = XKVM_CAP_NONCOHERENT_DMA, .args[0] = on,
	};

	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &c));
}

static void map_special(struct vm *vm, uint64_t gpa, void *page)
{
	struct xkvm_special_page p = {
		.gfn = gpa / PAGE, .user_addr = (uintptr_t)page,
	};

	CHECK_OK(ioctl(vm->fd, XKVM_MAP_SPECIAL, &p));
}

/* Everything from @gpa, 2 MiB of it, has @type; @def for all else. */
static void mtrrs(struct vcpu *v, int def, uint64_t gpa, int type)
{
	vcpu_set_msr(v, MSR_MTRR_BASE(0), gpa | type);
	vcpu_set_msr(v, MSR_MTRR_MASK(0), 0xfffe00000ull | VALID);
	vcpu_set_msr(v, MSR_MTRR_DEF, DEF_E | def);
}

static struct vcpu *setup(bool irqchip)
{
	struct vm *vm = vm_new(irqchip ? VM_IRQCHIP : 0);
	struct vcpu *v;
	uint8_t *p;

	REQUIRE_CAP(XKVM_CAP_NONCOHERENT_DMA);
	v = vcpu_new(vm, 0);
	p = vm_add_slot(vm, 1, 0, RAM, 0x400000);
	memset(p, 1, 0x400000);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	map_special(vm, SPECIAL, p);
	map_special(vm, BAR, p + PAGE);
	vcpu_enter64(v, look);
	return v;
}

TEST(ram, "RAM is WB, or what the guest's MTRRs say if DMA is not coherent")
{
	struct vcpu *v = setup(false);

	mtrrs(v, WB, RAM, WC);
	check_type(v, RAM, "WB ipat");
	noncoherent(v->vm, true);
	check_type(v, RAM, "WC pat");
	check_type(v, RAM + 0x200000, "WB pat");
	/* a change takes what is mapped with it */
	mtrrs(v, WB, RAM, WT);
	check_type(v, RAM, "WT pat");
	mtrrs(v, UC, RAM, WB);
	check_type(v, RAM, "WB pat");
	check_type(v, RAM + 0x200000, "UC pat");
	vcpu_set_msr(v, MSR_MTRR_DEF, WB);	/* off: all is UC */
	check_type(v, RAM, "UC pat");
	noncoherent(v->vm, false);
	check_type(v, RAM, "WB ipat");
}

TEST(overlap, "UC wins over all, WT over WB; masks of any form")
{
	struct vcpu *v = setup(false);

	noncoherent(v->vm, true);
	mtrrs(v, UC, RAM, WB);
	vcpu_set_msr(v, MSR_MTRR_BASE(1), (RAM + PAGE) | WT);
	vcpu_set_msr(v, MSR_MTRR_MASK(1), 0xffffff000ull | VALID);
	vcpu_set_msr(v, MSR_MTRR_BASE(7), (RAM + 2 * PAGE) | UC);
	vcpu_set_msr(v, MSR_MTRR_MASK(7), 0xffffff000ull | VALID);
	check_type(v, RAM, "WB pat");
	check_type(v, RAM + PAGE, "WT pat");
	check_type(v, RAM + 2 * PAGE, "UC pat");
	check_type(v, RAM + 3 * PAGE, "WB pat");
	/* every other page of 16 */
	vcpu_set_msr(v, MSR_MTRR_BASE(7), (RAM + 0x10000) | WT);
	vcpu_set_msr(v, MSR_MTRR_MASK(7), 0xffff11000ull | VALID);
	check_type(v, RAM + 0x10000, "WT pat");
	check_type(v, RAM + 0x11000, "WB pat");
	check_type(v, RAM + 0x12000, "WT pat");
	/* an entry that is not valid says nothing */
	vcpu_set_msr(v, MSR_MTRR_MASK(7), 0xffff11000ull);
	check_type(v, RAM + 0x12000, "WB pat");
}

TEST(fixed, "the first MiB has registers of its own")
{
	struct vcpu *v = setup(false);

	noncoherent(v->vm, true);
	vcpu_set_msr(v, MSR_MTRR_FIX, 0x0606060606060604);	/* 64 KiB each */
	vcpu_set_msr(v, 0x258, 0x0505050505050505);		/* 80000 */
	vcpu_set_msr(v, 0x26f, 0x0106060606060606);		/* f8000 */
	vcpu_set_msr(v, MSR_MTRR_DEF, DEF_E | DEF_FE | WB);
	check_type(v, 0x9000, "WT pat");
	check_type(v, 0x11000, "WB pat");
	check_type(v, 0x81000, "WP pat");
	check_type(v, 0xfe000, "WB pat");
	check_type(v, 0xff000, "WC pat");
	check_type(v, 0x100000, "WB pat");
	vcpu_set_msr(v, MSR_MTRR_DEF, DEF_E | WT);
	check_type(v, 0x9000, "WT pat");
	check_type(v, 0x81000, "WT pat");
}

TEST(special, "special pages are WB whatever else, in RAM and in a hole")
{
	struct vcpu *v = setup(false);

	for (int i = 0; i < 2; i++) {
		mtrrs(v, UC, RAM, i ? WC : UC);
		check_type(v, SPECIAL, "WB ipat");
		check_type(v, BAR, "WB ipat");
		noncoherent(v->vm, true);
	}
	check_type(v, SPECIAL, "WB ipat");
	check_type(v, BAR, "WB ipat");
	check_type(v, SPECIAL + PAGE, "WC pat");
}

TEST(apic_page, "so is the APIC-access page, where there is one")
{
	struct vcpu *v = setup(true);

	touch(v, GUEST_APIC + 0x20);
	if (!*type_at(GUEST_APIC))
		tap_skip("no APIC-access page");
	check_type(v, GUEST_APIC + 0x20, "WB ipat");
	noncoherent(v->vm, true);
	mtrrs(v, UC, GUEST_APIC & ~0x1fffffull, UC);
	check_type(v, GUEST_APIC + 0x20, "WB ipat");
	/* gone with the mode */
	vcpu_set_msr(v, MSR_APIC_BASE, 0xfee00d00);
	CHECK(!*type_at(GUEST_APIC));
}

TEST(host_mmio, "a device of the host is UC, with every MTRR and DMA")
{
	struct vcpu *v = setup(false);
	int fd = open("/dev/mem", O_RDWR);
	void *p;

	if (fd < 0)
		tap_skip("no /dev/mem");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, VGA);
	if (p == MAP_FAILED)
		tap_skip("/dev/mem has no VGA memory");
	CHECK_OK(vm_set_slot(v->vm, 2, 0, HOST, PAGE, p));
	mtrrs(v, WB, HOST, WB);
	check_type(v, HOST, "UC pat");
	noncoherent(v->vm, true);
	check_type(v, HOST, "UC pat");
	mtrrs(v, WB, HOST, WT);
	check_type(v, HOST, "UC pat");
	/* the mapping goes and takes the guest's with it */
	CHECK_OK(munmap(p, PAGE));
	CHECK(!*type_at(HOST));
	CHECK_EQ(vcpu_run(v), -EFAULT);
}

TEST(msrs, "MTRRs hold what is written, and refuse what they cannot")
{
	static const uint32_t fix[] = { 0x250, 0x258, 0x259, 0x268, 0x269,
					0x26a, 0x26b, 0x26c, 0x26d, 0x26e,
					0x26f };
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	CHECK_EQ(vcpu_get_msr(v, MSR_MTRR_CAP) & 0x1ff, 0x108);
	for (unsigned int i = 0; i < sizeof(fix) / sizeof(*fix); i++) {
		uint64_t x = 0x0006050401060504ull + i % 2;

		vcpu_set_msr(v, fix[i], x);
		CHECK_EQ(vcpu_get_msr(v, fix[i]), x);
		CHECK_EQ(vcpu_try_set_msr(v, fix[i], 0x0200000000000000), 0);
		CHECK_EQ(vcpu_try_set_msr(v, fix[i], 3), 0);
		CHECK_EQ(vcpu_try_set_msr(v, fix[i], 0x700), 0);
		CHECK_EQ(vcpu_get_msr(v, fix[i]), x);
	}
	for (unsigned int i = 0; i < 8; i++) {
		vcpu_set_msr(v, MSR_MTRR_BASE(i), (i << 20) | WB);
		vcpu_set_msr(v, MSR_MTRR_MASK(i), 0xffff00000ull | VALID);
		CHECK_EQ(vcpu_get_msr(v, MSR_MTRR_BASE(i)), (i << 20) | WB);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_BASE(i), 2), 0);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_BASE(i), 0x100), 0);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_BASE(i), 1ull << 62), 0);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_MASK(i), 1), 0);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_MASK(i), 1ull << 62), 0);
		CHECK_EQ(vcpu_get_msr(v, MSR_MTRR_MASK(i)),
			 0xffff00000ull | VALID);
	}
	vcpu_set_msr(v, MSR_MTRR_DEF, DEF_E | DEF_FE | WP);
	CHECK_EQ(vcpu_get_msr(v, MSR_MTRR_DEF), DEF_E | DEF_FE | WP);
	CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_DEF, 7), 0);
	CHECK_EQ(vcpu_try_set_msr(v, MSR_MTRR_DEF, 0x100), 0);
}

/* --- KVM_DEV_TYPE_VFIO ------------------------------------------------------ */

static int vfio_new(struct vm *vm, uint32_t flags)
{
	struct kvm_create_device c = {
		.type = KVM_DEV_TYPE_VFIO, .fd = -1, .flags = flags,
	};

	return ioctl(vm->fd, KVM_CREATE_DEVICE, &c) < 0 ? -1 : (int)c.fd;
}

TEST(vfio, "the device of VFIO's groups and what it refuses")
{
	struct vm *vm = vm_new(0);
	int dev, fd = open("/dev/null", O_RDWR);
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_GROUP, .attr = KVM_DEV_VFIO_GROUP_ADD,
		.addr = (uintptr_t)&fd,
	};
	struct kvm_create_device bad = { .type = 0x7fff };

	REQUIRE_CAP(KVM_CAP_DEVICE_CTRL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_DEVICE, &bad), ENODEV);
	CHECK_EQ(vfio_new(vm, KVM_CREATE_DEVICE_TEST), -1);
	dev = vfio_new(vm, 0);
	CHECK_OK(dev);
	CHECK_ERRNO(vfio_new(vm, 0), EBUSY);
	CHECK_OK(ioctl(dev, KVM_HAS_DEVICE_ATTR, &a));
	CHECK_ERRNO(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), EINVAL);
	CHECK_ERRNO(ioctl(dev, KVM_GET_DEVICE_ATTR, &a), EPERM);
	a.attr = KVM_DEV_VFIO_GROUP_DEL;
	CHECK_ERRNO(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), ENOENT);
	close(fd);
	CHECK_ERRNO(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), EBADF);
	a.addr = 8;
	CHECK_ERRNO(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), EFAULT);
	a.attr = 77;
	CHECK_ERRNO(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(dev, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	a.attr = KVM_DEV_VFIO_GROUP_ADD;
	a.group = 77;
	CHECK_ERRNO(ioctl(dev, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(dev, KVM_RUN, 0), ENOTTY);
}

TEST(capability, "non-coherent DMA is 0 or 1, and 0 at first")
{
	struct vm *vm = vm_new(0);
	struct kvm_enable_cap c = {
		.cap = XKVM_CAP_NONCOHERENT_DMA, .args[0] = 2,
	};

	REQUIRE_CAP(XKVM_CAP_NONCOHERENT_DMA);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	noncoherent(vm, true);
	noncoherent(vm, true);
	noncoherent(vm, false);
	noncoherent(vm, false);
}

GUEST static void wbinvd_twice(void)
{
	__asm__ volatile("wbinvd");
	g_sync(1);
	__asm__ volatile("wbinvd");
	g_done();
}

/* The guest may then empty the caches of CPUs. */
TEST(capability_user, "non-coherent DMA wants CAP_SYS_ADMIN, as a device's does")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_enable_cap c = {
		.cap = XKVM_CAP_NONCOHERENT_DMA, .args[0] = 1,
	};

	REQUIRE_CAP(XKVM_CAP_NONCOHERENT_DMA);
	vcpu_enter64(v, wbinvd_twice);
	vcpu_sync(v);
	noncoherent(vm, true);
	vcpu_done(v);
	noncoherent(vm, false);
	CHECK_OK(setresuid(65534, 65534, 65534));
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EPERM);
	c.args[0] = 0;
	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &c));
}
