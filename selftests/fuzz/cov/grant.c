// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grant table: a guest that changes entries at will under back ends that
 * pin and unpin pages.  A pin gives a page of the guest's memory, the same as
 * long as it is held, and the entry says that it is in use until the last pin
 * is gone.
 */
#include "cov.h"
#include "../../unit/hcall_machine.h"

#define STEPS	128
#define HELD	32

struct held {
	uint32_t ref;
	bool write;
	void *page;
};

static struct held held[HELD];
static unsigned int nr_held;

/* Few references, around the ends of frames: what is granted gets pinned. */
static uint32_t reference(struct cov_input *in)
{
	uint8_t which = cov_u8(in);

	uint32_t frame = (which >> 4) % 4;

	return frame * GNTTAB_PER_FRAME + which % 16 -
	       (frame && which >= 64 ? 8 : 0);
}

static grant_entry_v1_t *entry(uint32_t ref)
{
	grant_entry_v1_t *table = physmap_page(vm.physmap, PHYSMAP_GRANT(0));

	return table + ref;
}

static bool in_ram(const void *page)
{
	const uint8_t *p = page, *ram = mem_ptr(vm.mem, gpa(0), BYTES);

	return p >= ram && p + GUEST_PAGE_SIZE <= ram + BYTES;
}

static void pin(struct cov_input *in)
{
	struct held *h = &held[nr_held];
	unsigned int i;

	if (nr_held == HELD)
		return;
	h->ref = reference(in);
	h->write = cov_u8(in) & 1;
	if (gnttab_pin(vm.gnttab, h->ref, 0, h->write, &h->page))
		return;
	CHECK(h->ref < gnttab_nr_frames(vm.gnttab) * GNTTAB_PER_FRAME);
	CHECK(in_ram(h->page));
	for (i = 0; i < nr_held; i++)
		CHECK(held[i].ref != h->ref || held[i].page == h->page);
	nr_held++;
}

static void unpin(unsigned int i)
{
	struct held h = held[i];
	bool used = false, written = false;
	uint16_t flags;

	gnttab_unpin(vm.gnttab, h.ref, h.write);
	held[i] = held[--nr_held];
	for (i = 0; i < nr_held; i++) {
		used |= held[i].ref == h.ref;
		written |= held[i].ref == h.ref && held[i].write;
	}
	flags = entry(h.ref)->flags;
	CHECK(used || !(flags & GTF_reading));
	CHECK(written || !(flags & GTF_writing));
}

/* The guest may clear these, which is its own loss: keep to the rules here. */
static void change(struct cov_input *in)
{
	grant_entry_v1_t *e = entry(reference(in));
	uint16_t flags = cov_u8(in), domid = cov_u8(in);

	if (flags < 0x80)	/* mostly it is a grant */
		flags = GTF_permit_access | (flags & GTF_readonly);
	flags &= ~(GTF_reading | GTF_writing);
	e->flags = (e->flags & (GTF_reading | GTF_writing)) | flags;
	e->domid = domid < 0xe0 ? 0 : domid;
	e->frame = (uint32_t)cov_number(in);
}

static void operation(struct cov_input *in)
{
	uint8_t op = cov_u8(in);
	const uint8_t *raw;
	size_t n = cov_bytes(in, &raw, 80);

	memcpy(at(ARG), raw, n);
	call_as(op & 0x80, __HYPERVISOR_grant_table_op, op & 15, ARG,
		1 + (op >> 4 & 3), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };
	unsigned int i;
	uint8_t op;

	setup();
	nr_held = 0;
	for (i = 0; i < STEPS && in.len; i++) {
		op = cov_u8(&in);
		if (op < 80)
			change(&in);
		else if (op < 150)
			pin(&in);
		else if (op < 200 && nr_held)
			unpin(op % nr_held);
		else
			operation(&in);
	}
	while (nr_held)
		unpin(nr_held - 1);
	teardown();
	return 0;
}
