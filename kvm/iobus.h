/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buses of a VM: ports and MMIO addresses that something in the kernel
 * answers.
 *
 * A bus is an immutable sorted array behind an RCU pointer; an access searches
 * it and calls the device inside the read section, so that what is taken off a
 * bus is used by nobody once iobus_remove() has returned.
 */
#ifndef XKVM_IOBUS_H
#define XKVM_IOBUS_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "memslot.h"

struct vm;
struct iobus_dev;

enum iobus_kind { IOBUS_MMIO, IOBUS_PIO, IOBUS_NR };

/* Most devices, ioeventfds among them, a bus has. */
#define IOBUS_MAX	1000

/*
 * What a device does; called within an RCU read section: must not sleep.
 * @addr is inside the device and so is the last of the @len (1, 2, 4, 8) bytes,
 * except for a device of length 0, which is asked about any access at its
 * address.  0: done.  -EOPNOTSUPP: not for this device, others are asked.
 */
struct iobus_ops {
	int (*read)(struct iobus_dev *dev, gpa_t addr, unsigned int len,
		    void *val);			/* may be NULL */
	int (*write)(struct iobus_dev *dev, gpa_t addr, unsigned int len,
		     u64 val);
	/* The VM goes and takes its buses along; NULL: the owner frees it. */
	void (*free)(struct iobus_dev *dev);
};

/* Embedded in what its owner has; constant while on a bus. */
struct iobus_dev {
	const struct iobus_ops *ops;
	gpa_t addr;
	u32 len;
};

/* iobus.c's own, and iobus_in_use()'s. */
struct iobus_table;
struct iobus {
	struct mutex lock;
	struct iobus_table __rcu *table[IOBUS_NR];	/* NULL: empty */
};

/* Is there anything on the bus?  Any context; a macro for want of struct vm. */
#define iobus_in_use(vm, bus)	(!!rcu_access_pointer((vm)->io->table[bus]))

/* Creation; sets vm->io.  0 or -ENOMEM. */
int iobus_init(struct vm *vm);

/*
 * iobus_exit() - the VM is going; no vCPU runs any more.  Frees what has a
 * free().  Waits for nothing.  No-op if iobus_init() did not run or failed.
 */
void iobus_exit(struct vm *vm);

/*
 * iobus_add() - put @dev on a bus.  @clash, if there is one, says whether a
 * device that is there already forbids @dev.  May sleep.  0; -EEXIST: it does;
 * -ENOSPC: the bus is full; -ENOMEM.
 */
int iobus_add(struct vm *vm, enum iobus_kind bus, struct iobus_dev *dev,
	      bool (*clash)(const struct iobus_dev *there,
			    const struct iobus_dev *dev));

/*
 * iobus_remove() - take the first device off the bus that @same recognises by
 * @key.  Sleeps, and waits for accesses that are going on.  The device, or NULL.
 */
struct iobus_dev *iobus_remove(struct vm *vm, enum iobus_kind bus,
			       bool (*same)(const struct iobus_dev *dev,
					    const void *key),
			       const void *key);

/* The same for @dev itself, if it is there. */
void iobus_take_off(struct vm *vm, enum iobus_kind bus, struct iobus_dev *dev);

/*
 * iobus_read(), iobus_write() - the guest's access to port or address @addr; a
 * write's value is in the low @len bytes of @val.  True: done.  False: nobody
 * here wants it.  Any context.
 */
bool iobus_read(struct vm *vm, enum iobus_kind bus, gpa_t addr,
		unsigned int len, void *val);
bool iobus_write(struct vm *vm, enum iobus_kind bus, gpa_t addr,
		 unsigned int len, u64 val);

#endif
