// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree.c - owns trees: the copying of shared nodes before a change, and how many
 * each domain has.  Knows nothing of rights, quotas or watches (ops.c,
 * watch.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "tree.h"

struct xs_node *tree_find(const struct xs_tree *tree, const char *path)
{
	return node_find(tree->root, path);
}

struct xs_node *tree_nearest(const struct xs_tree *tree, const char *path,
			     unsigned int *missing)
{
	struct xs_node *node;
	const char *rest;
	size_t len;

	node = node_descend(tree->root, path, &rest);
	*missing = 0;
	if (*rest) {
		for (len = strcspn(rest, "/"); rest;
		     rest = path_next(rest, &len))
			++*missing;
	}
	return node;
}

struct xs_node *tree_parent(const struct xs_tree *tree, const char *path)
{
	char parent[XENSTORE_ABS_PATH_MAX + 1];

	path_parent(path, parent);
	return tree_find(tree, parent);
}

/*
 * Accounts
 */

static struct xs_account *account_find(const struct xs_tree *tree,
				       uint32_t domid)
{
	unsigned int i;

	for (i = 0; i < tree->num_accounts; i++) {
		if (tree->accounts[i].domid == domid)
			return &tree->accounts[i];
	}
	return NULL;
}

/* Make sure that a later account_add() finds its place. */
static int account_reserve(struct xs_tree *tree, uint32_t domid)
{
	struct xs_account *accounts;

	if (account_find(tree, domid))
		return 0;
	accounts = realloc(tree->accounts,
			   (tree->num_accounts + 1) * sizeof(*accounts));
	if (!accounts)
		return -ENOMEM;
	accounts[tree->num_accounts] = (struct xs_account){ .domid = domid };
	tree->accounts = accounts;
	tree->num_accounts++;
	return 0;
}

static void account_add(struct xs_tree *tree, uint32_t domid, int nodes)
{
	struct xs_account *account = account_find(tree, domid);

	if (account)
		account->nodes += (unsigned int)nodes;
}

unsigned int tree_nodes_of(const struct xs_tree *tree, uint32_t domid)
{
	const struct xs_account *account = account_find(tree, domid);

	return account ? account->nodes : 0;
}

void tree_account_drop(struct xs_tree *tree, uint32_t domid)
{
	struct xs_account *account = account_find(tree, domid);

	if (account && !account->nodes)
		*account = tree->accounts[--tree->num_accounts];
}

/*
 * Trees
 */

int tree_init(struct xs_tree *tree)
{
	static const struct xs_perm perm = { XS_DOM0, XS_PERM_NONE };

	*tree = (struct xs_tree){ .root = NULL };
	if (account_reserve(tree, XS_DOM0))
		return -ENOMEM;
	tree->root = node_new("", 0, &perm, 1, NULL, 0, 1);
	if (!tree->root) {
		tree_free(tree);
		return -ENOMEM;
	}
	account_add(tree, XS_DOM0, 1);
	return 0;
}

void tree_free(struct xs_tree *tree)
{
	node_put(tree->root);
	free(tree->accounts);
	*tree = (struct xs_tree){ .root = NULL };
}

int tree_copy(struct xs_tree *dst, const struct xs_tree *src)
{
	dst->accounts = node_copy_bytes(src->accounts, src->num_accounts *
				   sizeof(*src->accounts));
	if (!dst->accounts)
		return -ENOMEM;
	dst->num_accounts = src->num_accounts;
	dst->root = node_get(src->root);
	return 0;
}

/* Replace *@slot with a copy unless nobody else holds it. */
static int node_own(struct xs_node **slot)
{
	struct xs_node *copy;

	if ((*slot)->ref == 1)
		return 0;
	copy = node_clone(*slot);
	if (!copy)
		return -ENOMEM;
	node_put(*slot);
	*slot = copy;
	return 0;
}

/*
 * The node at @path, or as much of @path as exists, with nothing on the way to
 * it shared any more, hence free to change; NULL when out of memory.
 */
static struct xs_node *tree_own(struct xs_tree *tree, const char *path)
{
	struct xs_node *node, **slot = &tree->root;
	const char *name;
	size_t len;
	int i;

	if (node_own(slot))
		return NULL;
	node = *slot;
	for (name = path_first(path, &len); name;
	     name = path_next(name, &len)) {
		i = node_index(node, name, len);
		if (i < 0)
			break;
		slot = &node->children[i];
		if (node_own(slot))
			return NULL;
		node = *slot;
	}
	return node;
}

int tree_set_data(struct xs_tree *tree, const char *path, const void *data,
		  size_t len, uint64_t gen)
{
	struct xs_node *node;
	char *copy;

	if (!tree_find(tree, path))
		return -ENOENT;
	copy = node_copy_bytes(data, len);
	if (!copy)
		return -ENOMEM;
	node = tree_own(tree, path);
	if (!node) {
		free(copy);
		return -ENOMEM;
	}
	free(node->data);
	node->data = copy;
	node->len = len;
	node->gen = gen;
	return 0;
}

int tree_set_perms(struct xs_tree *tree, const char *path,
		   const struct xs_perm *perms, unsigned int num, uint64_t gen)
{
	struct xs_perm *copy;
	struct xs_node *node;

	if (!tree_find(tree, path))
		return -ENOENT;
	if (account_reserve(tree, perms[0].domid))
		return -ENOMEM;
	copy = node_copy_bytes(perms, num * sizeof(*perms));
	if (!copy)
		return -ENOMEM;
	node = tree_own(tree, path);
	if (!node) {
		free(copy);
		return -ENOMEM;
	}
	account_add(tree, node->perms[0].domid, -1);
	account_add(tree, copy[0].domid, 1);
	free(node->perms);
	node->perms = copy;
	node->num_perms = num;
	node->gen = gen;
	return 0;
}

/* The nodes that @rest names, one below the other, the last with the value. */
static struct xs_node *chain_new(const char *rest, const struct xs_perm *perms,
				 unsigned int num, const void *data,
				 size_t len, uint64_t gen)
{
	struct xs_node *top = NULL, *last = NULL, *node;
	const char *name = rest, *next;
	size_t name_len = strcspn(rest, "/"), next_len = name_len;

	for (; name; name = next, name_len = next_len) {
		next = path_next(name, &next_len);
		node = node_new(name, name_len, perms, num, next ? NULL : data,
				next ? 0 : len, gen);
		if (!node)
			goto err_put;
		if (!last) {
			top = node;
		} else if (node_reserve_child(last)) {
			node_put(node);
			goto err_put;
		} else {
			node_add_child(last, node);
		}
		last = node;
	}
	return top;

err_put:
	node_put(top);
	return NULL;
}

int tree_create(struct xs_tree *tree, const char *path,
		const struct xs_perm *perms, unsigned int num,
		const void *data, size_t len, uint64_t gen)
{
	struct xs_node *parent, *chain;
	unsigned int missing;
	const char *rest;

	tree_nearest(tree, path, &missing);
	if (!missing)
		return -EEXIST;
	if (account_reserve(tree, perms[0].domid))
		return -ENOMEM;
	node_descend(tree->root, path, &rest);
	chain = chain_new(rest, perms, num, data, len, gen);
	if (!chain)
		return -ENOMEM;
	parent = tree_own(tree, path);
	if (!parent || node_reserve_child(parent)) {
		node_put(chain);
		return -ENOMEM;
	}
	node_add_child(parent, chain);
	parent->gen = gen;
	account_add(tree, perms[0].domid, (int)missing);
	return 0;
}

static void account_sub_all(struct xs_tree *tree, const struct xs_node *top)
{
	const struct xs_node *node;
	struct xs_walk walk;

	tree_walk_start(&walk, top);
	while ((node = tree_walk_next(&walk)))
		account_add(tree, node->perms[0].domid, -1);
}

int tree_remove(struct xs_tree *tree, const char *path, uint64_t gen)
{
	char parent_path[XENSTORE_ABS_PATH_MAX + 1];
	struct xs_node *parent, *node;
	const char *name;
	int i;

	if (!path[1])
		return -EINVAL;
	if (!tree_find(tree, path))
		return -ENOENT;
	name = path_parent(path, parent_path);
	parent = tree_own(tree, parent_path);
	if (!parent)
		return -ENOMEM;
	i = node_index(parent, name, strlen(name));
	node = node_del_child(parent, (unsigned int)i);
	account_sub_all(tree, node);
	parent->gen = gen;
	node_put(node);
	return 0;
}
