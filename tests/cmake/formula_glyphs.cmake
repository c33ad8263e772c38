# SPDX-License-Identifier: Apache-2.0
# Formulas rebuilt from the glyphs of born-digital pages.
dp_test(test_formula SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_formula.c LIBS docparse_core LABELS unit)
dp_fuzz(fuzz_formula SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_formula.c LIBS docparse_core
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/formula)
dp_script_test(formulas_typeset COMMAND ${DP_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas.py score
  ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout.tex ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout-cm.pdf
  ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout-stix.pdf --docparse ${CMAKE_BINARY_DIR}/bin/docparse --every 3 --most 0.10
  LABELS golden TIMEOUT 300)
