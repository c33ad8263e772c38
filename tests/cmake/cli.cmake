# SPDX-License-Identifier: Apache-2.0
# The command line: its modules, then the program itself.
add_library(t_folder STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/folder.c)
target_compile_definitions(t_folder PRIVATE _GNU_SOURCE)
target_link_libraries(t_folder PUBLIC PkgConfig::CMOCKA PRIVATE dp_flags)
# A loader and a reader of its own stand in for those of the library.
dp_test(test_pipeline SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_pipeline.c LIBS docparse_core LABELS unit)
foreach(name test_inputs test_manifest test_outputs test_convert_options)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_folder docparse_service LABELS unit)
endforeach()

dp_fuzz(fuzz_settings SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_settings.c LIBS docparse_service docparse_rpc
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/settings)

foreach(shim full_disk clock_jump)
  add_library(t_${shim} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/torture/${shim}.c)
  target_compile_definitions(t_${shim} PRIVATE _GNU_SOURCE)
  target_link_libraries(t_${shim} PRIVATE dp_flags ${CMAKE_DL_LIBS})
endforeach()

# Our own allocations fail in turn; those inside shared libraries do not.
dp_test(test_torture SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/torture/test_torture.c ${CMAKE_CURRENT_SOURCE_DIR}/torture/alloc.c
  LIBS t_folder docparse_service LABELS torture model TIMEOUT 600)
foreach(call malloc calloc realloc strdup strndup free)
  target_link_options(test_torture PRIVATE -Wl,--wrap=${call})
endforeach()

# The program itself, from outside. Sanitizer builds read fewer pages.
function(dp_e2e name timeout)
  if(TSAN) # as in e2e.py, which waits longer there
    math(EXPR timeout "${timeout} * 10")
  elseif(ASAN OR UBSAN)
    math(EXPR timeout "${timeout} * 3")
  endif()
  dp_script_test(e2e_${name} COMMAND ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_${name}.py LABELS e2e model TIMEOUT ${timeout})
  set_property(TEST e2e_${name} APPEND PROPERTY ENVIRONMENT "DP_ENOSPC_SHIM=$<TARGET_FILE:t_full_disk>" "DP_CLOCK_SHIM=$<TARGET_FILE:t_clock_jump>")
  if(ASAN OR TSAN OR UBSAN)
    set_property(TEST e2e_${name} APPEND PROPERTY ENVIRONMENT "DP_E2E_QUICK=1")
  endif()
endfunction()
dp_e2e(convert 900)
dp_e2e(qwen 300)
dp_e2e(formulas 300)
dp_e2e(bad_input 900)
dp_e2e(cli 300)
dp_e2e(sandbox 600)
set_property(TEST e2e_cli APPEND PROPERTY ENVIRONMENT "DP_MAN=${CMAKE_BINARY_DIR}/docparse.1")
