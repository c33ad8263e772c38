# SPDX-License-Identifier: Apache-2.0
# Formulas rebuilt from the glyphs of born-digital pages.
dp_test(test_formula SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_formula.c LIBS docparse_core LABELS unit)
dp_fuzz(fuzz_formula SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_formula.c LIBS docparse_core
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/formula)
dp_script_test(formulas_typeset COMMAND ${DP_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas.py score
  ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout.tex ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout-cm.pdf
  ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas/heldout-stix.pdf --docparse ${CMAKE_BINARY_DIR}/bin/docparse --every 3 --most 0.10
  LABELS golden TIMEOUT 300)
dp_test(test_text_layer SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_text_layer.c LIBS docparse_core LABELS unit)
# The same inside of running text; prose without any must give none.
dp_test(test_formula_inline SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_formula_inline.c LIBS docparse_core LABELS unit)
set(inline ${CMAKE_SOURCE_DIR}/tests/accuracy/formulas)
dp_script_test(formulas_inline COMMAND ${DP_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/accuracy/inline_formulas.py score ${inline}/inline-heldout.tex
  ${inline}/inline-heldout-cm.pdf ${inline}/inline-heldout-stix.pdf --docparse ${CMAKE_BINARY_DIR}/bin/docparse --precision 0.97 --recall 0.94
  LABELS golden TIMEOUT 300)
dp_script_test(formulas_inline_none COMMAND ${DP_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/accuracy/inline_formulas.py score ${inline}/inline-none.tex
  ${inline}/inline-none-stix.pdf --docparse ${CMAKE_BINARY_DIR}/bin/docparse
  LABELS golden TIMEOUT 300)
