/* SPDX-License-Identifier: Apache-2.0 */
/* Files behind the writers. Invariant: nothing appears under a final name before every writer of the
 * document has finished; a failure while renaming takes back what was renamed by this run. Side outputs
 * (tables, figures) are collected in a temporary folder that is renamed as a whole. */
#include "service/outputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"

#define DOMAIN "output"
#define PATH_BYTES 4096

struct output {
    const struct out_format *format;
    struct out_writer *writer;
    struct b_outfile *file;    /* main output; NULL for side-only formats */
    char path[PATH_BYTES];     /* final name of the file or of the side folder */
    char side_dir[PATH_BYTES]; /* temporary side folder, "" until the first side output */
    bool committed;
};

struct svc_outputs {
    struct output items[SVC_MAX_FORMATS];
    size_t count;
    char figures[PATH_BYTES]; /* folder of the figures beside the other outputs, for links */
};

bool svc_output_path(const char *folder, const char *stem, const struct out_format *format, char *out, size_t size)
{
    int len = snprintf(out, size, "%s/%s%s", folder, stem, format->extension);
    return len > 0 && (size_t)len < size;
}

static enum b_code sink_write(void *ctx, const void *data, size_t size, struct b_err *err)
{
    struct output *o = ctx;
    if (!o->file)
        return b_fail(err, B_INTERNAL, DOMAIN, "%s has no main output", o->format->name);
    return b_outfile_write(o->file, data, size, err);
}

/* Names come from our own writers; a separator in one would be a bug that leaves the folder. */
static bool side_name_ok(const char *name)
{
    if (name[0] == '\0' || name[0] == '.')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

static enum b_code sink_side(void *ctx, const char *name, const void *data, size_t size, struct b_err *err)
{
    struct output *o = ctx;
    if (!side_name_ok(name))
        return b_fail(err, B_INTERNAL, DOMAIN, "%s made a side output with an unusable name", o->format->name);
    if (!o->side_dir[0]) {
        int len = snprintf(o->side_dir, sizeof o->side_dir, "%s.XXXXXX", o->path);
        if (len < 0 || (size_t)len >= sizeof o->side_dir || !mkdtemp(o->side_dir)) {
            o->side_dir[0] = '\0';
            return b_fail(err, B_IO, DOMAIN, "the folder %s cannot be made: %s", o->path, strerror(errno));
        }
        (void)chmod(o->side_dir, 0755);
    }
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", o->side_dir, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return b_fail(err, B_ARGUMENT, DOMAIN, "the path %s is too long", o->path);
    return b_outfile_put(path, data, size, err);
}

/* Removes a flat folder of ours. */
static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(path);
}

static enum b_code make_parent(const char *path, struct b_err *err)
{
    char parent[PATH_BYTES];
    (void)snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return B_OK;
    *slash = '\0';
    return b_make_dirs(parent, err);
}

static enum b_code open_one(struct output *o, const struct svc_output_request *r, const struct out_options *options,
                            const struct dp_document_info *info, struct b_err *err)
{
    if (!svc_output_path(r->folder, r->stem, o->format, o->path, sizeof o->path))
        return b_fail(err, B_ARGUMENT, DOMAIN, "the output path under %s is too long", r->folder);
    enum b_code code = make_parent(o->path, err);
    if (code == B_OK && !o->format->side_outputs)
        code = b_outfile_open(o->path, &o->file, err);
    struct out_sink sink = {.ctx = o, .write = sink_write, .side = sink_side};
    if (code == B_OK)
        code = out_open(o->format, options, &sink, &o->writer, err);
    if (code == B_OK)
        code = out_begin(o->writer, info, o->format->needs_source ? r->source : NULL,
                         o->format->needs_source ? r->source_size : 0, err);
    return code;
}

/* Where figures are asked for as well, Markdown links to them: by the name of their folder, which lies beside it. */
static void link_figures(const struct svc_output_request *r, char *folder, size_t size, struct out_options *options)
{
    const char *slash = strrchr(r->stem, '/'), *name = slash ? slash + 1 : r->stem;
    for (size_t i = 0; i < r->n_formats && !options->figures; i++) {
        if (strcmp(r->formats[i]->name, "figures") != 0)
            continue;
        int len = snprintf(folder, size, "%s%s", name, r->formats[i]->extension);
        if (len > 0 && (size_t)len < size)
            options->figures = folder;
    }
}

enum b_code svc_outputs_open(const struct svc_output_request *request, const struct dp_document_info *info,
                             struct svc_outputs **out, struct b_err *err)
{
    *out = NULL;
    struct svc_outputs *outs = calloc(1, sizeof *outs);
    if (!outs)
        return b_fail(err, B_NO_MEMORY, DOMAIN, "out of memory");
    struct out_options options = request->options;
    link_figures(request, outs->figures, sizeof outs->figures, &options);
    enum b_code code = B_OK;
    for (size_t i = 0; i < request->n_formats && i < SVC_MAX_FORMATS && code == B_OK; i++) {
        outs->count = i + 1;
        outs->items[i].format = request->formats[i];
        code = open_one(&outs->items[i], request, &options, info, err);
    }
    if (code != B_OK) {
        svc_outputs_abort(outs);
        return code;
    }
    *out = outs;
    return B_OK;
}

enum b_code svc_outputs_page(struct svc_outputs *outputs, const struct dp_page *page, const struct b_image_view *image,
                             struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < outputs->count && code == B_OK; i++)
        code = out_page(outputs->items[i].writer, page, image, err);
    return code;
}

static enum b_code commit_one(struct output *o, struct b_err *err)
{
    enum b_code code = B_OK;
    if (o->file) {
        code = b_outfile_commit(o->file, err);
        o->file = NULL;
    } else {
        remove_folder(o->path); /* of an earlier run */
        if (o->side_dir[0] && rename(o->side_dir, o->path) != 0)
            code = b_fail(err, B_IO, DOMAIN, "renaming to %s failed: %s", o->path, strerror(errno));
        if (code == B_OK)
            o->side_dir[0] = '\0';
    }
    o->committed = code == B_OK;
    return code;
}

enum b_code svc_outputs_commit(struct svc_outputs *outputs, enum dp_status status, struct b_err *err)
{
    enum b_code code = B_OK;
    for (size_t i = 0; i < outputs->count && code == B_OK; i++)
        code = out_end(outputs->items[i].writer, status, err);
    for (size_t i = 0; i < outputs->count && code == B_OK; i++)
        code = commit_one(&outputs->items[i], err);
    if (code == B_OK)
        for (size_t i = 0; i < outputs->count; i++)
            outputs->items[i].committed = false; /* nothing to take back */
    svc_outputs_abort(outputs);
    return code;
}

void svc_outputs_abort(struct svc_outputs *outputs)
{
    if (!outputs)
        return;
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *o = &outputs->items[i];
        out_drop(o->writer);
        b_outfile_abort(o->file);
        if (o->side_dir[0])
            remove_folder(o->side_dir);
        if (o->committed && o->format->side_outputs)
            remove_folder(o->path);
        else if (o->committed)
            (void)unlink(o->path);
    }
    free(outputs);
}
