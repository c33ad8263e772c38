# SPDX-License-Identifier: Apache-2.0
# Decoders in processes of their own.
add_library(t_sheets STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/sheets.c)
target_link_libraries(t_sheets PUBLIC docparse_core PRIVATE dp_flags)
foreach(name test_sheet_wire test_load_remote test_sandbox)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_sheets docparse_core LABELS unit)
endforeach()

set(sheet_seeds ${CMAKE_BINARY_DIR}/tests/sheet_seeds)
file(MAKE_DIRECTORY ${sheet_seeds})
add_executable(make_sheet_seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/make_sheet_seeds.c)
target_link_libraries(make_sheet_seeds PRIVATE t_sheets dp_flags)
add_custom_command(OUTPUT ${sheet_seeds}/sheet COMMAND make_sheet_seeds ${sheet_seeds} DEPENDS make_sheet_seeds)
add_custom_target(sheet_seed_files DEPENDS ${sheet_seeds}/sheet)
dp_fuzz(fuzz_sheet_wire SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_sheet_wire.c LIBS docparse_core SEEDS ${sheet_seeds})
add_dependencies(fuzz_sheet_wire sheet_seed_files)
