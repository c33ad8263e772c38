# SPDX-License-Identifier: Apache-2.0
# Benchmark metrics against the field's own figures.
if(NOT TARGET docparse_bench)
  return()
endif()
dp_pkg(B_JANSSON jansson)
dp_test(test_bench_vectors SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_bench_vectors.c LIBS docparse_bench PkgConfig::B_JANSSON
  LABELS golden)
dp_test(test_bench_omnidocbench SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_bench_omnidocbench.c
  LIBS docparse_bench PkgConfig::B_JANSSON LABELS golden)
if(TARGET docparse)
  dp_script_test(bench_cli COMMAND ${DP_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/e2e/bench_cli.py LABELS e2e)
endif()
