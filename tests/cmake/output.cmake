# SPDX-License-Identifier: Apache-2.0
# Writers.
add_library(t_documents STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/make_document.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/random_document.c ${CMAKE_CURRENT_SOURCE_DIR}/support/sample_document.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/collect.c)
target_compile_definitions(t_documents PRIVATE _GNU_SOURCE)
target_link_libraries(t_documents PUBLIC docparse_output PRIVATE dp_flags)

dp_test(test_output_golden SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_output_golden.c LIBS t_documents LABELS golden)
set(check_output ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/golden/check_output.py
  ${CMAKE_SOURCE_DIR}/schemas/json/document.schema.json)
file(GLOB_RECURSE output_goldens CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/output/sample*)
dp_script_test(output_golden_valid COMMAND ${check_output} ${output_goldens} LABELS golden)
dp_script_test(output_random_valid COMMAND ${check_output} --run $<TARGET_FILE:test_output_golden> 40 LABELS golden)
add_executable(write_pdf ${CMAKE_CURRENT_SOURCE_DIR}/golden/write_pdf.c)
target_compile_definitions(write_pdf PRIVATE _GNU_SOURCE)
target_link_libraries(write_pdf PRIVATE t_documents dp_flags)
set_target_properties(write_pdf PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
set(samples ${CMAKE_SOURCE_DIR}/corpora/samples)
dp_script_test(output_pdf_words COMMAND ${DP_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/golden/check_pdf.py $<TARGET_FILE:write_pdf>
  ${samples}/report.pdf ${samples}/paper.pdf ${samples}/form.pdf ${samples}/invoice.pdf LABELS golden)
foreach(name test_output_escape test_output_writers test_output_mathml test_output_pdf test_output_roundtrip)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_documents LABELS unit TIMEOUT 300)
endforeach()
dp_fuzz(fuzz_mathml SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_mathml.c LIBS docparse_output
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/mathml)
# The sanitizers bring their own allocator.
if(NOT ASAN AND NOT TSAN)
  dp_test(test_output_memory SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_output_memory.c LIBS t_documents LABELS unit)
  target_link_options(test_output_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
endif()
