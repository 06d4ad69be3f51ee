/* One staged upload under any order of events that its owner may bring: parts go out in order, once
 * each and at most `parallel` at a time; it is staged exactly when all of them are answered.
 */
#include "upload/mpu.h"

#include "fuzz.h"

struct books {
    unsigned cut;
    unsigned sent;
    unsigned answered;
    bool finishing;
};

static void send_parts(struct silt_mpu *mpu, struct books *books)
{
    for (unsigned n; (n = silt_mpu_next_send(mpu));) FUZZ_CHECK(n == ++books->sent);
}

/* Whether the owner may bring this event now. */
static bool is_legal(const struct silt_mpu *mpu, const struct books *books,
                     enum silt_mpu_event event)
{
    switch (event) {
    case SILT_MPU_EV_PART_CUT: return !books->finishing && books->cut < SILT_PARTS_MAX;
    case SILT_MPU_EV_CREATED: return mpu->state == SILT_MPU_CREATING;
    case SILT_MPU_EV_PART_OK: return books->answered < books->sent;
    case SILT_MPU_EV_FINISH: return !books->finishing && books->cut > 0;
    case SILT_MPU_EV_FAIL: return mpu->state != SILT_MPU_NEW && mpu->state != SILT_MPU_STAGED;
    default: return mpu->state == SILT_MPU_FAILED;
    }
}

static void book(struct books *books, enum silt_mpu_event event)
{
    books->cut += event == SILT_MPU_EV_PART_CUT;
    books->answered += event == SILT_MPU_EV_PART_OK;
    books->finishing |= event == SILT_MPU_EV_FINISH;
}

static void check(const struct silt_mpu *mpu, const struct books *books, unsigned actions)
{
    bool all = books->finishing && books->answered == books->cut;
    FUZZ_CHECK(mpu->cut == books->cut && mpu->sent == books->sent);
    FUZZ_CHECK(books->sent <= books->cut && books->sent - books->answered <= mpu->parallel);
    FUZZ_CHECK(mpu->state != SILT_MPU_STAGED || all);
    FUZZ_CHECK(!(actions & SILT_MPU_DO_STAGED) || mpu->state == SILT_MPU_STAGED);
    if (all) FUZZ_CHECK(mpu->state == SILT_MPU_STAGED || mpu->state == SILT_MPU_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_mpu mpu;
    struct books books = {0};
    silt_mpu_init(&mpu, SILT_PART_MIN, 1 + fuzz_below(&in, 8));
    while (fuzz_more(&in)) {
        enum silt_mpu_event event = (enum silt_mpu_event)fuzz_below(&in, SILT_MPU_EV_RETRY + 1);
        if (!is_legal(&mpu, &books, event)) continue;
        book(&books, event);
        unsigned actions = silt_mpu_step(&mpu, event);
        if (actions & SILT_MPU_DO_SEND) send_parts(&mpu, &books);
        check(&mpu, &books, actions);
    }
    if (books.cut) FUZZ_CHECK(silt_mpu_part_target(SILT_PART_MIN, books.cut) >= SILT_PART_MIN);
    return 0;
}
