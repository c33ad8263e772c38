# SPDX-License-Identifier: Apache-2.0
# The gRPC service.
dp_test(test_rpc_parts SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_rpc_parts.c LIBS docparse_rpc t_documents LABELS unit)
dp_test(test_rpc_ask SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_rpc_ask.c LIBS docparse_rpc LABELS unit)
dp_test(test_rpc_cache SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_rpc_cache.c LIBS docparse_rpc t_folder LABELS unit)
dp_fuzz(fuzz_rpc SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_rpc.c LIBS docparse_rpc PkgConfig::JANSSON_RPC SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/seeds/rpc)
if(COMMAND dp_e2e)
  foreach(topic "" _ask _cache _client _clients _config _faults _jobs _limits _metrics _sandbox _security)
    dp_e2e(service${topic} 600)
  endforeach()
  dp_e2e(web 600)
endif()
