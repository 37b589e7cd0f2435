/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perms.h - who may do what with a node, and access lists as text.
 */
#ifndef VMM_XENSTORE_PERMS_H
#define VMM_XENSTORE_PERMS_H

#include "xenstore.h"

/* The owner's rights beyond reading and writing; never in a list. */
#define PERM_OWNER	4u
#define PERM_ALL	(XS_PERM_READ | XS_PERM_WRITE | PERM_OWNER)

/* The first id that no real domain has: DOMID_FIRST_RESERVED of <xen/xen.h>. */
#define XS_DOMID_END	0x7ff0u

/* Longest text of one entry, with its NUL: a letter and a 32-bit number. */
#define PERM_TEXT	12

/**
 * struct xs_who - on whose behalf something is done.
 * @domid:	the domain
 * @target:	a domain whose nodes it treats as its own (stub domains);
 *		its own id otherwise
 * @privileged:	everything is allowed and no domain's quota counts
 */
struct xs_who {
	uint32_t domid;
	uint32_t target;
	bool privileged;
};

/* What @who may do by an access list. */
unsigned int perms_of(const struct xs_who *who, const struct xs_perm *perms,
		      unsigned int num);

/* Read one entry such as "r3"; -EINVAL. */
int perms_parse(const char *text, struct xs_perm *perm);

/* Write one entry into PERM_TEXT bytes; returns its length without the NUL. */
int perms_format(const struct xs_perm *perm, char *text);

/*
 * Strike a domain from the entries after the first, in place.  Returns the new
 * number.
 */
unsigned int perms_strike(struct xs_perm *perms, unsigned int num,
			  uint32_t domid);

#endif
