# SPDX-License-Identifier: Apache-2.0
# Networks: reader, fusion, execution.
dp_pkg(T_GRAPH_JANSSON jansson)
dp_pkg(T_GRAPH_SPNG spng)
add_library(t_tensors STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/tensors.c)
target_link_libraries(t_tensors PUBLIC PkgConfig::T_GRAPH_JANSSON PkgConfig::T_GRAPH_SPNG PRIVATE dp_flags)
add_library(t_onnx STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/onnx_maker.c ${CMAKE_CURRENT_SOURCE_DIR}/support/onnx_samples.c)
target_link_libraries(t_onnx PUBLIC eng_base PRIVATE dp_flags)

dp_test(test_networks SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_networks.c LIBS t_tensors eng_graph LABELS golden
  TIMEOUT 300)
dp_test(test_graph SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_graph.c LIBS t_onnx eng_graph LABELS unit)
dp_test(test_graph_hostile SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_graph_hostile.c LIBS t_onnx eng_graph LABELS unit
  TIMEOUT 300)

# Seeds are small networks of our own, written by the build.
set(graph_seeds ${CMAKE_BINARY_DIR}/tests/graph_seeds)
file(MAKE_DIRECTORY ${graph_seeds})
add_executable(make_graph_seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/make_graph_seeds.c)
target_link_libraries(make_graph_seeds PRIVATE t_onnx dp_flags)
add_custom_command(OUTPUT ${graph_seeds}/sample0.onnx COMMAND make_graph_seeds ${graph_seeds} DEPENDS make_graph_seeds)
add_custom_target(graph_seed_files DEPENDS ${graph_seeds}/sample0.onnx)
dp_fuzz(fuzz_graph SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_graph.c LIBS eng_graph SEEDS ${graph_seeds})
add_dependencies(fuzz_graph graph_seed_files)

add_executable(bench_networks ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_networks.c)
target_compile_definitions(bench_networks PRIVATE _GNU_SOURCE)
target_link_libraries(bench_networks PRIVATE eng_graph dp_flags)
