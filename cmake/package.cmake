# Where things go on a machine (GNU layout), and the Debian package (./dev package).
include(GNUInstallDirs)
install(TARGETS silt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES deploy/silt.service DESTINATION lib/systemd/system)
install(FILES docs/operations.md docs/configuration.md docs/formats.md docs/security.md docs/reliability.md CHANGELOG.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/man/silt.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/silt.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES schemas/config.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/silt)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# What the program itself says the example and the completions are.
add_custom_command(OUTPUT silt.yaml COMMAND silt config --example > silt.yaml DEPENDS silt VERBATIM)
add_custom_command(OUTPUT silt.bash COMMAND silt completion bash > silt.bash DEPENDS silt VERBATIM)
add_custom_command(OUTPUT _silt COMMAND silt completion zsh > _silt DEPENDS silt VERBATIM)
add_custom_target(example_config ALL DEPENDS silt.yaml silt.bash _silt)
install(FILES ${CMAKE_BINARY_DIR}/silt.yaml DESTINATION /etc/silt) # where the unit looks
install(FILES ${CMAKE_BINARY_DIR}/silt.bash RENAME silt
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/_silt DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "silt <maintainers@silt.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "archives Kafka topics to object storage, exactly once")
set(CPACK_PACKAGE_DESCRIPTION "A consumer-group worker that validates Avro records, compresses them and uploads them \
to S3 as files that Spark, Trino and Athena read, with manifests that prove that every record is there once.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/deploy/debian/postinst;${CMAKE_SOURCE_DIR}/deploy/debian/prerm;${CMAKE_SOURCE_DIR}/deploy/debian/postrm;${CMAKE_SOURCE_DIR}/deploy/debian/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
