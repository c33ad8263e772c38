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
add_library(t_tiny_vocab STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/tiny_vocab.c)
target_link_libraries(t_tiny_vocab PUBLIC eng_base PRIVATE dp_flags)
dp_test(test_qwen_config SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_config.c LIBS eng_qwen25vl LABELS unit)
dp_test(test_qwen_tokenizer_unit SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_tokenizer.c LIBS eng_qwen25vl t_tiny_vocab
  LABELS unit)
dp_test(test_qwen_grammar SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_grammar.c
  LIBS eng_qwen25vl t_tiny_vocab PkgConfig::T_QWEN_JANSSON LABELS unit)
dp_test(test_qwen_images SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_images.c LIBS eng_qwen25vl LABELS unit)

# Fuzz targets; their seeds are small files of our own, written by the build.
set(qwen_seeds ${CMAKE_BINARY_DIR}/tests/qwen_seeds)
file(MAKE_DIRECTORY ${qwen_seeds}/safetensors ${qwen_seeds}/config ${qwen_seeds}/tokenizer ${qwen_seeds}/grammar)
add_executable(make_qwen_seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/make_qwen_seeds.c)
target_link_libraries(make_qwen_seeds PRIVATE t_tiny_vocab dp_flags)
add_custom_command(OUTPUT ${qwen_seeds}/stamp COMMAND make_qwen_seeds ${qwen_seeds}
  COMMAND ${CMAKE_COMMAND} -E touch ${qwen_seeds}/stamp DEPENDS make_qwen_seeds)
add_custom_target(qwen_seed_files DEPENDS ${qwen_seeds}/stamp)
dp_fuzz(fuzz_safetensors SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_safetensors.c LIBS eng_qwen25vl
  SEEDS ${qwen_seeds}/safetensors)
dp_fuzz(fuzz_qwen_config SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_qwen_config.c LIBS eng_qwen25vl SEEDS ${qwen_seeds}/config)
dp_fuzz(fuzz_tokenizer SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_tokenizer.c LIBS eng_qwen25vl t_tiny_vocab
  SEEDS ${qwen_seeds}/tokenizer)
dp_fuzz(fuzz_qwen_grammar SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_qwen_grammar.c LIBS eng_qwen25vl t_tiny_vocab
  SEEDS ${qwen_seeds}/grammar)
foreach(name fuzz_safetensors fuzz_qwen_config fuzz_tokenizer fuzz_qwen_grammar)
  add_dependencies(${name} qwen_seed_files)
endforeach()
dp_test(test_qwen_constraint SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_constraint.c LIBS t_qwen LABELS unit)
dp_test(test_qwen_packed SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_qwen_packed.c LIBS t_qwen LABELS unit)
