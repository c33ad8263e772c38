# SPDX-License-Identifier: Apache-2.0
# Files of a Qwen2.5-VL checkpoint, tokenizer, image processor, positions.
dp_pkg(T_QWEN_JANSSON jansson)
dp_pkg(T_QWEN_CRYPTO libcrypto)
add_library(t_shared STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/shared_files.c)
target_compile_definitions(t_shared PRIVATE _GNU_SOURCE)
target_link_libraries(t_shared PUBLIC PkgConfig::T_QWEN_JANSSON PRIVATE PkgConfig::T_QWEN_CRYPTO dp_flags)

dp_test(test_qwen_tokenizer SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_tokenizer.c LIBS eng_qwen25vl t_shared
  LABELS golden)
dp_test(test_qwen_resize SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_resize.c LIBS eng_qwen25vl t_shared LABELS golden)
dp_test(test_qwen_cases SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_cases.c LIBS eng_qwen25vl t_shared t_tensors
  LABELS golden)
dp_test(test_qwen_checkpoint_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_qwen_checkpoint.c
  LIBS eng_qwen25vl t_shared LABELS golden)
dp_test(test_qwen_checkpoint SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_checkpoint.c LIBS eng_qwen25vl LABELS unit)
