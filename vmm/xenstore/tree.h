/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - the node tree: values that share structure.
 *
 * Nodes are reference-counted and point only downwards, so a snapshot of a
 * whole tree is one reference to its root.  A change first replaces the shared
 * nodes on the way to its place with copies; whoever holds the old root sees
 * nothing of it.  Transactions, save and watch delivery rest on this.
 *
 * Paths given here are canonical (path.h).  Every change either happens whole
 * or, on -ENOMEM, not at all.
 */
#ifndef VMM_XENSTORE_TREE_H
#define VMM_XENSTORE_TREE_H

#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenstore.h"

/* A component takes two bytes at least; and the root. */
#define TREE_DEPTH_MAX	(XENSTORE_ABS_PATH_MAX / 2 + 1)

/**
 * struct xs_node - a node; read-only for all but tree.c.
 * @ref:	holders: parents of several trees, snapshots, change records
 * @gen:	set anew when the value, the access list or the children change
 * @child_bytes: size of the children's names with a NUL each
 * @hash:	of @name
 * @name:	the last path component, empty for the root
 */
struct xs_node {
	unsigned int ref;
	unsigned int len;
	unsigned int num_perms;
	unsigned int num_children;
	unsigned int max_children;
	unsigned int child_bytes;
	uint32_t hash;
	uint64_t gen;
	struct xs_perm *perms;
	struct xs_node **children;
	uint32_t *hashes;		/* of their names, in the same memory */
	struct xs_node *free_next;
	char *data;
	char name[];
};

/* How many nodes of a tree a domain owns. */
struct xs_account {
	uint32_t domid;
	unsigned int nodes;
};

struct xs_tree {
	struct xs_node *root;
	struct xs_account *accounts;
	unsigned int num_accounts;
};

/* A preorder walk; start with tree_walk_start(). */
struct xs_walk {
	unsigned int depth;
	bool started;
	struct {
		const struct xs_node *node;
		unsigned int next;
		unsigned int path_len;
	} at[TREE_DEPTH_MAX];
	char path[XENSTORE_ABS_PATH_MAX + 1];
};

struct xs_node *node_get(struct xs_node *node);
void node_put(struct xs_node *node);

/* A node with one reference, or NULL; @name is of @name_len bytes. */
struct xs_node *node_new(const char *name, size_t name_len,
			 const struct xs_perm *perms, unsigned int num,
			 const void *data, size_t len, uint64_t gen);

/* A copy that shares the children; its generation is the same. */
struct xs_node *node_clone(const struct xs_node *node);

/* The place of a child among the others, or -1. */
int node_index(const struct xs_node *node, const char *name, size_t len);

/* Make room for node_add_child(), which hands the reference over. */
int node_reserve_child(struct xs_node *node);
void node_add_child(struct xs_node *node, struct xs_node *child);

/* Take child number @i off, and hand the reference over. */
struct xs_node *node_del_child(struct xs_node *node, unsigned int i);

/*
 * Go down @rel as far as nodes exist; *@rest is what is left of it, "" if
 * nothing is.
 */
struct xs_node *node_descend(struct xs_node *node, const char *rel,
			     const char **rest);

/* A copy in its own memory, never of size 0, so that NULL means failure. */
void *node_copy_bytes(const void *src, size_t len);

/* The descendant of @node that the relative path @rel names; "" is @node. */
struct xs_node *node_find(struct xs_node *node, const char *rel);

/* Bytes of the node as the node_size limit counts them. */
size_t node_size(const struct xs_node *node);

/* Make a tree of "/" alone, owned by domain 0. */
int tree_init(struct xs_tree *tree);
void tree_free(struct xs_tree *tree);

/* Make @dst a snapshot of @src. */
int tree_copy(struct xs_tree *dst, const struct xs_tree *src);

/* The node at @path, borrowed, or NULL. */
struct xs_node *tree_find(const struct xs_tree *tree, const char *path);

/*
 * The deepest node that exists on the way to @path, borrowed, and in *@missing
 * how many components of @path lie below it.
 */
struct xs_node *tree_nearest(const struct xs_tree *tree, const char *path,
			     unsigned int *missing);

/* The node's parent, or the root for the root; NULL if it does not exist. */
struct xs_node *tree_parent(const struct xs_tree *tree, const char *path);

unsigned int tree_nodes_of(const struct xs_tree *tree, uint32_t domid);

/* Forget that a domain without nodes was ever counted. */
void tree_account_drop(struct xs_tree *tree, uint32_t domid);

/* Change an existing node; -ENOENT. */
int tree_set_data(struct xs_tree *tree, const char *path, const void *data,
		  size_t len, uint64_t gen);
int tree_set_perms(struct xs_tree *tree, const char *path,
		   const struct xs_perm *perms, unsigned int num, uint64_t gen);

/*
 * Make a node that does not exist, and its missing parents with the same access
 * list; -EEXIST.
 */
int tree_create(struct xs_tree *tree, const char *path,
		const struct xs_perm *perms, unsigned int num,
		const void *data, size_t len, uint64_t gen);

/* Remove a node with all below it; -ENOENT, -EINVAL for the root. */
int tree_remove(struct xs_tree *tree, const char *path, uint64_t gen);

/* Walk @node and all below it, which must not change meanwhile. */
void tree_walk_start(struct xs_walk *walk, const struct xs_node *node);

/* The next node, walk->path being its path below the start; NULL at the end. */
const struct xs_node *tree_walk_next(struct xs_walk *walk);

/* Leave out what is below the node returned last. */
void tree_walk_skip(struct xs_walk *walk);

#endif
