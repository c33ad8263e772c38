# SPDX-License-Identifier: Apache-2.0
# Script and language of text; the tool behind tests/accuracy/languages.py.
dp_test(test_language SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_language.c LIBS docparse_core LABELS unit)
add_executable(language_lines EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/accuracy/languages.c)
target_compile_definitions(language_lines PRIVATE _GNU_SOURCE)
target_link_libraries(language_lines PRIVATE docparse_core dp_flags)
set_target_properties(language_lines PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
