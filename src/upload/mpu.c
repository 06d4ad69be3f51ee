#include "upload/mpu.h"

#include "base/err.h"

#define PARTS_PER_SIZE 1000

const char *silt_mpu_state_name(enum silt_mpu_state state)
{
    static const char *const names[] = {
        [SILT_MPU_NEW] = "new",       [SILT_MPU_CREATING] = "creating",
        [SILT_MPU_OPEN] = "open",     [SILT_MPU_DRAINING] = "draining",
        [SILT_MPU_STAGED] = "staged", [SILT_MPU_FAILED] = "failed",
    };
    return names[state];
}

void silt_mpu_init(struct silt_mpu *mpu, int64_t part_size, unsigned parallel)
{
    SILT_ASSERT(part_size > 0 && parallel > 0);
    *mpu = (struct silt_mpu){.state = SILT_MPU_NEW, .part_size = part_size, .parallel = parallel};
}

int64_t silt_mpu_part_target(int64_t part_size, unsigned n)
{
    SILT_ASSERT(n >= 1 && n <= SILT_PARTS_MAX);
    return part_size << ((n - 1) / PARTS_PER_SIZE);
}

static bool is_created(const struct silt_mpu *mpu)
{
    return mpu->state == SILT_MPU_OPEN || mpu->state == SILT_MPU_DRAINING;
}

static bool may_send(const struct silt_mpu *mpu)
{
    return is_created(mpu) && mpu->sent < mpu->cut && mpu->sent - mpu->answered < mpu->parallel;
}

unsigned silt_mpu_next_send(struct silt_mpu *mpu)
{
    if (!may_send(mpu)) return 0;
    return ++mpu->sent;
}

/* The upload exists: into the state that the counters ask for. */
static unsigned go_on(struct silt_mpu *mpu)
{
    if (mpu->finishing && mpu->answered == mpu->cut) {
        mpu->state = SILT_MPU_STAGED;
        return SILT_MPU_DO_STAGED;
    }
    mpu->state = mpu->finishing ? SILT_MPU_DRAINING : SILT_MPU_OPEN;
    return may_send(mpu) ? SILT_MPU_DO_SEND : 0;
}

static unsigned ask_create(struct silt_mpu *mpu)
{
    mpu->state = SILT_MPU_CREATING;
    return SILT_MPU_DO_CREATE;
}

static unsigned part_cut(struct silt_mpu *mpu)
{
    SILT_ASSERT(!mpu->finishing && mpu->cut < SILT_PARTS_MAX);
    mpu->cut++;
    if (mpu->state == SILT_MPU_NEW) return ask_create(mpu);
    return is_created(mpu) ? go_on(mpu) : 0;
}

static unsigned part_ok(struct silt_mpu *mpu)
{
    SILT_ASSERT(mpu->answered < mpu->sent);
    mpu->answered++;
    return is_created(mpu) ? go_on(mpu) : 0;
}

static unsigned finish(struct silt_mpu *mpu)
{
    SILT_ASSERT(!mpu->finishing && mpu->cut > 0);
    mpu->finishing = true;
    return is_created(mpu) ? go_on(mpu) : 0;
}

static unsigned fail(struct silt_mpu *mpu)
{
    SILT_ASSERT(mpu->state != SILT_MPU_NEW && mpu->state != SILT_MPU_STAGED);
    if (mpu->state == SILT_MPU_FAILED) return 0;
    mpu->state = SILT_MPU_FAILED;
    return SILT_MPU_DO_FAILED;
}

/* Nothing is sent before the upload exists, so `sent` tells whether it was creating that failed. */
static unsigned retry(struct silt_mpu *mpu)
{
    SILT_ASSERT(mpu->state == SILT_MPU_FAILED);
    return mpu->sent ? go_on(mpu) : ask_create(mpu);
}

unsigned silt_mpu_step(struct silt_mpu *mpu, enum silt_mpu_event event)
{
    switch (event) {
    case SILT_MPU_EV_PART_CUT: return part_cut(mpu);
    case SILT_MPU_EV_CREATED: SILT_ASSERT(mpu->state == SILT_MPU_CREATING); return go_on(mpu);
    case SILT_MPU_EV_PART_OK: return part_ok(mpu);
    case SILT_MPU_EV_FINISH: return finish(mpu);
    case SILT_MPU_EV_FAIL: return fail(mpu);
    default: SILT_ASSERT(event == SILT_MPU_EV_RETRY); return retry(mpu);
    }
}
