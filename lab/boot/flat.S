/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands where a bzImage has its decompressor: enters a kernel that was loaded
 * uncompressed. Decompressing is three quarters of a boot in an emulator.
 *
 * Entered as the 32-bit boot protocol says (Documentation/x86/boot.rst):
 * protected mode, flat segments, interrupts off, paging off, %esi the physical
 * address of boot_params, this code at 0x100000. Leaves as the 64-bit one
 * says: long mode, the first 4 GiB mapped one to one, %rsi as %esi was. ENTRY,
 * the kernel's physical entry point, comes from the linker's command line.
 */
	.code32
	.section .text
	.globl	_start
_start:
	cli
	mov	%esi, %ebx

	/* One PML4 entry, four of 1 GiB. */
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax		/* CR4.PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	lgdt	gdt_limit
	mov	%cr0, %eax
	or	$0x80000001, %eax	/* CR0.PG, CR0.PE */
	mov	%eax, %cr0
	ljmp	$0x10, $long_mode

	.code64
long_mode:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%ebx, %esi
	mov	$ENTRY, %eax
	jmp	*%rax

	.balign	8
gdt:	.quad	0, 0
	.quad	0x00af9a000000ffff	/* 0x10, __BOOT_CS, 64-bit */
	.quad	0x00cf92000000ffff	/* 0x18, __BOOT_DS */
gdt_limit:
	.word	. - gdt - 1
	.long	gdt

	.balign	4096
pml4:	.long	pdpt + 3, 0
	.fill	511, 8, 0
pdpt:	.quad	0x00000083, 0x40000083, 0x80000083, 0xc0000083
	.balign	4096
