# SPDX-License-Identifier: Apache-2.0
# The compute side of the Qwen2.5-VL engine.
dp_test(test_qwen_compute_kernels SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_compute_kernels.c
  LIBS eng_kernels LABELS unit)
