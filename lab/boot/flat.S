/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands where a bzImage has its decompressor: enters a kernel that follows it
 * uncompressed. Decompressing is three quarters of a boot in an emulator.
 *
 * Entered as the 32-bit boot protocol says (Documentation/x86/boot.rst):
 * protected mode, flat segments, interrupts off, paging off, %esi the physical
 * address of boot_params, this code at any page-aligned address. Leaves as the
 * 64-bit one says: long mode, the first 4 GiB mapped one to one, %rsi as %esi
 * was. The kernel is the flat image at flat_end; it belongs at LOAD_ADDR and is
 * entered at ENTRY; FLAT_SIZE is its size in bytes, a multiple of 4. All three
 * are physical and come from the linker's command line.
 */
	.code32
	.section .text
	.globl	_start
_start:
	cli
	/* boot_params.scratch is a stack of four bytes. */
	lea	0x1e8(%esi), %esp
	call	1f
1:	pop	%ebp
	sub	$(1b - _start), %ebp	/* where we are */

	/*
	 * The target lies above the source and may overlap it: copy from the
	 * end. It starts beyond this page, so the code survives.
	 */
	mov	%esi, %ebx
	lea	flat_end - _start - 4(%ebp), %esi
	add	$FLAT_SIZE, %esi
	mov	$(LOAD_ADDR - 4), %edi
	add	$FLAT_SIZE, %edi
	mov	$FLAT_SIZE, %ecx
	shr	$2, %ecx
	std
	rep movsl
	cld

	/* One PML4 entry, four of 1 GiB. */
	lea	pdpt - _start(%ebp), %eax
	or	$3, %eax
	mov	%eax, pml4 - _start(%ebp)
	lea	pml4 - _start(%ebp), %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax		/* CR4.PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax	/* CR0.PG, CR0.PE */
	mov	%eax, %cr0

	lea	gdt - _start(%ebp), %eax
	mov	%eax, gdt_base - _start(%ebp)
	lgdt	gdt_limit - _start(%ebp)
	lea	long_mode - _start(%ebp), %eax
	mov	%eax, target - _start(%ebp)
	ljmp	*target - _start(%ebp)

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
gdt_base:
	.long	0
target:	.long	0
	.word	0x10

	.balign	4096
pml4:	.fill	512, 8, 0
pdpt:	.quad	0x00000083, 0x40000083, 0x80000083, 0xc0000083
	.balign	4096
flat_end:
