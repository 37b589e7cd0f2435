// SPDX-License-Identifier: GPL-2.0-or-later
/* shared_info and vcpu_info by the client's address, no guest memory under it. */
#include <stdlib.h>
#include <sys/mman.h>

#include "xen.h"

#define PORT	70

struct areas {
	struct vm *vm;
	struct vcpu *v;
	uint8_t *shinfo, *info;
};

static int set_shinfo_hva(struct vm *vm, const void *p)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA,
		.u.shared_info.gfn = (uintptr_t)p,
	};

	return xen_set(vm, &a);
}

static uint64_t get_shinfo(struct vm *vm, uint16_t type)
{
	struct kvm_xen_hvm_attr a = { .type = type };

	CHECK_OK(xen_get(vm, &a));
	return a.u.shared_info.gfn;
}

static int set_info_hva(struct vcpu *v, const void *p)
{
	return xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA,
			   (uintptr_t)p);
}

static uint64_t get_info(struct vcpu *v, uint16_t type)
{
	struct kvm_xen_vcpu_attr a = { .type = type };

	CHECK_OK(xen_vcpu_get(v, &a));
	return a.u.gpa;
}

static uint8_t *new_page(void)
{
	void *p = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static struct areas setup(void)
{
	struct areas a = { .shinfo = new_page(), .info = new_page() };

	xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA);
	a.vm = xen_vm(true);
	a.v = xen_vcpu(a.vm, 0);
	CHECK_OK(set_shinfo_hva(a.vm, a.shinfo));
	CHECK_OK(set_info_hva(a.v, a.info));
	return a;
}

static bool pending_at(const uint8_t *shinfo)
{
	return shinfo[offsetof(shared_info_t, evtchn_pending) + PORT / 8] >>
	       PORT % 8 & 1;
}

static void check_delivered(const struct areas *a)
{
	const vcpu_info_t *vi = (void *)a->info;

	CHECK(pending_at(a->shinfo));
	CHECK_EQ(vi->evtchn_upcall_pending, 1);
	CHECK_EQ(vi->evtchn_pending_sel, 1ull << PORT / 64);
}

TEST(deliver, "events, clock and wallclock are where the client's pages are")
{
	struct areas a = setup();
	const shared_info_t *s = (void *)a.shinfo;
	const vcpu_info_t *vi = (void *)a.info;

	CHECK(s->wc_version && !(s->wc_version & 1));
	CHECK_OK(xen_send(a.vm, PORT, 0));
	check_delivered(&a);
	CHECK(!xen_pending(a.vm, PORT, true));
	CHECK(!xen_vcpu_info(a.vm, 0)->evtchn_upcall_pending);
	if (strcmp(dev_path(), "/dev/kvm"))
		CHECK(vi->time.version && !(vi->time.version & 1));
}

TEST(attrs, "an area is read back by the kind of address it was set with")
{
	struct areas a = setup();

	CHECK_EQ(get_shinfo(a.vm, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA),
		 (uintptr_t)a.shinfo);
	CHECK_EQ(get_shinfo(a.vm, KVM_XEN_ATTR_TYPE_SHARED_INFO),
		 KVM_XEN_INVALID_GFN);
	CHECK_EQ(get_info(a.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA),
		 (uintptr_t)a.info);
	CHECK_EQ(get_info(a.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO),
		 KVM_XEN_INVALID_GPA);
	CHECK_OK(xen_set_gpa(a.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO));
	CHECK_EQ(get_info(a.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA), 0);
	CHECK_OK(set_shinfo_hva(a.vm, NULL));
	CHECK_OK(set_info_hva(a.v, NULL));
	CHECK_EQ(get_shinfo(a.vm, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA), 0);
	CHECK_EQ(get_info(a.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA), 0);
	CHECK(xen_send(a.vm, PORT, 0) < 0);
}

TEST(refused, "addresses that are none, lie badly or cannot be written")
{
	struct areas a = setup();
	uint8_t *ro = new_page();

	CHECK_ERRNO(set_shinfo_hva(a.vm, a.shinfo + 8), EINVAL);
	CHECK_ERRNO(set_info_hva(a.v, a.info + 0x1000 - 32), EINVAL);
	CHECK_OK(mprotect(ro, 0x1000, PROT_READ));
	CHECK_ERRNO(set_shinfo_hva(a.vm, ro), EFAULT);
	CHECK_ERRNO(set_info_hva(a.v, ro), EFAULT);
	CHECK_OK(munmap(ro, 0x1000));
	CHECK_ERRNO(set_shinfo_hva(a.vm, ro), EFAULT);
	/* addresses of the kernel, and beyond all */
	CHECK(set_shinfo_hva(a.vm, (void *)0xffff888000000000ull) < 0);
	CHECK(set_info_hva(a.v, (void *)0xffffffffffffffc0ull) < 0);
	if (!strcmp(dev_path(), "/dev/kvm"))
		return;		/* it keeps the address it refused */
	/* a refused address leaves nothing in use (CVE-2022-49882) */
	CHECK_EQ(get_shinfo(a.vm, KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA), 0);
	CHECK_ERRNO(xen_send(a.vm, PORT, 0), EINVAL);
}

TEST(no_slot, "slots do not matter to it")
{
	struct areas a = setup();

	CHECK_OK(vm_set_slot(a.vm, 0, 0, 0, 0, a.vm->mem));
	CHECK_OK(xen_send(a.vm, PORT, 0));
	check_delivered(&a);
}

GUEST static void nothing(void)
{
	g_done();
}

TEST(moved, "when the client's page is another one, events are there")
{
	struct areas a = setup();
	uint8_t *copy;

	for (int i = 0; i < 20; i++) {
		copy = new_page();
		CHECK(mremap(copy, 0x1000, 0x1000, MREMAP_MAYMOVE |
			     MREMAP_FIXED, i & 1 ? a.info : a.shinfo) ==
		      (i & 1 ? a.info : a.shinfo));
		memset(a.info, 0, 0x1000);
		memset(a.shinfo, 0, 0x1000);
		CHECK_OK(xen_send(a.vm, PORT, 0));
		/* a vcpu_info is found again by its vCPU */
		vcpu_enter64(a.v, nothing);
		vcpu_done(a.v);
		check_delivered(&a);
	}
}

TEST(offset, "another place in the same page is used from then on")
{
	struct areas a = setup();

	for (unsigned int off = 0; off + 64 <= 0x1000; off += 64) {
		memset(a.info, 0, 0x1000);
		memset(a.shinfo, 0, 0x1000);
		CHECK_OK(set_info_hva(a.v, a.info + off));
		CHECK_OK(xen_send(a.vm, PORT, 0));
		CHECK_EQ(a.info[off], 1);
		CHECK(!off || !a.info[0]);
	}
}

TEST(last_close, "the pages outlive the VM and are written no more")
{
	struct areas a = setup();

	CHECK_OK(xen_send(a.vm, PORT, 0));
	vcpu_free(a.v);
	vm_free(a.vm);
	memset(a.info, 0, 0x1000);
	memset(a.shinfo, 0, 0x1000);
	CHECK(!pending_at(a.shinfo));
	CHECK_OK(munmap(a.info, 0x1000));
	CHECK_OK(munmap(a.shinfo, 0x1000));
}
