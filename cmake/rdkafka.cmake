# The Kafka client: found, linked statically, its unpacking bounded.

# scripts/deps.sh keeps librdkafka in the cache; a PKG_CONFIG_PATH from outside wins.
set(cache_home $ENV{XDG_CACHE_HOME})
if(NOT cache_home)
    set(cache_home $ENV{HOME}/.cache)
endif()
file(GLOB cached_rdkafka ${cache_home}/silt/librdkafka-*/lib/pkgconfig)
list(JOIN cached_rdkafka ":" cached_rdkafka)
set(ENV{PKG_CONFIG_PATH} "$ENV{PKG_CONFIG_PATH}:${cached_rdkafka}")
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)
# Older ones lose rebalance events; src/consume/unpack.c stands in for functions of this one as they are declared there.
if(NOT rdkafka_VERSION MATCHES "^2\\.15\\.")
    message(FATAL_ERROR "librdkafka ${rdkafka_VERSION} is not 2.15, which src/consume/unpack.c is written for; "
        "run: scripts/deps.sh build")
endif()
# Linked statically, so that the program runs where only Debian's older librdkafka is installed.
find_library(RDKAFKA_ARCHIVE librdkafka.a HINTS ${rdkafka_LIBDIR} REQUIRED NO_DEFAULT_PATH)
add_library(silt_rdkafka STATIC IMPORTED)
set_target_properties(silt_rdkafka PROPERTIES
    IMPORTED_LOCATION ${RDKAFKA_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES ${rdkafka_INCLUDEDIR}
    INTERFACE_LINK_LIBRARIES "PkgConfig::libcurl;ssl;crypto;PkgConfig::libzstd;PkgConfig::zlib;Threads::Threads;m;dl")
# Neither the checkout's place nor the cache's stands in the program (./dev reproducible).
target_compile_options(silt_flags INTERFACE -ffile-prefix-map=${rdkafka_INCLUDEDIR}=librdkafka)
# Batches are unpacked through src/consume/unpack.c, which whoever uses librdkafka gets (-u).
target_link_options(silt_rdkafka INTERFACE -Wl,-u,silt_unpack_limit)
foreach(call rd_kafka_buf_new_shadow rd_gz_decompress rd_kafka_lz4_decompress rd_kafka_zstd_decompress
        rd_kafka_snappy_java_uncompress rd_kafka_snappy_uncompressed_length)
    target_link_options(silt_rdkafka INTERFACE -Wl,--wrap=${call})
endforeach()
