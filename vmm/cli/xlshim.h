/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen-shim: where Xen's packages put it, and how it is started. */
#ifndef XKVM_CLI_XLSHIM_H
#define XKVM_CLI_XLSHIM_H

/* libxl's: its own console and the guest's are one. */
#define XLSHIM_CMDLINE	"pv-shim console=xen,pv"

/*
 * The shim of the newest xen-utils here, or the place where that of 4.17 would
 * be: opening it then says what is missing.  The caller frees it; NULL: no
 * memory.
 */
char *xlshim_find(void);

#endif
