/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot sector of the emulated host. Reads what lab/lib/boot.sh laid on the
 * last disk (slave of the second ATA channel) to where it belongs and enters
 * the kernel's real-mode setup code at SETUP. Programmed I/O in double words:
 * that is the fastest way into an emulator's memory, and five times as fast as
 * a boot loader that reads through the BIOS.
 *
 * table: pairs of a physical address and a number of sectors, filled in by
 * boot.sh; address 0 ends it. The parts lie one after another from sector 1.
 */
	.set	ATA, 0x170
	.set	SLAVE_LBA, 0xf0
	.set	READ_SECTORS, 0x20
	.set	SETUP, 0x9000		/* segment */

	.code16
	.section .text
	.globl	_start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0x7c00, %sp
	ljmp	$0, $1f
1:	in	$0x92, %al		/* address line 20 */
	or	$2, %al
	out	%al, $0x92

	/* Give %es base 0 and a limit of 4 GiB, and stay in real mode. */
	lgdt	gdt_limit
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	mov	$8, %bx
	mov	%bx, %es
	and	$0xfe, %al
	mov	%eax, %cr0

	mov	$ATA + 0x206, %dx	/* no interrupts from the channel */
	mov	$2, %al
	out	%al, %dx

	mov	$table, %si
	mov	$1, %ebx		/* sector to read next */
part:	lodsl
	test	%eax, %eax
	jz	enter
	mov	%eax, %edi
	lodsl
	mov	%eax, %ebp		/* sectors left of the part */
chunk:	test	%ebp, %ebp
	jz	part
	mov	$128, %ecx		/* sectors of one command */
	cmp	%ebp, %ecx
	jbe	2f
	mov	%ebp, %ecx
2:	call	command
	sub	%ecx, %ebp
	add	%ecx, %ebx
sector:	push	%cx
	call	ready
	mov	$128, %ecx
	mov	$ATA, %dx
	addr32 rep insl
	pop	%cx
	loop	sector
	jmp	chunk

/* Read %cl sectors from sector %ebx. */
command:
	mov	$ATA + 2, %dx
	mov	%cl, %al
	out	%al, %dx
	mov	%ebx, %eax
	inc	%dx
	out	%al, %dx
	shr	$8, %eax
	inc	%dx
	out	%al, %dx
	shr	$8, %eax
	inc	%dx
	out	%al, %dx
	mov	%ah, %al
	or	$SLAVE_LBA, %al
	inc	%dx
	out	%al, %dx
	mov	$READ_SECTORS, %al
	inc	%dx
	out	%al, %dx
	ret

/* Wait for data: not busy (0x80), request (0x08). */
ready:	mov	$ATA + 7, %dx
3:	in	%dx, %al
	and	$0x88, %al
	cmp	$8, %al
	jne	3b
	ret

enter:	mov	$SETUP, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	$0xe000, %sp
	ljmp	$SETUP + 0x20, $0

	.balign	8
gdt:	.quad	0
	.quad	0x00cf92000000ffff
gdt_limit:
	.word	. - gdt - 1
	.long	gdt

	.org	0x1a0
table:
	.org	0x1fe
	.word	0xaa55
