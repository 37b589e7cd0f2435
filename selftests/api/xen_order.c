// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Xen state that arrives in any order, areas that lie across pages, and guest
 * memory that goes and comes back under the kernel's mappings of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xen.h"

#define AREA_PAGE	0x116000ull	/* and the page after it */
#define FILL		0x5a

/* 64-bit layout: it crosses the page only by its last 3 bytes. */
#define SPLIT		(AREA_PAGE + 0x1000 - 0x2d)

static int set_runstate(struct vcpu *v, uint64_t state)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA,
		.u.runstate = {
			.state = state,
			.state_entry_time = 100,
			.time_running = 10,
			.time_runnable = 20,
			.time_blocked = 30,
			.time_offline = 40,
		},
	};

	return xen_vcpu_set(v, &a);
}

/* What the guest must then see, in @size bytes. */
static void want_runstate(uint8_t *buf, uint32_t state, bool wide)
{
	static const uint64_t times[] = { 100, 10, 20, 30, 40 };

	memset(buf, 0, 0x30);
	memcpy(buf, &state, 4);
	memcpy(buf + (wide ? 8 : 4), times, sizeof(times));
}

static struct vm *bare_vm(void)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = XEN_MSR,
	};
	struct vm *vm = vm_new(VM_IRQCHIP);

	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	return vm;
}

static void set_wide(struct vm *vm, bool wide)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE, .u.long_mode = wide,
	};

	CHECK_OK(xen_set(vm, &a));
}

static void set_shinfo(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = XEN_SHINFO >> 12,
	};

	CHECK_OK(xen_set(vm, &a));
}

static void set_update_flag(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.long_mode = 1,
	};

	CHECK_OK(xen_set(vm, &a));
}

/* --- any order -------------------------------------------------------------- */

enum step { WIDE, SHINFO, FLAG, INFO, TIME, AREA, STATE, STEPS };

static void do_step(struct vm *vm, struct vcpu *v, enum step s)
{
	switch (s) {
	case WIDE:
		set_wide(vm, true);
		break;
	case SHINFO:
		set_shinfo(vm);
		break;
	case FLAG:
		set_update_flag(vm);
		break;
	case INFO:
		CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				     XEN_VCPU_INFO));
		break;
	case TIME:
		CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
				     XEN_TIME_INFO));
		break;
	case AREA:
		CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
				     SPLIT));
		break;
	case STATE:
		CHECK_OK(set_runstate(v, RUNSTATE_blocked));
		break;
	default:
		break;
	}
}

/* The pages with what depends on the moment taken out. */
static void snapshot(struct vm *vm, uint8_t *to)
{
	shared_info_t *s = (void *)to;
	vcpu_time_info_t *t;

	memcpy(to, vm_ptr(vm, XEN_SHINFO), 0x1000);
	CHECK(!(s->wc_version & 1));
	CHECK(s->wc_nsec < 1000000000);
	s->wc_version = s->wc_sec = s->wc_nsec = 0;
	memcpy(to + 0x1000, vm_ptr(vm, XEN_VCPU_INFO), 0x1000);
	t = &((vcpu_info_t *)(to + 0x1000))->time;
	CHECK(!(t->version & 1));
	CHECK(t->tsc_to_system_mul);
	memset(t, 0, sizeof(*t));
	memcpy(to + 0x2000, vm_ptr(vm, XEN_TIME_INFO), 0x1000);
	t = (void *)(to + 0x2000);
	CHECK(!(t->version & 1));
	CHECK(t->tsc_to_system_mul);
	memset(t, 0, sizeof(*t));
	memcpy(to + 0x3000, vm_ptr(vm, AREA_PAGE), 0x2000);
}

static void run_order(const enum step *order, uint8_t *to)
{
	struct vm *vm = bare_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t want[0x30];

	memset(vm_ptr(vm, XEN_SHINFO), FILL, 0x1000);
	memset(vm_ptr(vm, XEN_VCPU_INFO), FILL, 0x1000);
	memset(vm_ptr(vm, XEN_TIME_INFO), FILL, 0x1000);
	memset(vm_ptr(vm, AREA_PAGE), FILL, 0x2000);
	for (int i = 0; i < STEPS; i++)
		do_step(vm, v, order[i]);
	snapshot(vm, to);
	want_runstate(want, RUNSTATE_blocked, true);
	CHECK(!memcmp(to + 0x3000 + (SPLIT - AREA_PAGE), want, 0x30));
	vcpu_free(v);
	vm_free(vm);
}

TEST(any_order, "state that comes in any order leads to the same memory")
{
	enum step order[STEPS] = { WIDE, SHINFO, FLAG, INFO, TIME, AREA, STATE };
	uint8_t *first = malloc(0x5000), *now = malloc(0x5000);

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM goes by the order");
	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG);
	CHECK(first && now);
	run_order(order, first);
	srandom(2);
	for (int n = 0; n < 40; n++) {
		/* the word size in every place, the rest at random */
		for (int i = STEPS - 1; i > 0; i--) {
			int j = random() % (i + 1);
			enum step t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (int i = 0; i < STEPS; i++)
			if (order[i] == WIDE) {
				order[i] = order[n % STEPS];
				order[n % STEPS] = WIDE;
				break;
			}
		run_order(order, now);
		for (int i = 0; i < 0x5000; i++)
			CHECK_MSG(now[i] == first[i],
				  "round %d: byte %#x is %#x, was %#x", n, i,
				  now[i], first[i]);
	}
}

/* --- across pages ------------------------------------------------------------ */

static void split_at(struct vm *vm, struct vcpu *v, unsigned int first,
		     bool wide)
{
	uint64_t gpa = AREA_PAGE + 0x1000 - first;
	uint8_t *mem = vm_ptr(vm, AREA_PAGE), want[0x2000], rs[0x30];
	unsigned int size = wide ? 0x30 : 0x2c;

	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     KVM_XEN_INVALID_GPA));
	memset(mem, FILL, 0x2000);
	CHECK_OK(set_runstate(v, RUNSTATE_offline));
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR, gpa));
	/* an area that is there is written when the state changes */
	CHECK_OK(set_runstate(v, RUNSTATE_blocked));
	memset(want, FILL, sizeof(want));
	want_runstate(rs, RUNSTATE_blocked, wide);
	memcpy(want + 0x1000 - first, rs, size);
	for (unsigned int i = 0; i < sizeof(want); i++)
		CHECK_MSG(mem[i] == want[i],
			  "%u bytes in the first page: byte %#x is %#x, not %#x",
			  first, i, mem[i], want[i]);
}

TEST(runstate_split, "a runstate area at every place across two pages")
{
	struct vm *vm;
	struct vcpu *v;

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM writes when a vCPU runs");
	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	for (int wide = 0; wide < 2; wide++) {
		vm = xen_vm(wide);
		v = xen_vcpu(vm, 0);
		set_update_flag(vm);
		for (unsigned int first = 1; first <= 0x34; first++)
			split_at(vm, v, first, wide);
	}
}

TEST(runstate_end, "a runstate area that runs out of memory is refused")
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			  VM_MEM_SIZE - 8) < 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     VM_MEM_SIZE - 0x30));
	CHECK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			  ~0ull - 0x10) < 0);
}

TEST(misaligned, "a vcpu_info that is not aligned is refused")
{
	struct vcpu *v;

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM takes it");
	xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	v = xen_vcpu(xen_vm(false), 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO + 4));
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				XEN_VCPU_INFO + 2), EINVAL);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				XEN_VCPU_INFO + 4), EINVAL);
}

/* --- memory that goes away ------------------------------------------------------ */

static void *replace_page(struct vm *vm, uint64_t gpa)
{
	void *p = vm_ptr(vm, gpa);

	CHECK(mmap(p, 0x1000, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	return p;
}

TEST(shinfo_replaced, "events go to the page that is there now")
{
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	CHECK_OK(xen_send(vm, 70, 0));
	for (int i = 0; i < 20; i++) {
		replace_page(vm, XEN_SHINFO);
		CHECK(!xen_pending(vm, 70, true));
		CHECK_OK(xen_send(vm, 70, 0));
		CHECK(xen_pending(vm, 70, true));
		CHECK_OK(madvise(vm_ptr(vm, XEN_SHINFO), 0x1000,
				 MADV_DONTNEED));
		CHECK_OK(xen_send(vm, 71, 0));
		CHECK(xen_pending(vm, 71, true));
		CHECK(!xen_pending(vm, 70, true));
	}
}

TEST(shinfo_gone, "without its memory shared_info is an error, then works again")
{
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	CHECK_OK(munmap(vm_ptr(vm, XEN_SHINFO), 0x1000));
	CHECK_ERRNO(xen_send(vm, 70, 0), EFAULT);
	replace_page(vm, XEN_SHINFO);
	CHECK_OK(xen_send(vm, 70, 0));
	CHECK(xen_pending(vm, 70, true));
}

TEST(slot_gone, "a slot that is deleted takes the caches with it")
{
	struct vm *vm;
	uint8_t *other = mmap(NULL, VM_MEM_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(other != MAP_FAILED);
	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	CHECK_OK(vm_set_slot(vm, 0, 0, 0, 0, vm->mem));
	CHECK_ERRNO(xen_send(vm, 70, 0), EFAULT);
	CHECK(!xen_pending(vm, 70, true));
	CHECK_OK(vm_set_slot(vm, 0, 0, 0, VM_MEM_SIZE, other));
	CHECK_OK(xen_send(vm, 70, 0));
	CHECK(!xen_pending(vm, 70, true));
	CHECK(other[XEN_SHINFO + offsetof(shared_info_t, evtchn_pending) +
		    70 / 8] & 1 << 70 % 8);
}

TEST(info_gone, "an event for a vcpu_info that is away waits for it")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(munmap(vm_ptr(vm, XEN_VCPU_INFO), 0x1000));
	CHECK_OK(xen_send(vm, 130, 0));
	CHECK(xen_pending(vm, 130, true));
	replace_page(vm, XEN_VCPU_INFO);
	/* it goes there before the guest is entered: the run ends at once */
	v->run->immediate_exit = 1;
	vcpu_run(v);
	v->run->immediate_exit = 0;
	CHECK_OK(xen_send(vm, 131, 0));
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO));
	CHECK(xen_pending(vm, 131, true));
}

TEST(inactive, "an area that was removed is left alone")
{
	struct vm *vm;
	struct vcpu *v;
	uint8_t *mem;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR, SPLIT));
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     KVM_XEN_INVALID_GPA));
	mem = replace_page(vm, AREA_PAGE);
	replace_page(vm, AREA_PAGE + 0x1000);
	CHECK_OK(set_runstate(v, RUNSTATE_blocked));
	for (int i = 0; i < 0x2000; i++)
		CHECK(!mem[i]);
}

TEST(info_later, "events that come before vcpu_info is placed are in it then")
{
	struct vm *vm;
	struct vcpu *v;
	vcpu_info_t *info;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     KVM_XEN_INVALID_GPA));
	CHECK_OK(xen_send(vm, 70, 0));
	CHECK(xen_pending(vm, 70, true));
	info = vm_ptr(vm, XEN_VCPU_INFO);
	CHECK(!info->evtchn_upcall_pending);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO + 64));
	if (!strcmp(dev_path(), "/dev/kvm"))
		return;		/* it waits for the next entry */
	CHECK(!info->evtchn_upcall_pending);
	CHECK_EQ(info[1].evtchn_upcall_pending, 1);
	CHECK_EQ(info[1].evtchn_pending_sel, 1ull << 70 / 64);
}
