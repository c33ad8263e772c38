# SPDX-License-Identifier: Apache-2.0
# The compute side of the Qwen2.5-VL engine.
dp_test(test_qwen_compute_kernels SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_compute_kernels.c
  LIBS eng_kernels LABELS unit)
add_library(t_qwen STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/qwen_case.c)
target_compile_definitions(t_qwen PRIVATE _GNU_SOURCE)
target_link_libraries(t_qwen PUBLIC eng_qwen25vl t_tensors PRIVATE dp_flags PkgConfig::CMOCKA m)
dp_test(test_qwen_model SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_model.c LIBS t_qwen LABELS golden TIMEOUT 300)
dp_test(test_qwen_real_shape SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_real_shape.c LIBS t_qwen LABELS golden
  TIMEOUT 300)
dp_test(test_qwen_compute SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_compute.c LIBS t_qwen LABELS unit)

add_executable(bench_qwen ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_qwen.c)
target_compile_definitions(bench_qwen PRIVATE _GNU_SOURCE)
target_link_libraries(bench_qwen PRIVATE eng_qwen25vl dp_flags Threads::Threads m)
dp_test(test_qwen_compute_linear SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_compute_linear.c LIBS eng_qwen25vl
  LABELS unit)

add_executable(bench_lm ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_lm.c)
target_compile_definitions(bench_lm PRIVATE _GNU_SOURCE)
target_link_libraries(bench_lm PRIVATE eng_kernels dp_flags)
dp_test(test_qwen_large SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_large.c LIBS eng_qwen25vl LABELS unit)
add_executable(bench_large EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_large.c)
target_compile_definitions(bench_large PRIVATE _GNU_SOURCE)
target_link_libraries(bench_large PRIVATE eng_qwen25vl dp_flags)
