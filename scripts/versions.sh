# The versions of everything that is downloaded or built outside of apt. Sourced by bash scripts.
# shellcheck shell=bash disable=SC2034

cache=${SILT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/silt}

# silt asks for 2.15: older ones lose rebalance events, and src/consume/unpack.c stands in for functions of this one.
LIBRDKAFKA_VERSION=2.15.1
LIBRDKAFKA_NPM=@confluentinc/kafka-javascript@1.10.1
LIBRDKAFKA_NPM_SHA256=ada7d703bb1d3237e2292bfabf438d663b6160c9f1ac2a2406b5dc4257c81b66
# Static and shared library come out either way; --enable-static would mean static dependencies, which
# leaves a shared library with undefined symbols of libcurl's own dependencies.
# C11 threads of glibc are not known to ThreadSanitizer; POSIX threads are the same to everybody else.
LIBRDKAFKA_CONFIGURE="--disable-gssapi --disable-lz4-ext --enable-zstd --enable-ssl --enable-curl --disable-c11threads"

KAFKA_VERSION=${SILT_TEST_KAFKA_VERSION:-4.4.0} # another one is tried by ./dev compat
APICURIO_VERSION=3.0.9 # the newest that runs on Java 17
AVRO_JAVA_VERSION=1.12.1
VERSITYGW_VERSION=1.8.0
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
MOTO_VERSION=5.2.5
# TLC 2.18, the model checker; org.lamport:tla2tools is not on Maven Central.
TLC_VERSION=1.1.0
TLC_SHA256=fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3

APT_BUILD=(
  gcc g++ make cmake ninja-build pkg-config
  libcunit1-dev libjansson-dev libmicrohttpd-dev libyaml-dev libavro-dev libcurl4-openssl-dev
  libzstd-dev libsnappy-dev libxxhash-dev libpq-dev libssl-dev zlib1g-dev libncurses-dev
)
APT_CHAOS=(libfaketime)
APT_PACKAGE=(mmdebstrap systemd)
APT_LINT=(
  clang-16 clang-format-16 clang-tidy-16 libclang-rt-16-dev universal-ctags cppcheck gcovr shellcheck valgrind
)
