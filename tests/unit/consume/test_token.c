#include "consume/token.h"

#include "consume/consumer.h"
#include "consume/producer.h"
#include "harness.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define NOBODY "127.0.0.1:1"
#define LOOKS 6000 /* of 10 ms: only a hang gets there */

struct fake {
    struct silt_token_source source;
    _Atomic unsigned asked;
    const char *token; /* NULL: there is none */
    int life_s;
};

static struct silt_rc make(void *ctx, struct silt_buf *ret_token, int64_t *ret_expires_ms,
                           struct silt_err *err)
{
    struct fake *fake = ctx;
    fake->asked++;
    if (!fake->token) SILT_FAIL(err, AUTH, "no keys today");
    silt_buf_append_str(ret_token, fake->token);
    *ret_expires_ms = (int64_t)(time(NULL) + fake->life_s) * 1000;
    return SILT_OK;
}

static struct silt_consumer *open_consumer(struct fake *fake, const char *token, int life_s)
{
    *fake = (struct fake){.source = {.make = make, .ctx = fake}, .token = token, .life_s = life_s};
    struct silt_consumer *consumer = NULL;
    const struct silt_consumer_opts opts = {
        .brokers = NOBODY, .needs_token = true, .token = &fake->source};
    CU_ASSERT_OK(silt_consumer_new(&opts, &consumer, NULL));
    return consumer;
}

/* @return whether an error of the client said `word`. */
static bool poll_until_asked(struct silt_consumer *consumer, struct fake *fake, const char *word)
{
    struct silt_polled polled = {0};
    bool said = false;
    for (unsigned i = 0; i < LOOKS && !(fake->asked && (said || !word)); i++) {
        silt_consumer_poll(consumer, 10, &polled);
        said |= word && polled.kind == SILT_POLL_ERROR && strstr(polled.err.text, word);
    }
    return said;
}

static void a_consumer_asks_for_its_token(void)
{
    struct fake fake;
    struct silt_consumer *consumer = open_consumer(&fake, "abc.def", 900);
    poll_until_asked(consumer, &fake, NULL);
    CU_ASSERT_EQUAL(fake.asked, 1);
    silt_consumer_close(consumer, 10000);
}

static void it_asks_again_before_the_token_ends(void)
{
    struct fake fake;
    struct silt_polled polled;
    struct silt_consumer *consumer = open_consumer(&fake, "abc.def", 2);
    for (unsigned i = 0; i < LOOKS && fake.asked < 2; i++)
        silt_consumer_poll(consumer, 10, &polled);
    CU_ASSERT_EQUAL(fake.asked, 2);
    silt_consumer_close(consumer, 10000);
}

static void why_there_is_none_is_said(void)
{
    struct fake fake;
    struct silt_consumer *consumer = open_consumer(&fake, NULL, 0);
    CU_ASSERT(poll_until_asked(consumer, &fake, "no keys today"));
    silt_consumer_close(consumer, 10000);
    consumer = open_consumer(&fake, "abc.def", -9);
    CU_ASSERT(poll_until_asked(consumer, &fake, "xpire"));
    silt_consumer_close(consumer, 10000);
}

static void a_producer_asks_too(void)
{
    struct fake fake = {.source = {.make = make, .ctx = &fake}, .token = "abc.def", .life_s = 900};
    struct silt_producer *producer = NULL;
    const struct silt_producer_opts opts = {.brokers = NOBODY, .topic = "t", .token = &fake.source};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    for (unsigned i = 0; i < LOOKS && !fake.asked; i++) {
        silt_producer_poll(producer);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    CU_ASSERT_EQUAL(fake.asked, 1);
    silt_producer_free(producer);
}

static void who_cannot_log_in_says_so(void)
{
    struct silt_consumer *consumer = NULL;
    struct silt_err err = {0};
    const struct silt_consumer_opts opts = {.brokers = NOBODY, .needs_token = true};
    CU_ASSERT_FAILS(silt_consumer_new(&opts, &consumer, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "kafka.sasl_aws_msk_iam"));
}

SILT_TESTS("token", {"a consumer asks for its token", a_consumer_asks_for_its_token},
           {"it asks again before the token ends", it_asks_again_before_the_token_ends},
           {"why there is none is said", why_there_is_none_is_said},
           {"a producer asks too", a_producer_asks_too},
           {"who cannot log in says so", who_cannot_log_in_says_so})
