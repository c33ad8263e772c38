# SPDX-License-Identifier: Apache-2.0
# Networks: reader, fusion, execution.
dp_pkg(T_GRAPH_JANSSON jansson)
dp_pkg(T_GRAPH_SPNG spng)
add_library(t_tensors STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/tensors.c)
target_link_libraries(t_tensors PUBLIC PkgConfig::T_GRAPH_JANSSON PkgConfig::T_GRAPH_SPNG PRIVATE dp_flags)
dp_test(test_networks SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/golden/test_networks.c LIBS t_tensors eng_graph LABELS golden
  TIMEOUT 300)
