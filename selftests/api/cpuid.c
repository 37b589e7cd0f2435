// SPDX-License-Identifier: GPL-2.0-or-later
/* CPUID through the ABI: what is supported, setting it, getting it. */
#include <stdlib.h>

#include "guest.h"

TEST(supported, "the supported CPUID is a 64-bit CPU with a local APIC")
{
	struct kvm_cpuid2 *c = cpuid_supported();
	struct kvm_cpuid_entry2 *e;

	e = cpuid_find(c, 0, 0);
	CHECK(e && e->eax >= 0xd);
	e = cpuid_find(c, 1, 0);
	CHECK(e);
	CHECK(e->edx & 1);		/* FPU */
	CHECK(e->edx & (1 << 5));	/* MSR */
	CHECK(e->edx & (1 << 9));	/* APIC */
	CHECK(e->edx & (1 << 25));	/* SSE */
	CHECK(e->edx & (1 << 26));	/* SSE2 */
	CHECK(e->ecx & (1 << 21));	/* x2APIC: always, it is emulated */
	e = cpuid_find(c, 0x80000001, 0);
	CHECK(e);
	CHECK(e->edx & (1 << 29));	/* long mode */
	CHECK(e->edx & (1 << 20));	/* NX */
}

TEST(xsave_sizes, "the compacted XSAVE area is as large as its parts")
{
	struct kvm_cpuid2 *c = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 0xd, 0);
	uint32_t standard = 576, compacted = 576;
	uint64_t xcr0;

	if (!e || !e->eax)
		tap_skip("the CPU has no XSAVE");
	xcr0 = e->eax | (uint64_t)e->edx << 32;
	for (uint32_t i = 2; i < 63; i++) {
		struct kvm_cpuid_entry2 *part = cpuid_find(c, 0xd, i);

		if (!(xcr0 >> i & 1))
			continue;
		CHECK(part && part->eax);
		if (part->ecx & 2)
			compacted = (compacted + 63) & ~63u;
		compacted += part->eax;
		if (part->ebx + part->eax > standard)
			standard = part->ebx + part->eax;
	}
	CHECK_EQ(e->ecx, standard);
	e = cpuid_find(c, 0xd, 1);
	CHECK(e);
	tap_diag("XCR0 %#llx: %u bytes, compacted %u",
		 (unsigned long long)xcr0, standard, compacted);
	if (!(e->eax & 2))
		tap_skip("the CPU has no XSAVEC");
	/* KVM says what IA32_XSS adds, too */
	CHECK(e->ebx >= compacted);
	if (xcr0 == 0xe7 && !(e->eax & 8))
		CHECK_EQ(e->ebx, 2432);
}

TEST(too_small, "a table too small is E2BIG, one absurdly large too")
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) +
				      4 * sizeof(c->entries[0]));
	int dev = dev_open();

	c->nent = 1;
	CHECK_ERRNO(ioctl(dev, KVM_GET_SUPPORTED_CPUID, c), E2BIG);
	c->nent = 0;
	CHECK_ERRNO(ioctl(dev, KVM_GET_SUPPORTED_CPUID, c), E2BIG);
}

TEST(get, "KVM_GET_CPUID2 gives back what was set")
{
	struct kvm_cpuid2 *s = cpuid_supported(), *g;
	struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);

	vcpu_set_cpuid(v, s);
	g = calloc(1, sizeof(*g) + s->nent * sizeof(g->entries[0]));
	g->nent = s->nent - 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_CPUID2, g), E2BIG);
	g->nent = s->nent;
	CHECK_OK(ioctl(v->fd, KVM_GET_CPUID2, g));
	CHECK_EQ(g->nent, s->nent);
	for (uint32_t i = 0; i < g->nent; i++) {
		CHECK_EQ(g->entries[i].function, s->entries[i].function);
		CHECK_EQ(g->entries[i].index, s->entries[i].index);
		/* Some bits of these follow the vCPU's state. */
		if (g->entries[i].function == 1 ||
		    g->entries[i].function == 7 ||
		    g->entries[i].function == 0xd)
			continue;
		CHECK_EQ(g->entries[i].eax, s->entries[i].eax);
		CHECK_EQ(g->entries[i].ebx, s->entries[i].ebx);
	}
}

TEST(set_refused, "a table too long is E2BIG")
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) +
				      1000 * sizeof(c->entries[0]));
	struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);

	c->nent = 100000;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_CPUID2, c), E2BIG);
}

#define LAST_LEAF	0x1c
#define MANY		256

GUEST static void say_last(void)
{
	uint32_t regs[4];

	g_cpuid(LAST_LEAF, 0, regs);
	g_sync(regs[0]);
	g_done();
}

TEST(last_entry, "the last of as many entries as there may be counts")
{
	struct kvm_cpuid2 *s = cpuid_supported(), *c;
	struct vcpu *v = vcpu_new_bare(vm_new(0), 0);

	c = calloc(1, sizeof(*c) + MANY * sizeof(c->entries[0]));
	CHECK(c && s->nent < MANY);
	memcpy(c, s, sizeof(*s) + s->nent * sizeof(s->entries[0]));
	for (; c->nent < MANY; c->nent++)
		c->entries[c->nent].function = 0x80001000 + c->nent;
	c->entries[MANY - 1].function = LAST_LEAF;
	c->entries[MANY - 1].eax = 0x12345678;
	vcpu_set_cpuid(v, c);
	vcpu_enter64(v, say_last);
	CHECK_EQ(vcpu_sync(v), 0x12345678);
	vcpu_done(v);
}

/* In-tree KVM computes with whatever it is given. */
TEST(no_width, "an address width that no CPU has is not taken at its word")
{
	static const uint8_t width[] = { 1, 12, 31, 53, 64, 255 };
	struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);
	struct kvm_cpuid2 *s = cpuid_supported();

	if (strcmp(dev_path(), "/dev/xkvm"))
		tap_skip("another node's answers differ");
	for (unsigned int i = 0; i < sizeof(width); i++) {
		cpuid_find(s, 0x80000008, 0)->eax = width[i];
		vcpu_set_cpuid(v, s);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_APIC_BASE,
					  GUEST_APIC | 0x900 | 1ull << 52), 0);
		CHECK_EQ(vcpu_try_set_msr(v, MSR_APIC_BASE,
					  GUEST_APIC | 0x900 | 1ull << 62), 0);
		vcpu_set_msr(v, MSR_APIC_BASE, GUEST_APIC | 0x900);
	}
}

GUEST static void say(void)
{
	for (;;)
		g_sync(1);
}

TEST(after_run, "CPUID may not change once the vCPU has run")
{
	struct kvm_cpuid2 *s = cpuid_supported();
	struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);
	struct kvm_cpuid_entry2 *e = cpuid_find(s, 0x80000002, 0);

	vcpu_set_cpuid(v, s);
	CHECK(e);
	e->eax ^= 0x20202020;
	vcpu_set_cpuid(v, s);		/* before: as often as one likes */
	vcpu_enter64(v, say);
	vcpu_sync(v);
	e->eax ^= 0x20202020;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_CPUID2, s), EINVAL);
	vcpu_sync(v);
}

TEST(no_cpuid, "without long mode in CPUID there is no long mode")
{
	struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);
	struct kvm_sregs s = vcpu_sregs(v);

	s.cr0 = 0x80000011;
	s.cr3 = GUEST_PT;
	s.cr4 = 0x20;
	s.efer = 0x500;
	s.cs.l = 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL);
}
