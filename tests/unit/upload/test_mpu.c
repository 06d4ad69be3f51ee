#include "upload/mpu.h"

#include "harness.h"

#define MIB ((int64_t)1 << 20)

static struct silt_mpu fresh(unsigned parallel)
{
    struct silt_mpu mpu;
    silt_mpu_init(&mpu, 8 * MIB, parallel);
    return mpu;
}

static struct silt_mpu opened(unsigned parallel)
{
    struct silt_mpu mpu = fresh(parallel);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_step(&mpu, SILT_MPU_EV_CREATED);
    return mpu;
}

static void the_first_part_creates_the_upload(void)
{
    struct silt_mpu mpu = fresh(2);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT), SILT_MPU_DO_CREATE);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_CREATING);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT), 0);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_CREATED), SILT_MPU_DO_SEND);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_OPEN);
}

static void parts_go_out_in_order_and_no_more_than_parallel(void)
{
    struct silt_mpu mpu = opened(2);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT), SILT_MPU_DO_SEND);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 1);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 2);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), SILT_MPU_DO_SEND);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 3);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 0);
}

static void is_staged_when_the_last_part_is_answered(void)
{
    struct silt_mpu mpu = opened(4);
    silt_mpu_next_send(&mpu);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_next_send(&mpu);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FINISH), 0);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_DRAINING);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), SILT_MPU_DO_STAGED);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_STAGED);
}

static void is_staged_at_once_when_all_parts_were_answered(void)
{
    struct silt_mpu mpu = opened(1);
    silt_mpu_next_send(&mpu);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FINISH), SILT_MPU_DO_STAGED);
}

static void finishing_before_it_is_created_drains_afterwards(void)
{
    struct silt_mpu mpu = fresh(1);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FINISH), 0);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_CREATING);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_CREATED), SILT_MPU_DO_SEND);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_DRAINING);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 1);
}

static void creating_can_fail_and_be_asked_again(void)
{
    struct silt_mpu mpu = fresh(1);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FAIL), SILT_MPU_DO_FAILED);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_FAILED);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT), 0);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_RETRY), SILT_MPU_DO_CREATE);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_CREATED), SILT_MPU_DO_SEND);
}

static void a_failure_is_told_once_and_stops_sending(void)
{
    struct silt_mpu mpu = opened(2);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_next_send(&mpu);
    silt_mpu_next_send(&mpu);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FAIL), SILT_MPU_DO_FAILED);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FAIL), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_FINISH), 0);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 0);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_FAILED);
}

static void after_a_failure_it_goes_on_where_it_was(void)
{
    struct silt_mpu mpu = opened(2);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_step(&mpu, SILT_MPU_EV_PART_CUT);
    silt_mpu_next_send(&mpu);
    silt_mpu_next_send(&mpu);
    silt_mpu_step(&mpu, SILT_MPU_EV_FAIL);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_RETRY), SILT_MPU_DO_SEND);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_OPEN);
    CU_ASSERT_EQUAL(silt_mpu_next_send(&mpu), 3);
    silt_mpu_step(&mpu, SILT_MPU_EV_FAIL);
    silt_mpu_step(&mpu, SILT_MPU_EV_FINISH);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_RETRY), 0);
    CU_ASSERT_EQUAL(mpu.state, SILT_MPU_DRAINING);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), 0);
    CU_ASSERT_EQUAL(silt_mpu_step(&mpu, SILT_MPU_EV_PART_OK), SILT_MPU_DO_STAGED);
}

static void part_sizes_double_every_thousand_parts(void)
{
    CU_ASSERT_EQUAL(silt_mpu_part_target(8 * MIB, 1), 8 * MIB);
    CU_ASSERT_EQUAL(silt_mpu_part_target(8 * MIB, 1000), 8 * MIB);
    CU_ASSERT_EQUAL(silt_mpu_part_target(8 * MIB, 1001), 16 * MIB);
    CU_ASSERT_EQUAL(silt_mpu_part_target(8 * MIB, 10000), 4096 * MIB);
    int64_t total = 0;
    for (unsigned n = 1; n <= SILT_PARTS_MAX; n++) total += silt_mpu_part_target(8 * MIB, n);
    CU_ASSERT(total > (int64_t)5 << 40); /* the largest object S3 can hold */
}

static void every_state_has_a_name(void)
{
    CU_ASSERT_STRING_EQUAL(silt_mpu_state_name(SILT_MPU_NEW), "new");
    CU_ASSERT_STRING_EQUAL(silt_mpu_state_name(SILT_MPU_FAILED), "failed");
}

SILT_TESTS("mpu", {"the first part creates the upload", the_first_part_creates_the_upload},
           {"parts go out in order and no more than parallel",
            parts_go_out_in_order_and_no_more_than_parallel},
           {"is staged when the last part is answered", is_staged_when_the_last_part_is_answered},
           {"is staged at once when all parts were answered",
            is_staged_at_once_when_all_parts_were_answered},
           {"finishing before it is created drains afterwards",
            finishing_before_it_is_created_drains_afterwards},
           {"creating can fail and be asked again", creating_can_fail_and_be_asked_again},
           {"a failure is told once and stops sending", a_failure_is_told_once_and_stops_sending},
           {"after a failure it goes on where it was", after_a_failure_it_goes_on_where_it_was},
           {"part sizes double every thousand parts", part_sizes_double_every_thousand_parts},
           {"every state has a name", every_state_has_a_name})
