# SPDX-License-Identifier: Apache-2.0
# Recogniser and page engine.
if(NOT TARGET eng_graph OR NOT TARGET eng_compact)
  return()
endif()
dp_test(test_recogniser SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_recogniser.c LIBS eng_compact LABELS unit)
dp_test(test_quotes SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_quotes.c LIBS eng_compact LABELS unit)
dp_test(test_page_engine SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_page_engine.c LIBS eng_compact LABELS unit)
dp_pkg(R_SPNG spng)
pkg_check_modules(R_JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson)
dp_test(test_recogniser_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_recogniser_golden.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c LIBS eng_compact t_shared PkgConfig::R_SPNG PkgConfig::R_JANSSON
  LABELS golden TIMEOUT 600)
add_executable(bench_compact ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_compact.c ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c)
target_compile_definitions(bench_compact PRIVATE _GNU_SOURCE)
target_link_libraries(bench_compact PRIVATE eng_compact dp_flags PkgConfig::R_SPNG Threads::Threads m)

# What engine/training/quotes.py learns from.
add_executable(quote_patches ${CMAKE_CURRENT_SOURCE_DIR}/bench/quote_patches.c ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c)
target_compile_definitions(quote_patches PRIVATE _GNU_SOURCE)
target_link_libraries(quote_patches PRIVATE eng_compact dp_flags PkgConfig::R_SPNG Threads::Threads m)
