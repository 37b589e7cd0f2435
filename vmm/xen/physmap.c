// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the special pages and where each is: one record a page, which alone
 * says so and changes only under p->lock.  The kernel lays the page over the
 * guest's memory map where it can (XKVM_CAP_SPECIAL); otherwise it is an
 * overlay of mem.c over RAM, and elsewhere a memory slot of its own.
 *
 * The shared_info page is more than memory: the kernel is told its frame, the
 * event channels that it is there, each vCPU where its vcpu_info is.
 */
#include "physmap.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"
#include "evtchn.h"
#include "kernel.h"

#define PHYSMAP_APIC_GFN	0xfee00ull
#define PHYSMAP_GFN_LIMIT	(1ull << 34)	/* 46 address bits */

#define PHYSMAP_OVERLAY		(-1)	/* of RAM, by mem.c */
#define PHYSMAP_SPECIAL		(-2)	/* by the kernel */

struct physmap_record {
	uint64_t gfn;			/* PHYSMAP_NOWHERE */
	int slot;			/* or one of these */
};

struct physmap {
	struct vm *vm;
	pthread_mutex_t lock;
	int fd;
	unsigned char *pages;
	struct physmap_record at[PHYSMAP_NR];
};

int physmap_create(struct physmap **out, struct vm *vm)
{
	struct physmap *p = calloc(1, sizeof(*p));
	unsigned int i;
	int err;

	if (!p)
		return -ENOMEM;
	p->vm = vm;
	p->fd = memfd_create("xkvm-special", MFD_CLOEXEC);
	if (p->fd < 0) {
		err = -errno;
		goto err_free;
	}
	if (ftruncate(p->fd, PHYSMAP_NR * GUEST_PAGE_SIZE)) {
		err = -errno;
		goto err_close;
	}
	p->pages = mmap(NULL, PHYSMAP_NR * GUEST_PAGE_SIZE,
			PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (p->pages == MAP_FAILED) {
		err = -errno;
		goto err_close;
	}
	for (i = 0; i < PHYSMAP_NR; i++)
		p->at[i] = (struct physmap_record){
			PHYSMAP_NOWHERE, PHYSMAP_OVERLAY
		};
	pthread_mutex_init(&p->lock, NULL);
	*out = p;
	return 0;

err_close:
	close(p->fd);
err_free:
	free(p);
	return err;
}

void physmap_destroy(struct physmap *p)
{
	if (!p)
		return;
	munmap(p->pages, PHYSMAP_NR * GUEST_PAGE_SIZE);
	close(p->fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void *physmap_page(struct physmap *p, unsigned int nr)
{
	return p->pages + (size_t)nr * GUEST_PAGE_SIZE;
}

/* Under p->lock */
static int physmap_remove(struct physmap *p, unsigned int nr)
{
	struct physmap_record *r = &p->at[nr];
	int err;

	if (r->slot == PHYSMAP_SPECIAL) {
		err = kernel_unmap_special(p->vm, r->gfn, physmap_page(p, nr));
		if (!err)
			mem_alias_clear(p->vm->mem, gfn(r->gfn));
	} else if (r->slot >= 0) {
		err = vm_slot_del(p->vm, r->slot);
	} else {
		err = mem_overlay_clear(p->vm->mem, gfn(r->gfn));
	}
	if (err)
		return err;
	r->gfn = PHYSMAP_NOWHERE;
	r->slot = PHYSMAP_OVERLAY;
	return 0;
}

static int physmap_lay(struct physmap *p, unsigned int nr, gfn_t at)
{
	void *page = physmap_page(p, nr);
	int err = kernel_map_special(p->vm, at.v, page);

	if (err)
		return err;
	/* outside RAM nobody but the guest looks; there is one for each page */
	mem_alias_set(p->vm->mem, at, page);
	p->at[nr] = (struct physmap_record){ at.v, PHYSMAP_SPECIAL };
	return 0;
}

static int physmap_place(struct physmap *p, unsigned int nr, gfn_t at)
{
	uint64_t off = (uint64_t)nr * GUEST_PAGE_SIZE;
	int ret;

	if (p->vm->has_special)
		return physmap_lay(p, nr, at);
	ret = mem_overlay_set(p->vm->mem, at, p->fd, off);

	if (ret == -EFAULT) {
		ret = vm_slot_add(p->vm, at, p->pages + off, GUEST_PAGE_SIZE);
		if (ret < 0)
			return ret;
		p->at[nr].slot = ret;
	} else if (ret) {
		return ret;
	}
	p->at[nr].gfn = at.v;
	return 0;
}

static int physmap_find(const struct physmap *p, uint64_t at)
{
	unsigned int i;

	for (i = 0; i < PHYSMAP_NR; i++)
		if (p->at[i].gfn == at)
			return i;
	return -1;
}

static int physmap_exchange(struct physmap *p, unsigned int nr, gfn_t at)
{
	int old, err = 0;

	if (p->at[nr].gfn == at.v)
		return 0;
	old = physmap_find(p, at.v);
	if (old >= 0)
		err = physmap_remove(p, old);
	if (!err && p->at[nr].gfn != PHYSMAP_NOWHERE)
		err = physmap_remove(p, nr);
	return err ? err : physmap_place(p, nr, at);
}

/* On @v's thread: its vcpu_info is the one in shared_info at gpa *@arg. */
static int physmap_vcpu_info(struct vcpu *v, void *arg)
{
	uint64_t base = *(uint64_t *)arg;
	size_t size = kernel_is_wide(v->vm) ? sizeof(struct vcpu_info_x86_64) :
					      sizeof(struct vcpu_info_x86_32);

	if (v->info_placed)
		return 0;
	return kernel_vcpu_info(v, base == KERNEL_NO_ADDRESS ? base :
				base + v->id * size);
}

/* Tell everybody where shared_info is now, or that it is gone. */
static int physmap_announce(struct physmap *p, struct vcpu *self, uint64_t at)
{
	uint64_t base = at == PHYSMAP_NOWHERE ? KERNEL_NO_ADDRESS :
			at << GUEST_PAGE_SHIFT;
	struct vm *vm = p->vm;
	unsigned int i;
	int err;

	err = kernel_set_shared_info(vm, at);
	for (i = 0; !err && i < vm->nr_vcpus && i < XEN_LEGACY_MAX_VCPUS; i++)
		err = vcpu_call(self, &vm->vcpus[i], physmap_vcpu_info, &base);
	if (!err)
		evtchn_set_live(vm->evtchn, at != PHYSMAP_NOWHERE);
	return err;
}

int physmap_map(struct physmap *p, struct vcpu *self, unsigned int nr, gfn_t at)
{
	bool lost_info;
	int err;

	if (nr >= PHYSMAP_NR || at.v >= PHYSMAP_GFN_LIMIT ||
	    at.v == PHYSMAP_APIC_GFN)
		return -EINVAL;
	/* The kernel lets go of the page before it moves. */
	lost_info = nr != PHYSMAP_SHARED_INFO &&
		    physmap_where(p, PHYSMAP_SHARED_INFO) == at.v;
	if (lost_info || (nr == PHYSMAP_SHARED_INFO &&
			  physmap_where(p, nr) != PHYSMAP_NOWHERE)) {
		err = physmap_announce(p, self, PHYSMAP_NOWHERE);
		if (err)
			return err;
	}
	pthread_mutex_lock(&p->lock);
	err = physmap_exchange(p, nr, at);
	pthread_mutex_unlock(&p->lock);
	if (!err && nr == PHYSMAP_SHARED_INFO)
		err = physmap_announce(p, self, at.v);
	return err;
}

int physmap_unmap(struct physmap *p, struct vcpu *self, gfn_t at)
{
	int nr, err = 0;

	if (physmap_where(p, PHYSMAP_SHARED_INFO) == at.v)
		err = physmap_announce(p, self, PHYSMAP_NOWHERE);
	if (err)
		return err;
	pthread_mutex_lock(&p->lock);
	nr = physmap_find(p, at.v);
	err = nr < 0 ? -ENOENT : physmap_remove(p, nr);
	pthread_mutex_unlock(&p->lock);
	return err;
}

int physmap_reset(struct physmap *p)
{
	unsigned int nr;
	int err = 0;

	pthread_mutex_lock(&p->lock);
	for (nr = 0; !err && nr < PHYSMAP_NR; nr++)
		if (p->at[nr].gfn != PHYSMAP_NOWHERE)
			err = physmap_remove(p, nr);
	if (!err)
		memset(p->pages, 0, PHYSMAP_NR * GUEST_PAGE_SIZE);
	pthread_mutex_unlock(&p->lock);
	return err;
}

uint64_t physmap_where(struct physmap *p, unsigned int nr)
{
	uint64_t at;

	pthread_mutex_lock(&p->lock);
	at = p->at[nr].gfn;
	pthread_mutex_unlock(&p->lock);
	return at;
}

int physmap_release(struct physmap *p, gfn_t at)
{
	int err;

	pthread_mutex_lock(&p->lock);
	err = mem_release(p->vm->mem, at);
	pthread_mutex_unlock(&p->lock);
	return err;
}

int physmap_populate(struct physmap *p, gfn_t at)
{
	int err;

	pthread_mutex_lock(&p->lock);
	err = mem_populate(p->vm->mem, at);
	pthread_mutex_unlock(&p->lock);
	return err;
}

uint64_t physmap_populated(struct physmap *p)
{
	uint64_t n;

	pthread_mutex_lock(&p->lock);
	mem_pages(p->vm->mem, &n);
	pthread_mutex_unlock(&p->lock);
	return n;
}
