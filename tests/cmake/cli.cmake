# SPDX-License-Identifier: Apache-2.0
# The command line: its modules, then the program itself.
if(NOT TARGET docparse_service)
  return()
endif()
add_library(t_folder STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/folder.c)
target_compile_definitions(t_folder PRIVATE _GNU_SOURCE)
target_link_libraries(t_folder PUBLIC PkgConfig::CMOCKA PRIVATE dp_flags)
# A loader and a reader of its own stand in for those of the library.
dp_test(test_pipeline SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_pipeline.c LIBS docparse_core LABELS unit)
foreach(name test_inputs test_manifest test_outputs test_convert_options)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_folder docparse_service LABELS unit)
endforeach()
