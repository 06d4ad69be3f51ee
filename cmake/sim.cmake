# The simulator (tests/sim): the product's rooms as they are, but for what sim_*.c define in their place. Calls between
# the files of the pipeline and of commit go through __wrap_… where it looks or plants a bug.
file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/*.c)
add_executable(silt_sim EXCLUDE_FROM_ALL ${sim_sources})
target_include_directories(silt_sim PRIVATE tests/sim src/store src)
target_link_libraries(silt_sim PRIVATE silt_pipeline silt_flags PkgConfig::jansson PkgConfig::libxxhash)
target_compile_definitions(silt_sim PRIVATE SILT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
foreach(call silt_slot_step silt_roll_step silt_search_listed silt_mpu_step silt_lane_on_offsets silt_start_decide
        silt_manifest_check_link silt_chain_put_sent silt_collector_run silt_chain_commit silt_repairer_ask
        silt_slot_init silt_schema_new silt_http_submit silt_http_timer silt_http_cancel free)
    target_link_options(silt_sim PRIVATE -Wl,--wrap=${call})
endforeach()
