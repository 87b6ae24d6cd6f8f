# The library by itself, for C and C++ programs: header, libpydl.so, find_package(pydl), pydl.pc.
# Included when PYDL_PYTHON is OFF; a wheel carries the library inside the package instead.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(pydl PROPERTIES VERSION ${PROJECT_VERSION}
                                      SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(pydl INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

install(TARGETS pydl EXPORT pydl-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES csrc/include/pydl/pydl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pydl)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pydl)
install(EXPORT pydl-targets NAMESPACE pydl:: DESTINATION ${package_dir})
file(CONFIGURE OUTPUT pydl-config.cmake
     CONTENT "include(\"\${CMAKE_CURRENT_LIST_DIR}/pydl-targets.cmake\")\n" @ONLY)
# Until 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pydl-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pydl-config.cmake
              ${PROJECT_BINARY_DIR}/pydl-config-version.cmake DESTINATION ${package_dir})

# Paths relative to the file itself, so that an installed tree may be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/pydl.pc.in pydl.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pydl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
