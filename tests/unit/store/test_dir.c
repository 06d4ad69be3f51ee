#include "store/dir.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "dir_int.h"
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#define KEY "data/topic=t/x.avro"

static struct silt_dir_root new_root(void)
{
    char nonce[17];
    silt_random_hex(nonce, 16);
    char *path = silt_asprintf("%s/%s", silt_test_dir(), nonce);
    struct silt_dir_root root;
    struct silt_rc made = silt_dir_root_init(&root, path, NULL);
    SILT_ASSERT(made.ok);
    silt_free(path);
    return root;
}

static enum silt_store_outcome done(const struct silt_dir_root *root, struct silt_store_req *req)
{
    silt_dir_do(root, req);
    return req->outcome;
}

static enum silt_store_outcome put(const struct silt_dir_root *root, const char *key,
                                   const char *text)
{
    const struct silt_slice body = silt_slice_str(text);
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = key, .body = &body, .body_n = 1};
    return done(root, &req);
}

/* --- keys ------------------------------------------------------------------------------------ */

static void keys_stay_inside_the_root(void)
{
    char longest[1026];
    memset(longest, 'k', sizeof longest);
    longest[1024] = '\0';
    static const char *const bad[] = {"",       "/a",    "a/",     "a//b", ".",    "..",    "../a",
                                      "a/../b", "a/./b", ".tmp/x", "a/.b", "a\nb", "a\x01", "/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_FALSE(silt_dir_key_ok(bad[i]));
    CU_ASSERT_FALSE(silt_dir_key_ok(NULL));
    CU_ASSERT(silt_dir_key_ok("_log/a=b/0.f1.r2.json"));
    CU_ASSERT(silt_dir_key_ok("a..b/c."));
    CU_ASSERT(silt_dir_key_ok(longest));
    longest[1024] = 'k';
    longest[1025] = '\0';
    CU_ASSERT_FALSE(silt_dir_key_ok(longest));
    struct silt_dir_root root = new_root();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(put(&root, bad[i], "x"), SILT_STORE_REFUSED);
    struct silt_store_req none = {.op = SILT_OP_HEAD};
    CU_ASSERT_EQUAL(done(&root, &none), SILT_STORE_REFUSED);
    silt_dir_root_done(&root);
}

static void a_folder_or_a_link_is_no_object(void)
{
    struct silt_dir_root root = new_root();
    CU_ASSERT_EQUAL(put(&root, "a/b", "x"), SILT_STORE_OK);
    char *link = silt_dir_path(&root, "", "link");
    CU_ASSERT_EQUAL(symlink("/etc/passwd", link), 0);
    struct silt_store_req folder = {.op = SILT_OP_HEAD, .key = "a"};
    CU_ASSERT_EQUAL(done(&root, &folder), SILT_STORE_NOT_FOUND);
    struct silt_store_req below = {.op = SILT_OP_HEAD, .key = "a/b/c"};
    CU_ASSERT_EQUAL(done(&root, &below), SILT_STORE_NOT_FOUND);
    struct silt_store_req outside = {.op = SILT_OP_GET, .key = "link", .body_max = 10000};
    CU_ASSERT_EQUAL(done(&root, &outside), SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(outside.ret_body.len, 0);
    CU_ASSERT_EQUAL(put(&root, "a/b/c", "x"), SILT_STORE_DOUBT);
    struct silt_store_req list = {.op = SILT_OP_LIST, .key = ""};
    CU_ASSERT_EQUAL(done(&root, &list), SILT_STORE_OK);
    CU_ASSERT_EQUAL(list.objects_n, 1);
    silt_store_req_done(&list);
    silt_free(link);
    silt_dir_root_done(&root);
}

static void ranges_end_with_the_object(void)
{
    struct silt_dir_root root = new_root();
    CU_ASSERT_EQUAL(put(&root, "k", "0123456789"), SILT_STORE_OK);
    CU_ASSERT_EQUAL(put(&root, "empty", ""), SILT_STORE_OK);
    static const struct {
        int64_t first;
        int64_t last;
        size_t body_max;
        enum silt_store_outcome outcome;
        const char *text;
    } cases[] = {
        {0, 0, 10, SILT_STORE_OK, "0123456789"}, {0, 0, 9, SILT_STORE_REFUSED, ""},
        {8, 9, 10, SILT_STORE_OK, "89"},         {8, 100, 10, SILT_STORE_OK, "89"},
        {10, 11, 10, SILT_STORE_REFUSED, ""},    {5, 4, 10, SILT_STORE_REFUSED, ""},
        {3, 5, 3, SILT_STORE_OK, "345"},         {3, 5, 2, SILT_STORE_REFUSED, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_store_req req = {.op = SILT_OP_GET,
                                     .key = "k",
                                     .range_first = cases[i].first,
                                     .range_last = cases[i].last,
                                     .body_max = cases[i].body_max};
        CU_ASSERT_EQUAL(done(&root, &req), cases[i].outcome);
        CU_ASSERT_STRING_EQUAL(silt_buf_str(&req.ret_body), cases[i].text);
        silt_store_req_done(&req);
    }
    struct silt_store_req empty = {.op = SILT_OP_GET, .key = "empty"};
    CU_ASSERT_EQUAL(done(&root, &empty), SILT_STORE_OK);
    CU_ASSERT_EQUAL(empty.size, 0);
    silt_store_req_done(&empty);
    silt_dir_root_done(&root);
}

static void lists_in_the_order_of_whole_keys(void)
{
    static const char *const keys[] = {"a!/x", "a", "a/b-c", "a/b/c", "a/b0", "a0", "b/c"};
    /* "a" cannot be both a file and a folder here, so it is left out of the wanted. */
    static const char *const wanted[] = {"a!/x", "a/b-c", "a/b/c", "a/b0", "a0", "b/c"};
    struct silt_dir_root root = new_root();
    for (size_t i = sizeof keys / sizeof keys[0]; i > 0; i--)
        if (strcmp(keys[i - 1], "a") != 0)
            CU_ASSERT_EQUAL(put(&root, keys[i - 1], "x"), SILT_STORE_OK);
    struct silt_store_req list = {.op = SILT_OP_LIST, .key = ""};
    CU_ASSERT_EQUAL(done(&root, &list), SILT_STORE_OK);
    CU_ASSERT_EQUAL(list.objects_n, 6);
    for (unsigned i = 0; i < 6; i++) CU_ASSERT_STRING_EQUAL(list.objects[i].key, wanted[i]);
    silt_store_req_done(&list);

    /* Each key as the place to go on from, one at a time. */
    const char *after = "";
    for (unsigned i = 0; i < 6; i++) {
        struct silt_store_req page = {
            .op = SILT_OP_LIST, .key = "", .start_after = after, .limit = 1};
        CU_ASSERT_EQUAL(done(&root, &page), SILT_STORE_OK);
        CU_ASSERT_EQUAL(page.objects_n, 1);
        CU_ASSERT_STRING_EQUAL(page.objects[0].key, wanted[i]);
        CU_ASSERT_EQUAL(page.truncated, i < 5);
        after = wanted[i];
        silt_store_req_done(&page);
    }
    struct silt_store_req prefix = {.op = SILT_OP_LIST, .key = "a/b", .start_after = "a/b-z"};
    CU_ASSERT_EQUAL(done(&root, &prefix), SILT_STORE_OK);
    CU_ASSERT_EQUAL(prefix.objects_n, 2);
    silt_store_req_done(&prefix);
    silt_dir_root_done(&root);
}

/* --- uploads --------------------------------------------------------------------------------- */

struct upload {
    char *id;
    struct silt_store_part parts[2];
    unsigned parts_n;
    uint32_t crc;
    int64_t size;
};

static void upload_part(const struct silt_dir_root *root, struct upload *upload, const char *text)
{
    const struct silt_slice body = silt_slice_str(text);
    struct silt_store_part *part = &upload->parts[upload->parts_n++];
    *part = (struct silt_store_part){.n = upload->parts_n,
                                     .size = (int64_t)body.len,
                                     .crc32c = silt_crc32c(0, body.ptr, body.len)};
    struct silt_store_req req = {.op = SILT_OP_MPU_PART,
                                 .key = KEY,
                                 .upload_id = upload->id,
                                 .part_number = part->n,
                                 .body = &body,
                                 .body_n = 1,
                                 .crc32c = part->crc32c};
    CU_ASSERT_EQUAL(done(root, &req), SILT_STORE_OK);
    memcpy(part->etag, req.etag, sizeof part->etag);
    upload->crc = silt_crc32c(upload->crc, body.ptr, body.len);
    upload->size += part->size;
}

static struct upload new_upload(const struct silt_dir_root *root, const char *token)
{
    struct upload upload = {0};
    struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = KEY, .token = token};
    CU_ASSERT_EQUAL(done(root, &req), SILT_STORE_OK);
    upload.id = silt_strdup(req.ret_upload_id);
    silt_store_req_done(&req);
    upload_part(root, &upload, "first ");
    return upload;
}

static enum silt_store_outcome complete(const struct silt_dir_root *root,
                                        const struct upload *upload)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_COMPLETE,
                                 .key = KEY,
                                 .upload_id = upload->id,
                                 .parts = upload->parts,
                                 .parts_n = upload->parts_n,
                                 .object_size = upload->size,
                                 .crc32c = upload->crc};
    return done(root, &req);
}

static bool object_is(const struct silt_dir_root *root, const char *text, const char *token)
{
    struct silt_store_req req = {.op = SILT_OP_GET, .key = KEY, .body_max = 1000};
    bool same = done(root, &req) == SILT_STORE_OK &&
                strcmp(silt_buf_str(&req.ret_body), text) == 0 && strcmp(req.ret_token, token) == 0;
    silt_store_req_done(&req);
    return same;
}

static void completes_one_part_and_several(void)
{
    for (int sidecars = 0; sidecars < 2; sidecars++) {
        for (int parts = 1; parts <= 2; parts++) {
            struct silt_dir_root root = new_root();
            if (sidecars) root.sidecars = true;
            struct upload upload = new_upload(&root, "token");
            if (parts == 2) upload_part(&root, &upload, "second");
            CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_OK);
            CU_ASSERT(object_is(&root, parts == 2 ? "first second" : "first ", "token"));
            CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_NO_UPLOAD);
            silt_free(upload.id);
            silt_dir_root_done(&root);
        }
    }
}

static void an_object_without_a_token_has_none(void)
{
    for (int sidecars = 0; sidecars < 2; sidecars++) {
        struct silt_dir_root root = new_root();
        if (sidecars) root.sidecars = true;
        CU_ASSERT_EQUAL(put(&root, KEY, "x"), SILT_STORE_OK);
        CU_ASSERT(object_is(&root, "x", ""));
        silt_dir_root_done(&root);
    }
}

/* The process ended between the link and the removal of the upload. */
static void a_complete_that_was_interrupted_can_be_repeated(void)
{
    struct silt_dir_root root = new_root();
    struct upload upload = new_upload(&root, "token");
    char *part = silt_asprintf("%s/.uploads/%s/part.1", root.path, upload.id);
    char *folder = silt_asprintf("%s/data/topic=t", root.path);
    char *object = silt_asprintf("%s/" KEY, root.path);
    char *data = silt_asprintf("%s/data", root.path);
    CU_ASSERT_EQUAL(mkdir(data, 0755), 0);
    CU_ASSERT_EQUAL(mkdir(folder, 0755), 0);
    CU_ASSERT(silt_dir_set_token(&root, part, KEY, "token"));
    CU_ASSERT_EQUAL(link(part, object), 0);
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_OK);
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_NO_UPLOAD);
    CU_ASSERT(object_is(&root, "first ", "token"));
    struct upload other = new_upload(&root, "other");
    CU_ASSERT_EQUAL(complete(&root, &other), SILT_STORE_EXISTS);
    CU_ASSERT(object_is(&root, "first ", "token"));
    silt_free(part);
    silt_free(folder);
    silt_free(object);
    silt_free(data);
    silt_free(upload.id);
    silt_free(other.id);
    silt_dir_root_done(&root);
}

static void checks_what_it_completes(void)
{
    struct silt_dir_root root = new_root();
    struct upload upload = new_upload(&root, "t");
    upload_part(&root, &upload, "second");
    struct upload wrong = upload;
    wrong.parts[0].n = 2;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_BAD_PARTS);
    wrong = upload;
    wrong.size++;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_REFUSED);
    wrong.parts_n = 0;
    wrong.size = 0;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_REFUSED);
    wrong = upload;
    wrong.crc ^= 1;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_BAD_DIGEST);
    wrong = upload;
    wrong.parts[1].n = 3;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_INVALID_PART);
    wrong = upload;
    wrong.parts[1].etag[1] ^= 1;
    CU_ASSERT_EQUAL(complete(&root, &wrong), SILT_STORE_INVALID_PART);
    CU_ASSERT_FALSE(object_is(&root, "first second", "t"));
    struct silt_store_req other_key = {
        .op = SILT_OP_MPU_ABORT, .key = "another", .upload_id = upload.id};
    CU_ASSERT_EQUAL(done(&root, &other_key), SILT_STORE_NO_UPLOAD);
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_OK);
    silt_free(upload.id);
    silt_dir_root_done(&root);
}

static void refuses_parts_and_tokens_that_cannot_be(void)
{
    struct silt_dir_root root = new_root();
    struct upload upload = new_upload(&root, NULL);
    static const unsigned numbers[] = {0, 10001};
    for (size_t i = 0; i < 2; i++) {
        struct silt_store_req req = {
            .op = SILT_OP_MPU_PART, .key = KEY, .upload_id = upload.id, .part_number = numbers[i]};
        CU_ASSERT_EQUAL(done(&root, &req), SILT_STORE_REFUSED);
    }
    static const char *const ids[] = {NULL, "", "../../etc", "0123456789abcdef0123456789abcdeX",
                                      "0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct silt_store_req req = {.op = SILT_OP_MPU_PARTS, .key = KEY, .upload_id = ids[i]};
        CU_ASSERT_EQUAL(done(&root, &req), SILT_STORE_NO_UPLOAD);
    }
    char long_token[100];
    memset(long_token, 't', sizeof long_token);
    long_token[sizeof long_token - 1] = '\0';
    const char *tokens[] = {"a\nb", long_token};
    for (size_t i = 0; i < 2; i++) {
        struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = KEY, .token = tokens[i]};
        CU_ASSERT_EQUAL(done(&root, &req), SILT_STORE_REFUSED);
    }
    silt_free(upload.id);
    silt_dir_root_done(&root);
}

static void lists_uploads_by_key(void)
{
    struct silt_dir_root root = new_root();
    static const char *const keys[] = {"b", "a/2", "a/1", "a/1"};
    for (size_t i = 0; i < 4; i++) {
        struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = keys[i]};
        CU_ASSERT_EQUAL(done(&root, &req), SILT_STORE_OK);
        silt_store_req_done(&req);
    }
    char *stray = silt_dir_path(&root, ".uploads/", "0123456789abcdef0123456789abcdef");
    CU_ASSERT_EQUAL(mkdir(stray, 0755), 0); /* created, its meta not yet there */
    struct silt_store_req list = {.op = SILT_OP_MPU_LIST, .key = "a/"};
    CU_ASSERT_EQUAL(done(&root, &list), SILT_STORE_OK);
    CU_ASSERT_EQUAL(list.objects_n, 3);
    CU_ASSERT_STRING_EQUAL(list.objects[0].key, "a/1");
    CU_ASSERT_STRING_EQUAL(list.objects[2].key, "a/2");
    silt_store_req_done(&list);
    silt_free(stray);
    silt_dir_root_done(&root);
}

/* --- the root -------------------------------------------------------------------------------- */

static void what_a_dead_process_left_is_swept(void)
{
    struct silt_dir_root root = new_root();
    char *young = silt_dir_path(&root, ".tmp/", "young");
    char *old = silt_dir_path(&root, ".tmp/", "old");
    char *folder = silt_dir_path(&root, ".tmp/", "folder");
    char *part = silt_asprintf("%s/part.1", folder);
    const struct utimbuf long_ago = {1000, 1000};
    CU_ASSERT(silt_dir_write(young, NULL, 0));
    CU_ASSERT(silt_dir_write(old, NULL, 0));
    CU_ASSERT_EQUAL(mkdir(folder, 0755), 0);
    CU_ASSERT(silt_dir_write(part, NULL, 0));
    CU_ASSERT_EQUAL(utime(old, &long_ago), 0);
    CU_ASSERT_EQUAL(utime(folder, &long_ago), 0);
    struct silt_dir_root again;
    char *slashed = silt_asprintf("%s//", root.path);
    CU_ASSERT_OK(silt_dir_root_init(&again, slashed, NULL));
    CU_ASSERT_STRING_EQUAL(again.path, root.path);
    CU_ASSERT_EQUAL(access(young, F_OK), 0);
    CU_ASSERT_NOT_EQUAL(access(old, F_OK), 0);
    CU_ASSERT_NOT_EQUAL(access(folder, F_OK), 0);
    silt_free(young);
    silt_free(old);
    silt_free(folder);
    silt_free(part);
    silt_free(slashed);
    silt_dir_root_done(&again);
    silt_dir_root_done(&root);
}

static void a_root_that_cannot_be_is_told(void)
{
    static const char *const paths[] = {"", "relative", "/", "/proc/silt", "/dev/null/x"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct silt_dir_root root;
        struct silt_err err = {0};
        CU_ASSERT_FAILS(silt_dir_root_init(&root, paths[i], &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
        CU_ASSERT(strstr(err.text, "archive.root") != NULL);
    }
}

/* What happens when the folders vanish or the disk says no: an answer, never a half object. */
static void failing_steps_are_answered(void)
{
    struct silt_dir_root root = new_root();
    struct upload upload = new_upload(&root, "t");
    char *tmp = silt_dir_path(&root, ".tmp", "");
    char *gone = silt_dir_path(&root, ".gone", "");
    CU_ASSERT_EQUAL(rename(tmp, gone), 0);
    CU_ASSERT_EQUAL(put(&root, "k", "x"), SILT_STORE_DOUBT);
    struct silt_store_req create = {.op = SILT_OP_MPU_CREATE, .key = KEY};
    CU_ASSERT_EQUAL(done(&root, &create), SILT_STORE_DOUBT);
    CU_ASSERT_PTR_NULL(create.ret_upload_id);
    struct silt_store_req part = {
        .op = SILT_OP_MPU_PART, .key = KEY, .upload_id = upload.id, .part_number = 1};
    CU_ASSERT_EQUAL(done(&root, &part), SILT_STORE_DOUBT);
    upload.parts_n = 2;
    upload.parts[1] = upload.parts[0];
    upload.parts[1].n = 2;
    upload.size *= 2;
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(rename(gone, tmp), 0);

    upload.parts_n = 1;
    upload.size /= 2;
    char *blocker = silt_dir_path(&root, "", "data");
    CU_ASSERT(silt_dir_write(blocker, NULL, 0)); /* a file where a folder has to be */
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_DOUBT);
    unlink(blocker);
    CU_ASSERT_EQUAL(complete(&root, &upload), SILT_STORE_OK);
    silt_free(blocker);
    silt_free(tmp);
    silt_free(gone);
    silt_free(upload.id);
    silt_dir_root_done(&root);
}

/* --- the store ------------------------------------------------------------------------------- */

static void answers_everything_when_it_is_freed(void)
{
    enum { MANY = 50 };
    char *url = silt_asprintf("file://%s/freed", silt_test_dir());
    struct silt_store *store;
    const struct silt_store_opts opts = {.root = url};
    CU_ASSERT_OK(silt_store_open(&opts, &store, NULL));
    CU_ASSERT_STRING_EQUAL(store->url, url);
    struct silt_queue *back = silt_queue_new(MANY, NULL, NULL);
    static struct silt_store_req reqs[MANY];
    const struct silt_slice body = silt_slice_str("x");
    for (int i = 0; i < MANY; i++) {
        reqs[i] = (struct silt_store_req){.op = SILT_OP_PUT_NEW,
                                          .key = "k",
                                          .body = &body,
                                          .body_n = 1,
                                          .reply_to = back,
                                          .on_reply = silt_store_req_done};
        silt_store_submit(store, &reqs[i]);
    }
    silt_store_free(store);
    CU_ASSERT_EQUAL(silt_queue_len(back), MANY);
    int won = 0;
    for (struct silt_store_req *req; (req = silt_queue_pop(back, 0));) {
        won += req->outcome == SILT_STORE_OK;
        CU_ASSERT(req->outcome == SILT_STORE_OK || req->outcome == SILT_STORE_EXISTS ||
                  req->outcome == SILT_STORE_STOPPED);
    }
    CU_ASSERT(won <= 1);
    silt_queue_free(back);
    silt_free(url);
}

static void an_unknown_root_is_told(void)
{
    static const char *const roots[] = {"",        "/tmp/x",    "http://x", "file:/x",
                                        "file://", "s3:bucket", "s3://"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        struct silt_store *store = NULL;
        struct silt_err err = {0};
        struct silt_store_opts opts = {.root = roots[i]};
        opts.http = (struct silt_http *)&opts; /* never used: the root is refused first */
        CU_ASSERT_FAILS(silt_store_open(&opts, &store, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
        CU_ASSERT_PTR_NULL(store);
    }
}

SILT_TESTS("dir", {"keys stay inside the root", keys_stay_inside_the_root},
           {"a folder or a link is no object", a_folder_or_a_link_is_no_object},
           {"ranges end with the object", ranges_end_with_the_object},
           {"lists in the order of whole keys", lists_in_the_order_of_whole_keys},
           {"completes one part and several", completes_one_part_and_several},
           {"an object without a token has none", an_object_without_a_token_has_none},
           {"a Complete that was interrupted can be repeated",
            a_complete_that_was_interrupted_can_be_repeated},
           {"checks what it completes", checks_what_it_completes},
           {"refuses parts and tokens that cannot be", refuses_parts_and_tokens_that_cannot_be},
           {"lists uploads by key", lists_uploads_by_key},
           {"what a dead process left is swept", what_a_dead_process_left_is_swept},
           {"a root that cannot be is told", a_root_that_cannot_be_is_told},
           {"failing steps are answered", failing_steps_are_answered},
           {"answers everything when it is freed", answers_everything_when_it_is_freed},
           {"an unknown root is told", an_unknown_root_is_told})
