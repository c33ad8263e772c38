# SPDX-License-Identifier: Apache-2.0
# Checks of the tree itself: layers, style, headers, state.
set(meta ${CMAKE_CURRENT_SOURCE_DIR}/meta)
dp_script_test(meta_layers COMMAND ${DP_PYTHON} -B ${meta}/layers.py ${CMAKE_SOURCE_DIR} LABELS meta)
dp_script_test(meta_style COMMAND ${DP_PYTHON} -B ${meta}/style.py ${CMAKE_SOURCE_DIR} LABELS meta)
dp_script_test(meta_headers COMMAND ${DP_PYTHON} -B ${meta}/headers.py ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} LABELS meta)
dp_script_test(meta_schemas COMMAND ${DP_PYTHON} -B ${meta}/schemas.py ${CMAKE_BINARY_DIR}/service/rpc/generated/schemas.bin
  ${CMAKE_CURRENT_SOURCE_DIR}/golden/schemas/facts.txt LABELS meta)
dp_script_test(meta_deploy COMMAND ${DP_PYTHON} -B ${meta}/deploy.py ${CMAKE_SOURCE_DIR} $<TARGET_FILE:docparse> LABELS meta)
# Sanitizers and counters add variables of their own.
if(NOT ASAN AND NOT UBSAN AND NOT TSAN AND NOT COVERAGE AND NOT FUZZ)
  dp_script_test(meta_globals COMMAND ${DP_PYTHON} -B ${meta}/globals.py ${CMAKE_BINARY_DIR} LABELS meta)
  dp_script_test(meta_selftest COMMAND ${DP_PYTHON} -B ${meta}/selftest.py ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} LABELS meta)
endif()
