# SPDX-License-Identifier: Apache-2.0
# The PDF loader.
dp_pkg(T_CRYPTO libcrypto)
add_library(t_pdf STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/pdf_maker.c)
target_compile_definitions(t_pdf PRIVATE _GNU_SOURCE)
target_link_libraries(t_pdf PUBLIC t_images PRIVATE PkgConfig::T_CRYPTO dp_flags)

dp_test(test_load_pdf SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_load_pdf.c LIBS t_pdf LABELS unit)
dp_test(test_load_pdf_text SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_load_pdf_text.c LIBS t_pdf LABELS unit)

dp_pkg(T_CAIRO_SCRIPT cairo-script)
dp_pkg(T_CAIRO cairo)
dp_test(test_pdf_script SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_pdf_script.c
  LIBS t_images PkgConfig::T_CAIRO_SCRIPT PkgConfig::T_CAIRO LABELS unit)

set(pdf_seeds ${CMAKE_BINARY_DIR}/tests/pdf_seeds)
file(MAKE_DIRECTORY ${pdf_seeds})
add_executable(make_pdf_seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/make_pdf_seeds.c)
target_link_libraries(make_pdf_seeds PRIVATE t_pdf PkgConfig::T_CAIRO_SCRIPT PkgConfig::T_CAIRO dp_flags)
add_custom_command(OUTPUT ${pdf_seeds}/mixed.pdf COMMAND make_pdf_seeds ${pdf_seeds} DEPENDS make_pdf_seeds)
add_custom_target(pdf_seed_files DEPENDS ${pdf_seeds}/mixed.pdf)
dp_fuzz(fuzz_load_pdf SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_load_pdf.c LIBS docparse_core SEEDS ${pdf_seeds})
add_dependencies(fuzz_load_pdf pdf_seed_files)

# Our own samples; corpora/fetch_docs.sh fetches a set of the size that figures are given for.
dp_script_test(accuracy_born_digital COMMAND python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/accuracy/born_digital.py
  ${CMAKE_SOURCE_DIR}/corpora/samples --docparse ${CMAKE_BINARY_DIR}/bin/docparse LABELS model TIMEOUT 300)
