# silt_room(NAME rooms-below... [LIBS imported-targets...])
#
# A room is a folder under src/, a static library of its own, and a folder of unit tests. Every source file of the
# folder belongs to it. A test program links its room and what lies below, so a call upward does not link.
function(silt_room name)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
    list(FILTER sources EXCLUDE REGEX "/main\\.c$")
    if(NOT sources)
        return()
    endif()
    add_library(silt_${name} STATIC ${sources})
    target_include_directories(silt_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
    foreach(below ${ARG_UNPARSED_ARGUMENTS})
        if(TARGET silt_${below})
            target_link_libraries(silt_${name} PUBLIC silt_${below})
        endif()
    endforeach()
    target_link_libraries(silt_${name} PUBLIC ${ARG_LIBS} PRIVATE silt_flags)

    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/test_*.c)
    foreach(test_source ${tests})
        get_filename_component(test ${test_source} NAME_WE)
        add_executable(${name}_${test} ${test_source})
        target_include_directories(${name}_${test} PRIVATE
            ${CMAKE_SOURCE_DIR}/tests/harness ${CMAKE_SOURCE_DIR}/src/${name})
        target_link_libraries(${name}_${test} PRIVATE silt_${name} silt_harness silt_flags)
        target_compile_definitions(${name}_${test} PRIVATE SILT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
        add_test(NAME unit.${name}.${test} COMMAND ${name}_${test})
        set_tests_properties(unit.${name}.${test} PROPERTIES LABELS unit TIMEOUT 300
            ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/harness/tsan.supp")
    endforeach()
endfunction()
