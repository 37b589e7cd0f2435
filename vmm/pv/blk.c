// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns a block device of the guest: its nodes (<xen/io/blkif.h> has their
 * meaning), its ring and its event channel.  The image is disk.c's and
 * outlives the device.
 */
#include "blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../config.h"
#include "../log.h"
#include "../vm_priv.h"
#include "../xen/gnttab.h"
#include "../xen/kernel.h"

/* Request slots in the ring by the front end's word size. */
#define BLK_ENTRY_WIDE		112u
#define BLK_ENTRY_NARROW	108u

static struct blk *blk_of(struct xenbus_dev *d)
{
	return (struct blk *)d;
}

static bool blk_readonly(const struct blk *b)
{
	return b->disk->cfg->readonly || b->disk->fd < 0;
}

static const char *blk_type(const struct blk *b)
{
	return b->disk->cfg->cdrom ? "cdrom" : "disk";
}

static int blk_describe(struct xenbus_dev *d)
{
	int err = xenbus_front_write(d, "virtual-device", "%u", d->id);

	return err ? err : xenbus_front_write(d, "device-type", "%s",
					      blk_type(blk_of(d)));
}

static int blk_announce(struct xenbus_dev *d)
{
	const struct vm_config_disk *cfg = blk_of(d)->disk->cfg;
	bool writable = !blk_readonly(blk_of(d));
	const struct {
		const char *name;
		unsigned int value;
	} nodes[] = {
		{ "removable", cfg->cdrom },
		{ "bootable", 1 },
		{ "feature-flush-cache", writable },
		{ "feature-barrier", writable },
		{ "feature-discard", writable && cfg->discard },
		{ "discard-granularity", 4096 },
		{ "discard-alignment", 0 },
		{ "discard-secure", 0 },
		{ "feature-max-indirect-segments", BLK_MAX_SEGMENTS },
	};
	size_t i;
	int err;

	err = xenbus_write(d, "dev", "%s", cfg->vdev);
	if (!err)
		err = xenbus_write(d, "type", "phy");
	if (!err)
		err = xenbus_write(d, "mode", writable ? "w" : "r");
	if (!err)
		err = xenbus_write(d, "device-type", "%s", blk_type(blk_of(d)));
	if (!err)
		err = xenbus_write(d, "params", "%s", cfg->target ?: "");
	if (!err)
		err = xenbus_write(d, "hotplug-status", "connected");
	for (i = 0; !err && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		err = xenbus_write(d, nodes[i].name, "%u", nodes[i].value);
	return err;
}

/*
 * As blkback and its front ends have it: every count of sectors is in 512
 * bytes, and sector-size only says what requests have to be multiples of.
 */
static int blk_write_geometry(struct blk *b)
{
	unsigned int info = (blk_readonly(b) ? VDISK_READONLY : 0) |
			    (b->disk->cfg->cdrom ? VDISK_CDROM |
			     VDISK_REMOVABLE : 0);
	int err;

	err = xenbus_write(&b->dev, "sectors", "%llu",
			   (unsigned long long)b->disk->sectors);
	if (!err)
		err = xenbus_write(&b->dev, "info", "%u", info);
	if (!err)
		err = xenbus_write(&b->dev, "sector-size", "%u",
				   b->disk->sector_size);
	if (!err)
		err = xenbus_write(&b->dev, "physical-sector-size", "%u",
				   b->disk->physical_size);
	return err;
}

/* Which layout requests have: as the front end says, else as the guest is. */
static int blk_protocol(struct blk *b)
{
	char *name = xenbus_front_read(&b->dev, "protocol");
	int err = 0;

	if (!name)
		b->narrow = !kernel_is_wide(b->dev.vm);
	else if (!strcmp(name, "x86_64-abi"))
		b->narrow = false;
	else if (!strcmp(name, "x86_32-abi"))
		b->narrow = true;
	else
		err = -EPROTONOSUPPORT;
	free(name);
	return err;
}

static int blk_make_requests(struct blk *b)
{
	unsigned int i;

	if (b->reqs)
		return 0;
	/* Large, but what small requests do not use is never touched. */
	b->reqs = calloc(BLK_RING_SIZE, sizeof(*b->reqs));
	if (!b->reqs)
		return -ENOMEM;
	for (i = 0; i < BLK_RING_SIZE; i++) {
		b->reqs[i].blk = b;
		b->reqs[i].next = b->free;
		b->free = &b->reqs[i];
	}
	return 0;
}

static void blk_signalled(struct evtchn_backend *c)
{
	blk_run(c->arg);
}

static int blk_connect(struct xenbus_dev *d)
{
	struct blk *b = blk_of(d);
	struct gnttab *g = d->vm->gnttab;
	uint32_t port;
	void *page;
	int err;

	if (xenbus_front_u32(d, "ring-ref", &b->ring_ref) ||
	    xenbus_front_u32(d, "event-channel", &port))
		return -EINVAL;
	err = blk_protocol(b);
	if (!err)
		err = blk_make_requests(b);
	if (!err)
		err = blk_write_geometry(b);
	if (err)
		return err;
	if (gnttab_pin(g, b->ring_ref, XEN_ABI_DOM0, true, &page))
		return -EACCES;
	err = pv_ring_init(&b->ring, page, GUEST_PAGE_SIZE,
			   b->narrow ? BLK_ENTRY_NARROW : BLK_ENTRY_WIDE);
	if (err)
		goto err_unpin;
	b->closing = false;
	b->channel.fn = blk_signalled;
	b->channel.arg = b;
	err = evtchn_bind_backend(d->vm->evtchn, port, &b->channel);
	if (err)
		goto err_unpin;
	return 0;

err_unpin:
	gnttab_unpin(g, b->ring_ref, true);
	return err;
}

static void blk_started(struct xenbus_dev *d)
{
	blk_run(blk_of(d));
}

static void blk_release(struct blk *b)
{
	evtchn_unbind_backend(b->dev.vm->evtchn, &b->channel);
	gnttab_unpin(b->dev.vm->gnttab, b->ring_ref, true);
}

static bool blk_disconnect(struct xenbus_dev *d)
{
	struct blk *b = blk_of(d);

	b->closing = true;
	if (b->inflight)
		return false;
	blk_release(b);
	return true;
}

void blk_drained(struct blk *b)
{
	blk_release(b);
	xenbus_disconnected(&b->dev);
}

static void blk_free(struct xenbus_dev *d)
{
	struct blk *b = blk_of(d);

	free(b->reqs);
	free(b);
}

static const struct xenbus_ops blk_ops = {
	.type		= "vbd",
	.describe	= blk_describe,
	.announce	= blk_announce,
	.connect	= blk_connect,
	.started	= blk_started,
	.disconnect	= blk_disconnect,
	.free		= blk_free,
};

int blk_create(struct vm *vm, const struct disk *disk)
{
	struct blk *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	b->dev.ops = &blk_ops;
	b->disk = disk;
	err = xenbus_add(vm->xenbus, &b->dev, disk->vdev);
	if (err)
		free(b);
	return err;
}
