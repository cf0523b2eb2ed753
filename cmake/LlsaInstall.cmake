# `cmake --install` puts the programs into bin/ and, as component "libraries", every library with its headers where
# `find_package(llsa)` finds them. Headers keep their folders below include/llsa, which is on a consumer's include path.
# A build that fetched packages installs the programs only: a consumer could not find what the libraries were built with.
include(CMakePackageConfigHelpers)

foreach(program llsa-compare llsa-demo llsa-diffusion llsa-viewer)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
  endif()
endforeach()
if(LLSA_FETCHED)
  message(STATUS "The libraries cannot be installed: fetched here were ${LLSA_FETCHED}")
  return()
endif()

get_property(LLSA_INSTALLED_LIBRARIES GLOBAL PROPERTY LLSA_LIBRARIES)
if(TARGET llsa_simt_world)
  list(APPEND LLSA_INSTALLED_LIBRARIES llsa_simt_world)
endif()
set(LLSA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/llsa)
install(TARGETS ${LLSA_INSTALLED_LIBRARIES} EXPORT llsaTargets COMPONENT libraries
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT llsaTargets NAMESPACE llsa:: DESTINATION ${LLSA_PACKAGE_DIR} COMPONENT libraries)
foreach(part llsa reference backends files plot datasets diffusion compare cuda)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/llsa COMPONENT libraries
          FILES_MATCHING PATTERN "*.hpp" PATTERN "fuzz" EXCLUDE)
endforeach()
configure_package_config_file(cmake/llsaConfig.cmake.in ${CMAKE_BINARY_DIR}/llsaConfig.cmake
                              INSTALL_DESTINATION ${LLSA_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/llsaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/llsaConfig.cmake ${CMAKE_BINARY_DIR}/llsaConfigVersion.cmake
        DESTINATION ${LLSA_PACKAGE_DIR} COMPONENT libraries)
