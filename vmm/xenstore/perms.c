// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perms.c - owns the meaning and the text form of access lists.
 */
#include <errno.h>
#include <stdio.h>

#include "path.h"
#include "perms.h"

unsigned int perms_of(const struct xs_who *who, const struct xs_perm *perms,
		      unsigned int num)
{
	unsigned int i;

	if (who->privileged || perms[0].domid == who->domid ||
	    perms[0].domid == who->target)
		return PERM_ALL;
	for (i = 1; i < num; i++) {
		if (perms[i].domid == who->domid ||
		    perms[i].domid == who->target)
			return perms[i].perms;
	}
	return perms[0].perms;
}

static const char perm_letter[] = {
	[XS_PERM_NONE] = 'n',
	[XS_PERM_READ] = 'r',
	[XS_PERM_WRITE] = 'w',
	[XS_PERM_READ | XS_PERM_WRITE] = 'b',
};

int perms_parse(const char *text, struct xs_perm *perm)
{
	unsigned int i;

	for (i = 0; i < sizeof(perm_letter); i++) {
		if (text[0] == perm_letter[i])
			break;
	}
	if (i == sizeof(perm_letter))
		return -EINVAL;
	perm->perms = i;
	return path_domid(text + 1, &perm->domid) ? 0 : -EINVAL;
}

int perms_format(const struct xs_perm *perm, char *text)
{
	return snprintf(text, PERM_TEXT, "%c%u", perm_letter[perm->perms & 3],
			perm->domid);
}

unsigned int perms_strike(struct xs_perm *perms, unsigned int num,
			  uint32_t domid)
{
	unsigned int i, left = 1;

	for (i = 1; i < num; i++) {
		if (perms[i].domid != domid)
			perms[left++] = perms[i];
	}
	return left;
}
