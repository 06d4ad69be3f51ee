#include "doctor_tool.h"
#include "memory_store.h"

/* A store in memory; the checks behind store.bucket look at it. */
static struct silt_memory_store *store_of(struct patient *patient)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    patient_init(patient);
    patient->opts.store.root = "s3://bucket/root";
    patient->opts.max_upload_age_ms = 4 * (int64_t)3600000;
    patient->doctor.store = &mem->store;
    return mem;
}

static void refuse(struct silt_memory_store *mem, enum silt_store_op op,
                   enum silt_store_outcome outcome)
{
    mem->faults[mem->faults_n++] = (struct silt_memory_fault){
        .op = op, .key_part = "", .kind = SILT_FAULT_REFUSED, .outcome = outcome, .times = 1000};
}

static void an_honest_store_passes(void)
{
    struct patient patient;
    store_of(&patient);
    says(&patient, silt_check_clock, SILT_DOCTOR_SKIPPED, "tells no time", "");
    says(&patient, silt_check_list, SILT_DOCTOR_OK, "can be listed", "");
    says(&patient, silt_check_read, SILT_DOCTOR_OK, "can be read", "");
    says(&patient, silt_check_write, SILT_DOCTOR_OK, "below _probe/", "");
    CU_ASSERT_PTR_NOT_NULL(strstr(patient.doctor.probe_key, "_probe/"));
    says(&patient, silt_check_read, SILT_DOCTOR_OK, "can be read", "");
    says(&patient, silt_check_races, SILT_DOCTOR_OK, "only one", "");
    says(&patient, silt_check_uploads, SILT_DOCTOR_OK, "aborted", "");
    says(&patient, silt_check_lifecycle, SILT_DOCTOR_WARNING, "no rule", "7 days");
    patient_done(&patient);
}

static void each_missing_right_is_named(void)
{
    static const struct {
        enum silt_store_op op;
        silt_check_fn *check;
        const char *right;
    } rights[] = {
        {SILT_OP_PUT_NEW, silt_check_write, "s3:PutObject"},
        {SILT_OP_GET, silt_check_read, "s3:GetObject"},
        {SILT_OP_HEAD, silt_check_read, "s3:ListBucket"},
        {SILT_OP_MPU_CREATE, silt_check_uploads, "s3:PutObject"},
        {SILT_OP_MPU_PART, silt_check_uploads, "s3:PutObject"},
        {SILT_OP_MPU_PARTS, silt_check_uploads, "s3:ListMultipartUploadParts"},
        {SILT_OP_MPU_LIST, silt_check_uploads, "s3:ListBucketMultipartUploads"},
        {SILT_OP_MPU_ABORT, silt_check_uploads, "s3:AbortMultipartUpload"},
    };
    for (unsigned i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        struct patient patient;
        refuse(store_of(&patient), rights[i].op, SILT_STORE_DENIED);
        says(&patient, rights[i].check, SILT_DOCTOR_FAILED, "", rights[i].right);
        patient_done(&patient);
    }
}

static void encryption_and_tags_take_rights_of_their_own(void)
{
    struct patient patient;
    refuse(store_of(&patient), SILT_OP_PUT_NEW, SILT_STORE_DENIED);
    patient.opts.store.s3.tags_n = 1;
    says(&patient, silt_check_write, SILT_DOCTOR_FAILED, "", "s3:PutObjectTagging");
    patient.opts.store.s3.sse = "aws:kms";
    says(&patient, silt_check_write, SILT_DOCTOR_FAILED, "", "kms:GenerateDataKey");
    patient_done(&patient);
}

static void an_upload_that_cannot_be_aborted_is_named(void)
{
    struct patient patient;
    refuse(store_of(&patient), SILT_OP_MPU_ABORT, SILT_STORE_DENIED);
    says(&patient, silt_check_uploads, SILT_DOCTOR_FAILED, "the upload of _probe/", "grant");
    patient_done(&patient);
}

static void a_store_that_is_ill_is_not_a_missing_right(void)
{
    struct patient patient;
    struct silt_memory_store *mem = store_of(&patient);
    refuse(mem, SILT_OP_GET, SILT_STORE_DOUBT);
    refuse(mem, SILT_OP_PUT_NEW, SILT_STORE_THROTTLED);
    refuse(mem, SILT_OP_MPU_PARTS, SILT_STORE_DOUBT);
    says(&patient, silt_check_read, SILT_DOCTOR_FAILED, "_format.json", "health");
    says(&patient, silt_check_write, SILT_DOCTOR_FAILED, "", "health");
    says(&patient, silt_check_races, SILT_DOCTOR_FAILED, "", "health");
    says(&patient, silt_check_uploads, SILT_DOCTOR_FAILED, "mpu_parts", "mpu_parts");
    patient_done(&patient);
}

static void a_store_that_lies_is_told_from_one_that_refuses(void)
{
    struct patient patient;
    struct silt_memory_store *mem = store_of(&patient);
    mem->puts_per_key = 100;
    says(&patient, silt_check_write, SILT_DOCTOR_FAILED, "If-None-Match", "conditional writes");
    says(&patient, silt_check_races, SILT_DOCTOR_FAILED, "not atomic", "atomic");
    patient_done(&patient);
}

static void a_clock_is_compared_with_the_stores(void)
{
    struct patient patient;
    struct silt_memory_store *mem = store_of(&patient);
    mem->has_clock = true;
    struct silt_store_req *listed = &patient.doctor.listed;
    *listed = (struct silt_store_req){.op = SILT_OP_LIST, .key = ""};
    silt_store_call(&mem->store, listed);
    says(&patient, silt_check_clock, SILT_DOCTOR_OK, "0 s off", "");
    listed->server_time_ms -= 3600000;
    says(&patient, silt_check_clock, SILT_DOCTOR_FAILED, "ahead of the store's", "NTP");
    listed->server_time_ms += 7200000;
    says(&patient, silt_check_clock, SILT_DOCTOR_FAILED, "behind the store's", "NTP");
    patient_done(&patient);
}

static void lifecycle_rules_are_judged(void)
{
    struct patient patient;
    struct silt_memory_store *mem = store_of(&patient);
    mem->lifecycle_abort_days = 7;
    says(&patient, silt_check_lifecycle, SILT_DOCTOR_OK, "after 7 days", "");
    patient.opts.max_upload_age_ms *= 24;
    says(&patient, silt_check_lifecycle, SILT_DOCTOR_FAILED, "168 h", "archive.max_upload_age");
    mem->lifecycle_expires_log = true;
    says(&patient, silt_check_lifecycle, SILT_DOCTOR_FAILED, "_log/", "outside _log/");
    refuse(mem, SILT_OP_LIFECYCLE, SILT_STORE_DENIED);
    says(&patient, silt_check_lifecycle, SILT_DOCTOR_WARNING, "cannot be read",
         "s3:GetLifecycleConfiguration");
    patient_done(&patient);
}

static void a_root_that_cannot_be_opened(void)
{
    struct patient patient;
    patient_init(&patient);
    patient.opts.store.root = "file:///dev/null/x";
    says(&patient, silt_check_bucket, SILT_DOCTOR_FAILED, "/dev/null", "archive.root");
    patient_done(&patient);
}

SILT_TESTS("doctor_store", {"an honest store passes", an_honest_store_passes},
           {"each missing right is named", each_missing_right_is_named},
           {"encryption and tags take rights of their own",
            encryption_and_tags_take_rights_of_their_own},
           {"an upload that cannot be aborted is named", an_upload_that_cannot_be_aborted_is_named},
           {"a store that is ill is not a missing right",
            a_store_that_is_ill_is_not_a_missing_right},
           {"a store that lies is told from one that refuses",
            a_store_that_lies_is_told_from_one_that_refuses},
           {"a clock is compared with the store's", a_clock_is_compared_with_the_stores},
           {"lifecycle rules are judged", lifecycle_rules_are_judged},
           {"a root that cannot be opened", a_root_that_cannot_be_opened})
