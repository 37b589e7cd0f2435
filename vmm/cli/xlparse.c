// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of the xl.cfg syntax.  Owns the tree while it grows; single-threaded,
 * no lock.  Accepts what libxlutil accepts (the unit test compares them), but
 * - numeric escapes in strings ("\101", "\x41") work, which libxlutil loses;
 * - a comment may end the file without a newline.
 */
#include "xlparse.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XLPARSE_MAX_DEPTH 32	/* of lists in lists: bounds the recursion */

enum tok {
	TOK_EOF, TOK_NEWLINE, TOK_SEMI, TOK_COMMA, TOK_OPEN, TOK_CLOSE,
	TOK_ASSIGN, TOK_ADD, TOK_IDENT, TOK_NUMBER, TOK_STRING,
	TOK_FAILED,	/* the line is printed, or memory ran out */
};

struct xlparse {
	struct xl_tree *tree;
	const char *file;
	const char *pos, *end;
	unsigned int line;	/* of the token in tok */
	unsigned int next_line;	/* of pos */
	enum tok tok;
	const char *start;	/* the token's text */
	size_t len;
	FILE *errs;
	int err;
};

static enum tok xlparse_fail(struct xlparse *p, unsigned int line,
			     const char *what)
{
	if (!p->err)
		fprintf(p->errs, "%s:%u: %s\n", p->file, line, what);
	p->err = -EINVAL;
	return TOK_FAILED;
}

static int xlparse_nomem(struct xlparse *p)
{
	if (!p->err)
		p->err = -ENOMEM;
	return p->err;
}

/* A string's end is the first quote of its kind with no backslash in front. */
static enum tok xlparse_lex_string(struct xlparse *p)
{
	char quote = *p->start;

	while (p->pos < p->end && *p->pos != quote && *p->pos != '\n') {
		if (*p->pos == '\\' && p->pos + 1 < p->end &&
		    p->pos[1] != '\n')
			p->pos++;
		p->pos++;
	}
	if (p->pos == p->end || *p->pos != quote)
		return xlparse_fail(p, p->line,
				    "a string is not closed on its line");
	p->pos++;
	return TOK_STRING;
}

static enum tok xlparse_lex_word(struct xlparse *p, const char *more,
				 enum tok tok)
{
	while (p->pos < p->end && *p->pos &&
	       (isdigit((unsigned char)*p->pos) || strchr(more, *p->pos)))
		p->pos++;
	return tok;
}

static enum tok xlparse_lex_odd(struct xlparse *p)
{
	unsigned char c = *p->start;
	char what[96];

	if (c == '\r')
		return xlparse_fail(p, p->line,
				    "carriage return: the file has DOS line ends, remove them");
	if (isprint(c))
		snprintf(what, sizeof(what),
			 "'%c' is not expected here: strings need quotes", c);
	else
		snprintf(what, sizeof(what),
			 "byte 0x%02x is not expected here", c);
	return xlparse_fail(p, p->line, what);
}

static enum tok xlparse_lex(struct xlparse *p)
{
	char c;

	while (p->pos < p->end && (*p->pos == ' ' || *p->pos == '\t'))
		p->pos++;
	if (p->pos < p->end && *p->pos == '#')
		while (p->pos < p->end && *p->pos != '\n')
			p->pos++;

	p->line = p->next_line;
	p->start = p->pos;
	if (p->pos == p->end)
		return TOK_EOF;
	c = *p->pos++;
	switch (c) {
	case '\n':
		p->next_line++;
		return TOK_NEWLINE;
	case ';':
		return TOK_SEMI;
	case ',':
		return TOK_COMMA;
	case '[':
		return TOK_OPEN;
	case ']':
		return TOK_CLOSE;
	case '=':
		return TOK_ASSIGN;
	case '+':
		if (p->pos < p->end && *p->pos == '=') {
			p->pos++;
			return TOK_ADD;
		}
		return xlparse_lex_odd(p);
	case '\'':
	case '"':
		return xlparse_lex_string(p);
	case '0' ... '9':
		return xlparse_lex_word(p, "abcdefx", TOK_NUMBER);
	case 'a' ... 'z':
		return xlparse_lex_word(p, "abcdefghijklmnopqrstuvwxyz_.",
					TOK_IDENT);
	default:
		return xlparse_lex_odd(p);
	}
}

static void xlparse_next(struct xlparse *p)
{
	p->tok = p->err ? TOK_FAILED : xlparse_lex(p);
	p->len = p->pos - p->start;
}

static int xlparse_unexpected(struct xlparse *p, const char *wanted)
{
	char what[160];

	if (p->err)
		return p->err;
	if (p->tok == TOK_EOF || p->tok == TOK_NEWLINE)
		snprintf(what, sizeof(what), "the line ends where %s belongs",
			 wanted);
	else
		snprintf(what, sizeof(what), "'%.*s' stands where %s belongs",
			 (int)(p->len < 40 ? p->len : 40), p->start, wanted);
	xlparse_fail(p, p->line, what);
	return p->err;
}

/* Digits of @base at *@s, exactly @n of them; the value, or -1. */
static int xlparse_digits(const char **s, const char *end, int base, int n)
{
	static const char digits[] = "0123456789abcdef";
	int value = 0;

	for (; n; n--, (*s)++) {
		const char *d;

		if (*s == end || !**s)
			return -1;
		d = strchr(digits, tolower((unsigned char)**s));
		if (!d || d - digits >= base)
			return -1;
		value = value * base + (int)(d - digits);
	}
	return value;
}

/* The character of the escape whose backslash is just before *@s, or -1. */
static int xlparse_escape(const char **s, const char *end)
{
	static const char from[] = "abfnrtv\"'\\", to[] = "\a\b\f\n\r\t\v\"'\\";
	const char *f;
	int c;

	if (**s >= '0' && **s <= '7') {
		c = xlparse_digits(s, end, 8, 3);
		return c > 0 && c < 256 ? c : -1;
	}
	if (**s == 'x') {
		++*s;
		c = xlparse_digits(s, end, 16, 2);
		return c > 0 ? c : -1;
	}
	f = **s ? strchr(from, **s) : NULL;
	if (!f)
		return -1;
	++*s;
	return (unsigned char)to[f - from];
}

static char *xlparse_unquote(struct xlparse *p)
{
	const char *s = p->start + 1, *end = p->start + p->len - 1;
	char *out = malloc(p->len), *o = out;

	if (!out) {
		xlparse_nomem(p);
		return NULL;
	}
	while (s < end) {
		int c = (unsigned char)*s++;

		if (!c) {
			xlparse_fail(p, p->line, "a string holds a NUL byte");
			goto err_free;
		}
		if (c == '\\') {
			c = xlparse_escape(&s, end);
			if (c < 0) {
				xlparse_fail(p, p->line,
					     "a string holds a backslash that starts no known escape: write \\\\ for one");
				goto err_free;
			}
		}
		*o++ = (char)c;
	}
	*o = 0;
	return out;

err_free:
	free(out);
	return NULL;
}

static void xl_value_free(struct xl_value *v)
{
	for (size_t i = 0; i < v->nr_items; i++)
		xl_value_free(&v->items[i]);
	free(v->items);
	free(v->str);
	memset(v, 0, sizeof(*v));
}

/* Append *@item, taking it over; on failure it stays the caller's. */
static int xl_value_append(struct xl_value *list, struct xl_value *item)
{
	struct xl_value *items = list->items;
	size_t n = list->nr_items;

	if (!(n & (n - 1))) {
		items = realloc(items, (n ? n * 2 : 1) * sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
	}
	items[n] = *item;
	list->nr_items = n + 1;
	return 0;
}

static void xlparse_skip_newlines(struct xlparse *p)
{
	while (p->tok == TOK_NEWLINE)
		xlparse_next(p);
}

static int xlparse_value(struct xlparse *p, struct xl_value *v,
			 unsigned int depth);

static int xlparse_list(struct xlparse *p, struct xl_value *list,
			unsigned int depth)
{
	struct xl_value item;

	list->type = XL_LIST;
	if (depth == XLPARSE_MAX_DEPTH) {
		xlparse_fail(p, p->line, "lists are nested too deeply");
		return p->err;
	}
	xlparse_next(p);
	xlparse_skip_newlines(p);
	while (p->tok != TOK_CLOSE) {
		if (xlparse_value(p, &item, depth + 1) ||
		    (xl_value_append(list, &item) && xlparse_nomem(p))) {
			xl_value_free(&item);
			return p->err;
		}
		xlparse_skip_newlines(p);
		if (p->tok == TOK_COMMA)
			xlparse_next(p);
		else if (p->tok != TOK_CLOSE)
			return xlparse_unexpected(p, "',' or ']'");
		xlparse_skip_newlines(p);
	}
	xlparse_next(p);
	return p->err;
}

/* On failure *@v holds what the caller must still free. */
static int xlparse_value(struct xlparse *p, struct xl_value *v,
			 unsigned int depth)
{
	memset(v, 0, sizeof(*v));
	v->line = p->line;
	switch (p->tok) {
	case TOK_STRING:
		v->str = xlparse_unquote(p);
		break;
	case TOK_NUMBER:
		v->str = strndup(p->start, p->len);
		break;
	case TOK_OPEN:
		return xlparse_list(p, v, depth);
	default:
		return xlparse_unexpected(p,
					  "a quoted string, a number or '['");
	}
	if (!v->str)
		return xlparse_nomem(p);
	xlparse_next(p);
	return p->err;
}

/* The setting of @key, made empty if there is none; NULL without memory. */
static struct xl_setting *xl_tree_get(struct xl_tree *tree, const char *key,
				      size_t len)
{
	size_t n = tree->nr_settings;
	struct xl_setting *s;

	for (size_t i = 0; i < n; i++) {
		s = &tree->settings[i];
		if (strlen(s->key) == len && !memcmp(s->key, key, len))
			return s;
	}
	if (!(n & (n - 1))) {
		s = realloc(tree->settings, (n ? n * 2 : 1) * sizeof(*s));
		if (!s)
			return NULL;
		tree->settings = s;
	}
	s = &tree->settings[n];
	memset(s, 0, sizeof(*s));
	s->value.type = XL_ATOM;
	s->key = strndup(key, len);
	if (!s->key)
		return NULL;
	tree->nr_settings++;
	return s;
}

/* "+=": the value of *@v joins that of @s; *@v is emptied. */
static int xlparse_add(struct xlparse *p, struct xl_setting *s,
		       struct xl_value *v)
{
	if (s->value.type != v->type) {
		xlparse_fail(p, v->line,
			     "+= joins a list to a list, or a string to a string");
		return p->err;
	}
	if (v->type == XL_ATOM) {
		char *joined;

		if (asprintf(&joined, "%s%s", s->value.str, v->str) < 0)
			return xlparse_nomem(p);
		free(s->value.str);
		s->value.str = joined;
		xl_value_free(v);
		return 0;
	}
	for (size_t i = 0; i < v->nr_items; i++) {
		if (xl_value_append(&s->value, &v->items[i]))
			return xlparse_nomem(p);
		memset(&v->items[i], 0, sizeof(v->items[i]));
	}
	xl_value_free(v);
	return 0;
}

static int xlparse_set(struct xlparse *p, const char *key, size_t key_len,
		       bool add, struct xl_value *v)
{
	size_t before = p->tree->nr_settings;
	struct xl_setting *s = xl_tree_get(p->tree, key, key_len);
	char *file;

	if (!s)
		return xlparse_nomem(p);
	file = strdup(p->file);
	if (!file)
		return xlparse_nomem(p);
	free(s->file);
	s->file = file;
	s->line = v->line;
	if (add && p->tree->nr_settings == before)
		return xlparse_add(p, s, v);
	xl_value_free(&s->value);
	s->value = *v;
	memset(v, 0, sizeof(*v));
	return 0;
}

static int xlparse_setting(struct xlparse *p)
{
	const char *key = p->start;
	size_t key_len = p->len;
	struct xl_value v;
	bool add;

	xlparse_next(p);
	if (p->tok != TOK_ASSIGN && p->tok != TOK_ADD)
		return xlparse_unexpected(p, "'='");
	add = p->tok == TOK_ADD;
	xlparse_next(p);
	if (!xlparse_value(p, &v, 0))
		xlparse_set(p, key, key_len, add, &v);
	xl_value_free(&v);
	return p->err;
}

int xlparse(struct xl_tree *tree, const char *file, const char *text,
	    size_t len, FILE *errs)
{
	struct xlparse p = {
		.tree = tree, .file = file, .pos = text, .end = text + len,
		.next_line = 1, .errs = errs,
	};

	for (xlparse_next(&p); p.tok != TOK_EOF && !p.err; ) {
		if (p.tok == TOK_IDENT && xlparse_setting(&p))
			break;
		if (p.tok == TOK_NEWLINE || p.tok == TOK_SEMI)
			xlparse_next(&p);
		else if (p.tok != TOK_EOF)
			xlparse_unexpected(&p,
					   "a key or the end of the line");
	}
	return p.err;
}

const struct xl_setting *xl_tree_find(const struct xl_tree *tree,
				      const char *key)
{
	for (size_t i = 0; i < tree->nr_settings; i++)
		if (!strcmp(tree->settings[i].key, key))
			return &tree->settings[i];
	return NULL;
}

void xl_tree_free(struct xl_tree *tree)
{
	for (size_t i = 0; i < tree->nr_settings; i++) {
		free(tree->settings[i].key);
		free(tree->settings[i].file);
		xl_value_free(&tree->settings[i].value);
	}
	free(tree->settings);
	memset(tree, 0, sizeof(*tree));
}
