# SPDX-License-Identifier: Apache-2.0
# Parser of model output.
dp_pkg(T_MARKUP_JANSSON jansson)
add_library(t_markup STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/markup_same.c ${CMAKE_CURRENT_SOURCE_DIR}/support/markup_dump.c)
target_link_libraries(t_markup PUBLIC docparse_core PkgConfig::T_MARKUP_JANSSON PRIVATE dp_flags)

dp_test(test_markup_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_markup_golden.c LIBS t_markup LABELS golden TIMEOUT 300)
dp_fuzz(fuzz_markup SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_markup.c LIBS t_markup
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/markup)
add_executable(bench_markup ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_markup.c)
target_compile_definitions(bench_markup PRIVATE _GNU_SOURCE)
target_link_libraries(bench_markup PRIVATE docparse_core dp_flags)

add_library(t_markup_parse STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/markup_parse.c)
target_link_libraries(t_markup_parse PUBLIC t_markup PRIVATE dp_flags PkgConfig::CMOCKA)
foreach(name test_markup test_markup_blocks test_markup_json test_markup_hostile)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_markup_parse LABELS unit)
endforeach()
