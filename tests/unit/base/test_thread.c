#include "base/thread.h"

#include "harness.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct seen {
    sigset_t mask;
    int answer;
};

static void *look_around(void *ctx)
{
    struct seen *seen = ctx;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    seen->answer = 42;
    return NULL;
}

static void runs_the_function_with_all_signals_blocked(void)
{
    struct seen seen = {0};
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "looker", look_around, &seen, NULL));
    silt_thread_join(thread);
    CU_ASSERT_EQUAL(seen.answer, 42);
    CU_ASSERT(sigismember(&seen.mask, SIGTERM));
    CU_ASSERT(sigismember(&seen.mask, SIGINT));
    CU_ASSERT(sigismember(&seen.mask, SIGHUP));
    CU_ASSERT(sigismember(&seen.mask, SIGPIPE));
}

static void leaves_the_starters_mask_as_it_was(void)
{
    sigset_t mask;
    struct seen seen = {0};
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "looker", look_around, &seen, NULL));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CU_ASSERT_FALSE(sigismember(&mask, SIGTERM));
    silt_thread_join(thread);
}

static void *wait_for_byte(void *ctx)
{
    char byte;
    return read(*(int *)ctx, &byte, 1) == 1 ? ctx : NULL;
}

static void carries_its_name(void)
{
    int fds[2];
    CU_ASSERT_EQUAL(pipe(fds), 0);
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "fifteen-letters", wait_for_byte, &fds[0], NULL));
    char name[16] = "";
    pthread_getname_np(thread, name, sizeof name);
    CU_ASSERT_STRING_EQUAL(name, "fifteen-letters");
    CU_ASSERT_EQUAL(write(fds[1], "x", 1), 1);
    silt_thread_join(thread);
    close(fds[0]);
    close(fds[1]);
}

/* Stack size of threads to come. @return what it was. */
static size_t set_stack_size(size_t bytes)
{
    size_t before = 0;
    pthread_attr_t attr;
    pthread_getattr_default_np(&attr);
    pthread_attr_getstacksize(&attr, &before);
    pthread_attr_setstacksize(&attr, bytes);
    CU_ASSERT_EQUAL(pthread_setattr_default_np(&attr), 0);
    pthread_attr_destroy(&attr);
    return before;
}

static void a_thread_that_cannot_start_is_an_error(void)
{
    struct seen seen = {0};
    pthread_t thread;
    struct silt_err err = {0};
    size_t before = set_stack_size((size_t)1 << 50); /* more than there are addresses */
    struct silt_rc rc = silt_thread_start(&thread, "too-large", look_around, &seen, &err);
    set_stack_size(before);
    CU_ASSERT_FAILS(rc);
    CU_ASSERT_EQUAL(err.code, SILT_E_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot start thread too-large: "));
}

SILT_TESTS("thread",
           {"runs the function with all signals blocked",
            runs_the_function_with_all_signals_blocked},
           {"leaves the starter's mask as it was", leaves_the_starters_mask_as_it_was},
           {"carries its name", carries_its_name},
           {"a thread that cannot start is an error", a_thread_that_cannot_start_is_an_error})
