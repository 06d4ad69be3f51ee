#include "inspect/tails.h"

#include "archive_tools.h"

static struct silt_tail tail_of(struct tool *tool)
{
    struct silt_tail tail;
    silt_tails_read(&tool->mem->store, &tool->tp, 1, &tail);
    return tail;
}

static void an_empty_log_is_known_to_be_empty(void)
{
    struct tool tool;
    tool_init(&tool);
    struct silt_tail tail = tail_of(&tool);
    CU_ASSERT(tail.known);
    CU_ASSERT_EQUAL(tail.seq, -1);
    CU_ASSERT_EQUAL(tail.durable, -1);
    tool_done(&tool);
}

static void a_complete_tail_is_durable(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_slot(&tool, NULL);
    struct silt_tail tail = tail_of(&tool);
    CU_ASSERT(tail.known && !tail.pending);
    CU_ASSERT_EQUAL(tail.seq, 1);
    CU_ASSERT_EQUAL(tail.durable, 40);
    tool_gap(&tool, 5);
    CU_ASSERT_EQUAL(tail_of(&tool).durable, 45);
    tool_done(&tool);
}

static void of_a_pending_tail_only_what_was_before_is_durable(void)
{
    const struct tool_slot pending = {.no_objects = true};
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &pending);
    struct silt_tail tail = tail_of(&tool);
    CU_ASSERT(tail.known && tail.pending);
    CU_ASSERT_EQUAL(tail.durable, -1);
    tool_slot(&tool, &pending);
    CU_ASSERT_EQUAL(tail_of(&tool).durable, 20);
    tool_done(&tool);
}

static void long_logs_are_searched(void)
{
    static const unsigned lengths[] = {1, 2, 999, 1000, 1001, 2500, 4100};
    struct tool tool;
    tool_init(&tool);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        while (tool.seq < (int64_t)lengths[i]) tool_gap(&tool, 1);
        CU_ASSERT_EQUAL(tail_of(&tool).seq, (int64_t)lengths[i] - 1);
        CU_ASSERT_EQUAL(tail_of(&tool).durable, (int64_t)lengths[i]);
    }
    unsigned before = tool.mem->calls[SILT_OP_LIST];
    (void)tail_of(&tool);
    CU_ASSERT(tool.mem->calls[SILT_OP_LIST] - before <= 8);
    tool_done(&tool);
}

static void several_partitions_are_asked_together(void)
{
    struct tool tool;
    struct silt_tp tps[20];
    struct silt_tail tails[20];
    tool_init(&tool);
    for (int32_t p = 0; p < 20; p++) {
        tool_partition(&tool, "sensors", p);
        tps[p] = tool.tp;
        if (p % 2) tool_gap(&tool, p);
    }
    silt_tails_read(&tool.mem->store, tps, 20, tails);
    for (int32_t p = 0; p < 20; p++) {
        CU_ASSERT(tails[p].known);
        CU_ASSERT_EQUAL(tails[p].durable, p % 2 ? p : -1);
    }
    silt_tails_read(&tool.mem->store, tps, 0, tails);
    tool_done(&tool);
}

static void what_cannot_be_read_is_not_known(void)
{
    static const struct silt_memory_fault faults[] = {
        {SILT_OP_LIST, "", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_GET, "", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1},
        {SILT_OP_HEAD, "", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct tool tool;
        tool_init(&tool);
        tool_slot(&tool, NULL);
        silt_memory_add_fault(tool.mem, &faults[i]);
        struct silt_tail tail = tail_of(&tool);
        CU_ASSERT(!tail.known);
        CU_ASSERT_EQUAL(tail.err.code, silt_store_outcome_code(faults[i].outcome));
        tool_done(&tool);
    }
}

static void unbalance(struct silt_manifest *m)
{
    m->records++;
}

static void a_wrong_tail_is_not_known(void)
{
    struct tool tool;
    char key[SILT_KEY_MAX];
    tool_init(&tool);
    tool_slot(&tool, &(struct tool_slot){.edit_manifest = unbalance});
    struct silt_tail tail = tail_of(&tool);
    CU_ASSERT(!tail.known);
    CU_ASSERT_PTR_NOT_NULL(strstr(tail.err.text, "verify"));
    tool_manifest_key(&tool, 1, key);
    tool_put(&tool, key, "x");
    CU_ASSERT(!tail_of(&tool).known);
    tool_done(&tool);
}

static void a_search_that_fails_is_not_known(void)
{
    struct tool tool;
    tool_init(&tool);
    for (unsigned i = 0; i < 5; i++) tool_gap(&tool, 1);
    tool.mem->page_max = 2;
    CU_ASSERT_EQUAL(tail_of(&tool).seq, 4);
    tool.mem->page_max = 1;
    CU_ASSERT_EQUAL(tail_of(&tool).seq, 4);
    struct silt_tp tps[2] = {tool.tp, tool.tp};
    struct silt_tail tails[2];
    tps[1].partition = 1;
    silt_memory_add_fault(tool.mem,
                          &(struct silt_memory_fault){SILT_OP_LIST, "/00001/", SILT_FAULT_REFUSED,
                                                      SILT_STORE_THROTTLED, 1});
    silt_tails_read(&tool.mem->store, tps, 2, tails);
    CU_ASSERT(tails[0].known && !tails[1].known);
    tool_done(&tool);
}

SILT_TESTS("tails", {"an empty log is known to be empty", an_empty_log_is_known_to_be_empty},
           {"a complete tail is durable", a_complete_tail_is_durable},
           {"of a pending tail only what was before is durable",
            of_a_pending_tail_only_what_was_before_is_durable},
           {"long logs are searched", long_logs_are_searched},
           {"several partitions are asked together", several_partitions_are_asked_together},
           {"what cannot be read is not known", what_cannot_be_read_is_not_known},
           {"a wrong tail is not known", a_wrong_tail_is_not_known},
           {"a search that fails is not known", a_search_that_fails_is_not_known})
