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

enum step { MODE, SHINFO, FLAG, INFO, TIME, AREA, STATE, EVENT, STEPS };

/* In the second half of a 64-bit word and in another of 32-bit ones. */
#define EVENT_PORT	(5 * 64 + 40)

static void do_step(struct vm *vm, struct vcpu *v, enum step s, bool wide)
{
	switch (s) {
	case MODE:
		set_wide(vm, wide);
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
	case EVENT:
		CHECK_OK(xen_send(vm, EVENT_PORT, 0));
		break;
	default:
		break;
	}
}

/* Take the wallclock, whose value is the moment's, out of a shared_info. */
static void check_wallclock(uint8_t *page, bool wide)
{
	shared_info_t *w = (void *)page;
	shared_info_x86_32_t *n = (void *)page;
	uint32_t *version = wide ? &w->wc_version : &n->wc_version;
	uint32_t *sec_hi = wide ? &w->wc_sec_hi : &n->arch.wc_sec_hi;

	CHECK(version[0] && !(version[0] & 1));
	CHECK(version[2] < 1000000000);
	memset(version, 0, 12);
	*sec_hi = 0;
}

static void check_time(vcpu_time_info_t *t)
{
	CHECK(!(t->version & 1));
	CHECK(t->tsc_to_system_mul);
	memset(t, 0, sizeof(*t));
}

/* The pages with what depends on the moment taken out. */
static void snapshot(struct vm *vm, uint8_t *to, bool wide)
{
	memcpy(to, vm_ptr(vm, XEN_SHINFO), 0x1000);
	check_wallclock(to, wide);
	memcpy(to + 0x1000, vm_ptr(vm, XEN_VCPU_INFO), 0x1000);
	check_time(&((vcpu_info_t *)(to + 0x1000))->time);
	memcpy(to + 0x2000, vm_ptr(vm, XEN_TIME_INFO), 0x1000);
	check_time((void *)(to + 0x2000));
	memcpy(to + 0x3000, vm_ptr(vm, AREA_PAGE), 0x2000);
}

static void check_event(struct vm *vm, bool wide)
{
	vcpu_info_t *w = vm_ptr(vm, XEN_VCPU_INFO);
	vcpu_info_x86_32_t *n = vm_ptr(vm, XEN_VCPU_INFO);
	uint64_t sel = wide ? w->evtchn_pending_sel : n->evtchn_pending_sel;

	CHECK(xen_pending(vm, EVENT_PORT, wide));
	CHECK_EQ(w->evtchn_upcall_pending, 1);
	CHECK_EQ(sel, 1ull << EVENT_PORT / (wide ? 64 : 32));
}

static void run_order(const enum step *order, uint8_t *to, bool wide)
{
	struct vm *vm = bare_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t want[0x30];

	/* what a guest has in memory, except where events are */
	memset(vm_ptr(vm, XEN_SHINFO), FILL, 0x1000);
	memset(vm_ptr(vm, XEN_SHINFO) + 0x800, 0, 0x400);
	memset(vm_ptr(vm, XEN_VCPU_INFO), FILL, 0x1000);
	memset(vm_ptr(vm, XEN_VCPU_INFO), 0, 64);
	memset(vm_ptr(vm, XEN_TIME_INFO), FILL, 0x1000);
	memset(vm_ptr(vm, AREA_PAGE), FILL, 0x2000);
	for (int i = 0; i < STEPS; i++)
		do_step(vm, v, order[i], wide);
	snapshot(vm, to, wide);
	check_event(vm, wide);
	want_runstate(want, RUNSTATE_blocked, wide);
	CHECK(!memcmp(to + 0x3000 + (SPLIT - AREA_PAGE), want,
		      wide ? 0x30 : 0x2c));
	vcpu_free(v);
	vm_free(vm);
}

static void swap_steps(enum step *order, int i, int j)
{
	enum step t = order[i];

	order[i] = order[j];
	order[j] = t;
}

static int find_step(const enum step *order, enum step s)
{
	int i = 0;

	while (order[i] != s)
		i++;
	return i;
}

/* The word size in every place, the rest at random. */
static void shuffle(enum step *order, int round)
{
	int event, shinfo;

	for (int i = STEPS - 1; i > 0; i--)
		swap_steps(order, i, random() % (i + 1));
	swap_steps(order, find_step(order, MODE), round % STEPS);
	/* an event needs a shared_info to be in */
	event = find_step(order, EVENT);
	shinfo = find_step(order, SHINFO);
	if (event < shinfo)
		swap_steps(order, event, shinfo);
}

static void all_orders(bool wide)
{
	enum step order[STEPS] = { MODE, SHINFO, FLAG, INFO, TIME, AREA, STATE,
				   EVENT };
	uint8_t *first = malloc(0x5000), *now = malloc(0x5000);

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM goes by the order");
	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG);
	CHECK(first && now);
	run_order(order, first, wide);
	srandom(2);
	for (int n = 0; n < 48; n++) {
		shuffle(order, n);
		run_order(order, now, wide);
		for (int i = 0; i < 0x5000; i++)
			CHECK_MSG(now[i] == first[i],
				  "round %d: byte %#x is %#x, was %#x", n, i,
				  now[i], first[i]);
	}
}

TEST(any_order, "state that comes in any order leads to the same memory")
{
	all_orders(true);
}

TEST(any_order_32, "and so for a 32-bit guest")
{
	all_orders(false);
}

GUEST static void nothing(void)
{
	g_done();
}

static void set_unstable(struct vm *vm, bool unstable)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
			 (unstable ? KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE :
			  0),
		.msr = XEN_MSR,
	};

	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
}

#define TSC_STABLE	1

TEST(unstable, "the flag of an unstable TSC, before the area and after")
{
	vcpu_time_info_t *t;
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE);
	vm = xen_vm(true);
	v = vcpu_new(vm, 0);
	t = &xen_vcpu_info(vm, 0)->time;
	set_unstable(vm, true);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO));
	vcpu_enter64(v, nothing);
	vcpu_done(v);
	CHECK(t->version);
	CHECK(!(t->flags & TSC_STABLE));
	set_unstable(vm, false);
	if (!strcmp(dev_path(), "/dev/kvm"))
		return;		/* it waits for another reason to write */
	vcpu_enter64(v, nothing);
	vcpu_done(v);
	CHECK(t->flags & TSC_STABLE);
	set_unstable(vm, true);
	vcpu_enter64(v, nothing);
	vcpu_done(v);
	CHECK(!(t->flags & TSC_STABLE));
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

/* vcpu_info at @off of its page, by address in the guest or in the client. */
static int place_info(struct vcpu *v, unsigned int off, bool hva)
{
	uint64_t gpa = XEN_VCPU_INFO + off;

	if (!hva)
		return xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO, gpa);
	return xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA,
			   (uintptr_t)vm_ptr(v->vm, XEN_VCPU_INFO) + off);
}

static void check_info_at(struct vcpu *v, unsigned int off, bool wide)
{
	uint8_t *page = vm_ptr(v->vm, XEN_VCPU_INFO);
	unsigned int sel = wide ? 8 : 4;

	*(uint64_t *)(vm_ptr(v->vm, XEN_SHINFO) + 0x800) = 0;
	memset(page, 0, 0x1000);
	CHECK_OK(xen_send(v->vm, 1, 0));
	CHECK_EQ(page[off], 1);
	CHECK_EQ(page[off + sel], 1);
	page[off] = page[off + sel] = 0;
	for (unsigned int i = 0; i < 0x1000; i++)
		CHECK_MSG(!page[i], "vcpu_info at %#x: byte %#x is %#x", off, i,
			  page[i]);
}

/* cases.md 10 */
static void every_alignment(bool wide, bool hva)
{
	struct vm *vm;
	struct vcpu *v;
	bool fits;

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM takes what is not aligned");
	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND |
		    (hva ? KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA : 0));
	vm = xen_vm(wide);
	v = xen_vcpu(vm, 0);
	for (unsigned int off = 0; off < 0x1000; off++) {
		fits = off + 64 <= 0x1000 && !(off % (wide ? 8 : 4));
		if (!fits) {
			CHECK_ERRNO(place_info(v, off, hva), EINVAL);
			continue;
		}
		CHECK_OK(place_info(v, off, hva));
		check_info_at(v, off, wide);
	}
}

TEST(info_places, "a vcpu_info at every place of its page: used or refused")
{
	every_alignment(true, false);
}

TEST(info_places_32, "and a 32-bit guest's")
{
	every_alignment(false, false);
}

TEST(info_places_hva, "and by user address")
{
	every_alignment(true, true);
	every_alignment(false, true);
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
