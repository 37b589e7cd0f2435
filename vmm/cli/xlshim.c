// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds xen-shim: Debian has a folder for each version of Xen. */
#include "xlshim.h"

#include <glob.h>
#include <string.h>

#define XLSHIM_DEBIAN	"/usr/lib/xen-*/boot/xen-shim"
#define XLSHIM_XEN	"/usr{,/local}/lib/xen/boot/xen-shim"
#define XLSHIM_NONE	"/usr/lib/xen-4.17/boot/xen-shim"

char *xlshim_find(void)
{
	const char *best = XLSHIM_NONE;
	glob_t g = { 0 };
	char *path;

	if (glob(XLSHIM_DEBIAN, 0, NULL, &g) &&
	    glob(XLSHIM_XEN, GLOB_BRACE, NULL, &g))
		g.gl_pathc = 0;
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (!i || strverscmp(g.gl_pathv[i], best) > 0)
			best = g.gl_pathv[i];
	path = strdup(best);
	globfree(&g);
	return path;
}
