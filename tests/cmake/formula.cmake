# SPDX-License-Identifier: Apache-2.0
# Formulas read from pictures.
dp_test(test_formula_spell SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_formula_spell.c LIBS docparse_core LABELS unit)
dp_test(test_document_spans SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_document_spans.c LIBS t_documents LABELS unit)
dp_test(test_scripts SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_scripts.c LIBS t_documents docparse_core LABELS unit)
dp_test(test_formula_place SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_formula_place.c LIBS t_documents LABELS unit)
add_executable(bench_formulas ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_formulas.c)
target_compile_definitions(bench_formulas PRIVATE _GNU_SOURCE)
target_link_libraries(bench_formulas PRIVATE eng_qwen25vl eng_base dp_flags m)
dp_script_test(synth_formulas COMMAND ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/synth/test_formulas.py LABELS unit)
dp_script_test(training_smoke COMMAND ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/synth/test_training.py $<TARGET_FILE:bench_formulas>
  LABELS unit TIMEOUT 400)
dp_script_test(synth_charts COMMAND ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/synth/test_charts.py LABELS unit)
dp_pkg(T_FORMULA_SPNG spng)
dp_test(test_formula_model SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_formula_model.c ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c
  LIBS docparse_core PkgConfig::T_FORMULA_SPNG LABELS golden)
