# SPDX-License-Identifier: Apache-2.0
# Layout and table networks.
if(NOT TARGET eng_compact)
  return()
endif()
dp_pkg(L_SPNG spng)
dp_pkg(L_JANSSON jansson)
dp_test(test_table_net SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_table_net.c LIBS eng_compact LABELS unit)
dp_test(test_layout_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_layout_golden.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c LIBS eng_compact PkgConfig::L_SPNG PkgConfig::L_JANSSON LABELS golden)
if(TARGET docparse_core)
  add_library(t_pages STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/page_lines.c ${CMAKE_CURRENT_SOURCE_DIR}/support/page_script.c
    ${CMAKE_CURRENT_SOURCE_DIR}/support/text_kept.c)
  target_link_libraries(t_pages PUBLIC docparse_core PRIVATE dp_flags)
  dp_test(test_assembly SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_assembly.c LIBS t_pages docparse_core LABELS unit)
  dp_test(test_tables SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_tables.c LIBS t_pages docparse_core LABELS unit)
  dp_test(test_assembly_books SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_assembly_books.c LIBS t_pages docparse_core LABELS unit)
  dp_test(test_assembly_lists SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_assembly_lists.c LIBS t_pages docparse_core LABELS unit)
  dp_test(test_assembly_across SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_assembly_across.c LIBS t_pages docparse_core docparse_output
    LABELS unit)
  dp_test(test_order_layouts SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_order_layouts.c LIBS docparse_core
    LABELS unit)
  dp_test(test_bullets SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_bullets.c LIBS docparse_core LABELS unit)
  dp_test(test_rule_runs SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_rule_runs.c LIBS docparse_core LABELS unit)
  if(TARGET docparse_output)
    add_executable(bench_assembly ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_assembly.c)
    target_compile_definitions(bench_assembly PRIVATE _GNU_SOURCE)
    target_link_libraries(bench_assembly PRIVATE docparse_core docparse_output dp_flags m)
  endif()
  dp_test(test_text_kept SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_text_kept.c LIBS docparse_core t_pages t_shared
    LABELS golden model TIMEOUT 600)
  if(ASAN OR TSAN OR UBSAN)
    set_property(TEST test_text_kept APPEND PROPERTY ENVIRONMENT "DP_E2E_QUICK=1")
  endif()
  if(TARGET docparse_output)
    dp_fuzz(fuzz_assembly SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_assembly.c LIBS t_pages docparse_core docparse_output
      SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/assembly)
    dp_test(test_torture_arena SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/torture/test_torture_arena.c
      LIBS t_pages docparse_core docparse_output LABELS torture)
    foreach(call alloc array text grow)
      target_link_options(test_torture_arena PRIVATE -Wl,--wrap=b_arena_${call})
    endforeach()
  endif()
  if(TARGET docparse_bench AND TARGET docparse_output)
    dp_test(test_tables_drawn SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_tables_drawn.c
      LIBS t_pages docparse_core docparse_output docparse_bench LABELS unit)
  endif()
endif()
