/* Runs a function that ends the process: in a child, with its last words caught. Coverage counts
 * what the child did, although it leaves without exit handlers.
 */
#ifndef SILT_TEST_CHILD_H
#define SILT_TEST_CHILD_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of libgcov, there only in a coverage build. */
extern void __gcov_exit(void) __attribute__((weak));

static void child_save_coverage(void)
{
    if (__gcov_exit) __gcov_exit();
}

static void child_on_abort(int signal_number)
{
    (void)signal_number; /* abort goes on with the default action */
    child_save_coverage();
}

/* What the child wrote to stderr, as a string in ret_text. @return its wait status. */
static int child_run(void (*fn)(void), char *ret_text, size_t size)
{
    int pipe_fds[2];
    if (pipe(pipe_fds)) abort();
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        at_quick_exit(child_save_coverage);
        signal(SIGABRT, child_on_abort);
        fn();
        _exit(0);
    }
    close(pipe_fds[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(pipe_fds[0], ret_text + len, size - 1 - len)) > 0) len += (size_t)n;
    ret_text[len] = '\0';
    close(pipe_fds[0]);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) abort();
    return status;
}

#endif
