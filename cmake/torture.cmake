# The program under torture (tests/torture): silt with calls that fail on demand. Wants the address sanitizer.
if("${SILT_SANITIZE}" MATCHES "address")
    add_library(torture_faults OBJECT EXCLUDE_FROM_ALL tests/torture/faults.c)
    target_link_libraries(torture_faults PRIVATE silt_cli silt_flags)
    # It stands in for malloc before the sanitizer is awake.
    set_source_files_properties(tests/torture/faults.c PROPERTIES COMPILE_OPTIONS -fno-sanitize=all)
    set(tortured ${CMAKE_BINARY_DIR}/tortured)
    set(rooms cli app pipeline inspect doctor observe commit upload encode batch decode consume store pg net metrics
        config record base)
    foreach(room ${rooms})
        list(APPEND room_targets silt_${room})
        list(APPEND room_archives $<TARGET_FILE:silt_${room}>)
        list(APPEND tortured_archives ${tortured}/libsilt_${room}.a)
    endforeach()
    add_custom_command(OUTPUT ${tortured_archives}
        COMMAND ${CMAKE_SOURCE_DIR}/tests/torture/tortured $<TARGET_OBJECTS:torture_faults> ${tortured} ${room_archives}
        DEPENDS tests/torture/tortured torture_faults $<TARGET_OBJECTS:torture_faults> ${room_targets})
    add_custom_target(tortured_archives DEPENDS ${tortured_archives})
    add_executable(torture EXCLUDE_FROM_ALL tests/torture/torture.c)
    target_include_directories(torture PRIVATE src tests/harness tests/torture)
    target_link_libraries(torture PRIVATE $<TARGET_OBJECTS:torture_faults>
        -Wl,--start-group ${tortured_archives} -Wl,--end-group silt_harness silt_rdkafka
        PkgConfig::libcurl PkgConfig::libzstd PkgConfig::zlib PkgConfig::jansson PkgConfig::openssl
        PkgConfig::yaml_0_1 PkgConfig::libmicrohttpd PkgConfig::libpq PkgConfig::avro_c PkgConfig::libxxhash
        ${SNAPPY_LIBRARY} silt_flags)
    add_dependencies(torture tortured_archives)
endif()
