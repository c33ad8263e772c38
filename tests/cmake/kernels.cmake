# SPDX-License-Identifier: Apache-2.0
# Kernels: every instruction set against the plain twins.
add_library(t_kernels STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/kernels_check.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  target_sources(t_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support/kernels_wide.c)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/support/kernels_wide.c PROPERTIES
    COMPILE_OPTIONS "-O3;-mavx2;-mfma")
endif()
target_link_libraries(t_kernels PUBLIC eng_kernels PRIVATE dp_flags PkgConfig::CMOCKA m)
foreach(name test_kernels test_kernels_rows)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_kernels LABELS unit)
endforeach()
add_executable(bench_kernels ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_kernels.c)
target_compile_definitions(bench_kernels PRIVATE _GNU_SOURCE)
target_link_libraries(bench_kernels PRIVATE eng_kernels dp_flags m)
