# Warnings, hardening and instrumentation. One interface target carries them: silt_flags.
option(SILT_COVERAGE "instrument for gcovr" OFF)
option(SILT_FUZZ "build the libFuzzer targets (clang)" OFF)
option(SILT_WERROR "warnings are errors" ON)
set(SILT_SANITIZE "" CACHE STRING "sanitizers, as in -fsanitize=")

add_library(silt_flags INTERFACE)
target_compile_features(silt_flags INTERFACE c_std_17)
target_compile_definitions(silt_flags INTERFACE _GNU_SOURCE)
target_compile_options(silt_flags INTERFACE
    -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wnull-dereference -Wvla
    -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wundef
    -fno-strict-overflow -fno-delete-null-pointer-checks -fno-common -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(SILT_WERROR)
    target_compile_options(silt_flags INTERFACE -Werror)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(silt_flags INTERFACE -Wno-format-truncation -Wduplicated-cond -Wlogical-op
        -Wtrampolines -Wcast-align=strict -Wformat-signedness -Wstack-usage=65536)
endif()

if(SILT_SANITIZE)
    target_compile_options(silt_flags INTERFACE
        -fsanitize=${SILT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(silt_flags INTERFACE -fsanitize=${SILT_SANITIZE})
    if(SILT_FUZZ)
        target_compile_options(silt_flags INTERFACE -O1 -fsanitize=fuzzer-no-link)
    endif()
elseif(SILT_COVERAGE)
    # Threads count in the same counters: without atomic updates some come out wrong, even negative.
    target_compile_options(silt_flags INTERFACE --coverage -O0 -fprofile-update=atomic)
    target_link_options(silt_flags INTERFACE --coverage)
else()
    target_compile_options(silt_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        target_compile_options(silt_flags INTERFACE -fcf-protection=full)
    endif()
    if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        target_compile_options(silt_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif()
    target_link_options(silt_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_EXTENSIONS ON)
