# SPDX-License-Identifier: Apache-2.0
# Detector: map to strips, and whole pages against the reference's boxes.
if(NOT TARGET eng_compact)
  return()
endif()
dp_pkg(T_DET_SPNG spng)
dp_pkg(T_DET_JANSSON jansson)
dp_test(test_detector_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_detector_golden.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c LIBS eng_compact t_shared PkgConfig::T_DET_SPNG PkgConfig::T_DET_JANSSON
  LABELS golden TIMEOUT 300)
dp_test(test_components SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_components.c LIBS eng_compact LABELS unit)
dp_test(test_det_input SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_det_input.c LIBS eng_compact LABELS unit)
dp_test(test_strips SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_strips.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/text_map.c LIBS eng_compact LABELS unit)
dp_test(test_strips_hostile SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_strips_hostile.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/text_map.c LIBS eng_compact LABELS unit)
dp_fuzz(fuzz_strips SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_strips.c LIBS eng_compact
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/strips)
dp_test(test_page_memory SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_page_memory.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/png_page.c LIBS eng_compact t_shared PkgConfig::T_DET_SPNG LABELS golden TIMEOUT 300)
