/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing of this is needed: shim.h. */
